#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three gateways under one name, with babeld between them and towards a node, which a service
# keeps connected. The node's gateway dies for good: node and routes move to another one, for
# which it takes some minutes of the machine's time: a session is dead only after 180 s.
# vm: --systemd

# shellcheck disable=SC2317 # functions that are called by name
source tests/lib.sh
source tests/gateways.sh

# A host behind the gateways, and their own network, which they and the host share.
host=2001:db8:1::1 me=2001:db8:1::30
ip link add backbone type bridge
ip link set backbone up
join_backbone() {
	ip link add "bb$1" type veth peer name mesh0 netns "$1"
	ip link set "bb$1" master backbone up
	ip -n "$1" link set mesh0 up
}
timing='hello-interval 1 update-interval 4'
# route NAME [ARG...]: babeld there, which announces only the mesh's addresses.
route() {
	local name=$1
	shift
	at "$name" babeld -D -I "$work/$name.pid" -L "$work/$name.babeld" -S '' \
		-C "default $timing" -C 'redistribute local ip 2001:db8:1::/48 allow' \
		-C 'redistribute local deny' "$@"
}

(umask 077 && wg genkey >"$work/shared.key")
key=$(wg pubkey <"$work/shared.key")
for number in 1 2 3; do
	add_gateway "gw$number" "$number" "PRIVATEKEY=$work/shared.key" \
		"BABELPORT=$work/gw$number.babel" "BABELOPTIONS=\"type tunnel $timing\""
	join_backbone "gw$number"
	route "gw$number" -G "$work/gw$number.babel" mesh0
	echo "192.0.2.1$number gateways.example" >>/etc/hosts
done
ip netns add host
ip -n host link set lo up
join_backbone host
ip -n host addr add "$host/128" dev lo
route host mesh0

# The node is the machine itself, with the unit files that an operator would install.
ip addr add "$me/128" dev lo
install -D "$connect" /usr/local/sbin/broker-connect
install -D -m 644 -t /etc/systemd/system contrib/systemd-node/broker-connect@.service
mkdir -p /etc/wg-broker
cat >/etc/wg-broker/node-wgmesh.conf <<EOT
GATEWAYS=gateways.example
OPTIONS="-p $key"
EOT
babeld -D -I "$work/node.pid" -L "$work/node.babeld" -S '' -C "default $timing" \
	-C 'redistribute local ip 2001:db8:1::/48 allow' -C 'redistribute local deny' \
	-C 'interface wgmesh type tunnel'
systemctl daemon-reload
systemctl start broker-connect@wgmesh

# The gateway that the node is at: gw1, gw2 or gw3.
gateway() { wg show wgmesh endpoints | sed -n 's/.*\t192\.0\.2\.1\([123]\):.*/gw\1/p'; }
reaches() { ping -c 1 -W 1 -I "$me" "$host"; }
ok 'the node reaches the host behind the gateways' wait_for 60 reaches
first=$(gateway)
like "$first" '^gw[123]$' 'through one of them'
# shows NAME WORDS: the route to the node at a gateway.
shows() { ip -n "$1" -6 route show "$me" | grep -q "$2"; }
ok 'which announces the node' wait_for 20 shows "$first" "$prefix"
is "$(stat -c %a /etc/wg-broker/node.key)" 600 'the unit made a private key'

# It looks again, and nobody is asked.
ran_again() { journalctl -q -u broker-connect@wgmesh --grep "live session"; }
ok 'the service looks again, and finds the session alive' wait_for 120 ran_again
requests=$(cat "$work"/gw?.log | grep -c accepted)
is "$requests" 1 'with one request for all runs'
is "$(gateway)" "$first" 'at the same gateway'

silence "$first"
kill "$(<"$work/$first.pid")"
SECONDS=0
moved() { [[ $(gateway) == gw[123] && $(gateway) != "$first" ]]; }
ok 'its gateway gone, the node moves' wait_for 400 moved
diag "the node moved from $first to $(gateway) after $SECONDS s"
# 180 s for the session, 60 for the next look, 5 for each attempt at the one that is gone, and some more.
ok 'within 270 s' test "$SECONDS" -lt 270
ok 'and reaches the host again' wait_for 60 reaches
diag "the host was reached again after $SECONDS s"
second=$(gateway)
ok 'the new gateway announces it' wait_for 20 shows "$second" "$prefix"
third=$(printf '%s\n' gw1 gw2 gw3 | grep -vx -e "$first" -e "$second")
ok 'the third routes to it by the second' wait_for 30 shows "$third" mesh0
ok 'the host has one address of it, and it answers' at host ping -c 3 -W 2 -I "$host" "$me"
is "$(systemctl show -P NRestarts -P ActiveState broker-connect@wgmesh | xargs)" '0 active' 'the service went on'
is "$(ip -o link show group 40001 | wc -l)" 1 'there is one interface'
systemctl stop broker-connect@wgmesh
for name in gw1 gw2 gw3 host node; do
	[[ ! -f $work/$name.pid ]] || kill "$(<"$work/$name.pid")"
done
done_testing
