#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# BIRD at the gateway, with the configuration of contrib/, which nobody tells of anything: routes and
# packets pass between a node with BIRD and one with babeld, the dead are forgotten, and a burst of
# new nodes is found.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
source tests/lib.sh

count=${TEST_BURST:-60}

# start_bird SOCKET CONFIGURATION [COMMAND...]
start_bird() {
	"${@:3}" bird -f -c "$2" -s "$1" 2>>"$work/log" &
	jobs+=($!)
}

# ask_bird WORD...: the gateway's BIRD.
ask_bird() { timeout 5 birdc -s /run/gateway.ctl show "$@"; }
used() { ask_bird babel interfaces | awk -v begin="^$prefix" '$1 ~ begin && $2 == "Up"' | wc -l; }
uses() { [[ $(used) == "$1" ]]; }

has_route() { ip ${1:+-n "$1"} -6 route show "$2" | grep -q "via.*dev"; }
has_no_route() { ! has_route "$@"; }
pings() { ip netns exec "$1" ping -c 1 -W 2 -I "2001:db8:$2::1" "2001:db8:$3::1"; }

fails() { ! "$@"; }
any_port() {
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("", 0))'
}

sysctl -qp contrib/gateway/60-wg-broker.conf
configure MAXCONNECTIONS=1000
start_bird /run/gateway.ctl contrib/gateway/bird.conf

join_with_lan node1 1 && one=$name
sed 's/192.0.2.1;/192.0.2.11;/; s/babel-wg-\*/wg0/; s/= RTS_BABEL/~ [ RTS_DEVICE, RTS_BABEL ]/
	s/^protocol device.*/& protocol direct { ipv6; interface "lan0"; }/' \
	contrib/gateway/bird.conf >"$work/node1.conf"
start_bird /run/node1.ctl "$work/node1.conf" ip netns exec node1
join_with_lan node2 2 && two=$name
ip netns exec node2 babeld -S '' -I '' -L "$work/node2.log" -C 'router-id 02:00:00:00:00:00:00:12' \
	-C 'redistribute local deny' -C 'redistribute ip 2001:db8:2::/64 eq 64 allow' wg0 &
jobs+=($!)
ok 'node1, with BIRD, has the route to node2' wait_for 60 has_route node1 2001:db8:2::/64
ok 'node2, with babeld, has the route to node1' wait_for 60 has_route node2 2001:db8:1::/64
ok 'a ping passes from prefix to prefix' wait_for 20 pings node1 1 2

diag 'what contrib/gateway/60-wg-broker.conf is for'
sysctl -qw net.ipv6.conf.all.forwarding=0
ok 'without forwarding no ping passes' fails pings node1 1 2
sysctl -qw net.ipv4.ip_local_port_range='40000 41000'
ok 'no program gets a port of the range by chance' fails any_port
sysctl -qw net.ipv4.ip_local_reserved_ports=
ok 'but without that setting' any_port
sysctl -qp contrib/gateway/60-wg-broker.conf
sysctl -qw net.ipv4.ip_local_port_range='32768 60999'
ok 'with it the ping passes again' wait_for 20 pings node1 1 2

diag 'a node goes silent'
ok 'the gateway has the route to it' has_route '' 2001:db8:1::/64
prune
ip -n node1 link set wg0 down
await 30 handshake_again node2 "$two"
said=$(later 700 "$admin" prune 2>&1)
ok 'a prune removes its interface' test ! -e "/sys/class/net/$one"
ok 'the gateway has no route to it any more' wait_for 10 has_no_route '' 2001:db8:1::/64
ok 'nor has the other node' wait_for 60 has_no_route node2 2001:db8:1::/64
ip -n node1 link set wg0 up
tunnel node1 "$(port_of "$(ask "$(wg pubkey <"$work/node1.key")")")"
ok 'when it asked again a ping passes' wait_for 60 pings node1 1 2

diag 'a burst'
had=$(($(count_interfaces) + count))
random_pubkeys "$count" >"$work/keys"
while read -r key; do
	ask "$key" >/dev/null 2>&1 &
	asking+=($!)
done <"$work/keys"
wait "${asking[@]}"
before=$SECONDS
ok "BIRD uses all $had interfaces" wait_for 20 uses "$had"
diag "it uses $(used) $((SECONDS - before)) s after the last reply"
"$admin" flush 2>>"$work/log"
ok 'and none after a flush' wait_for 20 uses 0
done_testing
