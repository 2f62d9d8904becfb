#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --memory 6144
# needs: bench
# 3,000 interfaces, a hundred of them of real nodes: with BIRD, and with babeld. All are up and used,
# packets pass through the hundred, and what that costs.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
source tests/lib.sh

peers=${TEST_PEERS:-3000} nodes=${TEST_NODES:-100}
control=/run/babel.sock
# The daemons' work grows with the square of the interfaces: each look at its sockets is at all of
# them, and there are more looks. So they are to speak more rarely.
hello=20 update=80

now_ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }
millions() { printf '%d.%02d million' $(($1 / 1000000)) $(($1 / 10000 % 100)); }
# cpu_ms PID: what it has used of the processor.
cpu_ms() { awk '{ print int($1 / 1000000) }' "/proc/$1/schedstat"; }

# idle_cost WHAT PID
idle_cost() {
	local before
	before=$(cpu_ms "$2")
	sleep 20
	diag "$1 takes $((($(cpu_ms "$2") - before) / 20)) million instructions a second when nothing happens"
}

# fill COUNT: new nodes, one after the other. Prints the median of what they cost.
fill() {
	random_pubkeys "$1" | sed 's/.*/{"version":1,"pubkey":"&"}/' |
		"$BROKER_BUILD/bench/spawn" '"port":' "$handler" 2>>"$work/log" | cut -d ' ' -f 1
}

# join NUMBER: joins the node, with BIRD and the prefix 2001:db8:1:NUMBER::/64.
join() {
	local node=node$1
	add_node "$node" "$1"
	ip -n "$node" link add lan0 type dummy
	ip -n "$node" link set lan0 up
	ip -n "$node" addr add "2001:db8:1:$1::1/64" dev lan0 nodad
	tunnel "$node" "$(port_of "$(ask "$(make_key "$node")")")"
	sed "s/192.0.2.1;/192.0.2.$((10 + $1));/; s/babel-wg-\*/wg0/; s/= RTS_BABEL/~ [ RTS_DEVICE, RTS_BABEL ]/
		s/type wired;/& $intervals/; s/^protocol device.*/& protocol direct { ipv6; interface \"lan0\"; }/" \
		contrib/gateway/bird.conf >"$work/$node.conf"
	ip netns exec "$node" bird -f -c "$work/$node.conf" -s "/run/$node.ctl" 2>/dev/null &
	jobs+=($!)
}

ask_bird() { timeout 20 birdc -s /run/gateway.ctl show "$@"; }
bird_uses() { ask_bird babel interfaces | awk -v begin="^$prefix" '$1 ~ begin && $2 == "Up"' | wc -l; }
dump() { { printf 'dump\n' && sleep 2; } | socat -t 10 - "UNIX-CONNECT:$control" 2>/dev/null; }
babeld_uses() { dump | grep -c "^add interface ${prefix}[0-9]* up true"; }
answers() { dump | grep -qx ok; }
uses() { [[ $("$1_uses") == "$2" ]]; }
routes() { ip -6 route show | grep -c '^2001:db8:1:.* via '; }
has_routes() { [[ $(routes) == "$1" ]]; }
no_routes() { has_routes 0; }

# test_routes DAEMON: to each of the real nodes.
test_routes() {
	local begun=$SECONDS reached=0
	ok "$1 has a route to each of $nodes nodes" wait_for 300 has_routes "$nodes"
	diag "$1: $(routes) routes after $((SECONDS - begun)) s"
	for ((i = 1; i <= nodes; i++)); do
		ping -q -c 1 -W 5 -I 2001:db8::1 "2001:db8:1:$i::1" >/dev/null && reached=$((reached + 1))
	done
	is "$reached" "$nodes" "$1: a ping passes to each of them"
}

intervals="hello interval $hello s; update interval $update s;"
sysctl -qp contrib/gateway/60-wg-broker.conf
configure MAXCONNECTIONS=$((2 * peers)) ENDPORT=46000
ulimit -n 16384
dmesg -C

diag 'BIRD'
sed "s/type wired;/& $intervals/" contrib/gateway/bird.conf >"$work/gateway.conf"
bird -f -c "$work/gateway.conf" -s /run/gateway.ctl 2>"$work/bird.log" &
bird=$!
jobs+=("$bird")
for ((i = 1; i <= nodes; i++)); do join "$i"; done
had=$(count_interfaces)
kill -STOP "$bird"
diag "a new node at $had interfaces: $(millions "$(fill 11)")"
kill -CONT "$bird"
begun=$(now_ms)
each=$(fill $((peers - 11 - had - 11)))
diag "new nodes up to $(count_interfaces): $(millions "$each") each beside BIRD, all in $(($(now_ms) - begun)) ms"
kill -STOP "$bird"
diag "a new node at $(count_interfaces) interfaces: $(millions "$(fill 11)")"
kill -CONT "$bird"
begun=$SECONDS
ok "BIRD uses all $peers interfaces" wait_for 60 uses bird "$peers"
diag "it uses $(bird_uses), $((SECONDS - begun)) s after the last"
test_routes BIRD
diag "BIRD: $(awk '/VmRSS/ { print $2, $3 }' "/proc/$bird/status") of memory, $(find "/proc/$bird/fd" -type l | wc -l) descriptors"
idle_cost BIRD "$bird"
begun=$(now_ms)
prune
diag "a prune that removes none takes $(($(now_ms) - begun)) ms: $said"
begun=$(now_ms)
"$admin" status >"$work/table"
diag "status takes $(($(now_ms) - begun)) ms"
kill "$bird"
wait "$bird"
ok 'without BIRD there is no route' wait_for 30 no_routes

diag 'babeld'
configure MAXCONNECTIONS=$((2 * peers)) ENDPORT=46000 BABELPORT=$control \
	"BABELOPTIONS=\"type wired hello-interval $hello update-interval $update\""
ip link add mesh0 type dummy
ip link set mesh0 up
babeld -G "$control" -S '' -I '' -L "$work/babeld.log" -C 'skip-kernel-setup true' \
	-C 'router-id 02:00:00:00:00:00:00:01' -C 'redistribute local deny' mesh0 &
babeld=$!
await 20 answers
begun=$(now_ms)
ok 'babeld is told of them' "$admin" resync -w 100
diag "in $(($(now_ms) - begun)) ms"
ok "babeld uses all $peers interfaces" wait_for 60 uses babeld "$peers"
diag "babeld uses $(babeld_uses); $(awk '/VmRSS/ { print $2, $3 }' "/proc/$babeld/status") of memory"
test_routes babeld
idle_cost babeld "$babeld"
ok 'babeld lives' kill -0 "$babeld"
# It looks at all interfaces at each change of one: what follows would take it hours here.
kill "$babeld"
wait "$babeld"

diag 'the end'
begun=$(now_ms)
BABELPORT='' "$admin" flush 2>>"$work/log"
diag "a flush of $peers takes $(($(now_ms) - begun)) ms"
is "$(count_interfaces)" 0 'nothing is left'
is "$(dmesg | grep -iE 'overflow|memory|BUG|WARN')" '' 'the kernel did not complain'
is "$((16#$(awk 'NR == 2 { print $13 }' /proc/net/stat/ndisc_cache)))" 0 'the table of neighbours was never full'
kill "${jobs[@]}" 2>/dev/null
wait
done_testing
