#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-connect -B, -L and -F: a node's routing daemons, a real babeld and stand-ins for l3roamd and
# mmfd, are told of the interface, of a new one where an old one was, and take it back.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/meshds.sh
source tests/gateways.sh

host=2001:db8:1::1 me=2001:db8:1::30
timing='hello-interval 1 update-interval 4'
add_gateway gw1 1 "BABELPORT=$work/gw1.babel" "BABELOPTIONS=\"type tunnel $timing\""
key=${gateway_key[gw1]}
add_node node 30
for name in gw1 node; do
	ip -n $name link add mesh0 type dummy
	ip -n $name link set mesh0 up
done
ip -n gw1 addr add "$host/128" dev lo
ip -n node addr add "$me/128" dev lo

# route NAME SOCKET: babeld there, which knows nothing of tunnels. Its process is $babeld.
route() {
	ip netns exec "$1" babeld -S '' -I '' -L "$work/$1.babeld" -G "$2" -C "default type tunnel $timing" \
		-C 'redistribute local ip 2001:db8:1::/48 allow' -C 'redistribute local deny' mesh0 &
	babeld=$!
	jobs+=("$babeld")
}
route gw1 "$work/gw1.babel"
route node "$work/node.babel"
control=UNIX-CONNECT:$work/node.babel
dump() { { printf 'dump\n' && sleep 0.5; } | at node socat -t 2 - "$control" 2>/dev/null; }
answers() { dump | grep -qx ok; }
knows() { dump | grep -q '^add interface wgmesh '; }
await 20 answers

# start_daemons: the stand-ins; their SECONDS are none.
start_daemons() {
	local daemon
	for daemon in "${daemons[@]}"; do
		rm -f "$work/$daemon.log.state"
		ip netns exec node tests/meshd.py "$daemon" "$work/$daemon.sock" "$work/$daemon.log" 2>>"$work/err" &
		pid[$daemon]=$!
		await 20 test -e "$work/$daemon.log.state"
	done
	jobs+=("${pid[@]}")
}
start_daemons
# heard: what each of them was told since the last time, if it is the same.
heard() {
	cmp "$work/l3roamd.log" "$work/mmfd.log" >&2 && paste -sd , "$work/mmfd.log"
	: >"$work/l3roamd.log"
	: >"$work/mmfd.log"
}
# joined: the number of the interface that both have joined under our name.
joined() { sort -u "$work/l3roamd.log.state" "$work/mmfd.log.state" | sed -n 's/^wgmesh=//p' | xargs; }
number() { at node cat /sys/class/net/wgmesh/ifindex; }
reaches() { at node ping -c 1 -W 1 -I "$me" "$host"; }
all=(-B "$work/node.babel" -L "$work/l3roamd.sock" -F "$work/mmfd.sock")

connect node -g "${all[@]}" -p "$key" 192.0.2.11
is "$status $(grep -c . <<<"$words")" '0 2' 'connected, and nothing to complain of'
ok 'babeld knows the interface' knows
is "$(heard)" 'del_meshif wgmesh exists up new,add_meshif wgmesh exists up new' 'so do l3roamd and mmfd'
is "$(joined)" "$(number)" 'which have joined it'
ok 'a ping passes by the route of babeld' wait_for 60 reaches

connect node "${all[@]}" -p "$key" 192.0.2.11
is "$status $(heard)" '0 get_meshifs' 'the next run asks whether they know it'
kill "$babeld" "${pid[@]}"
wait "$babeld"
route node "$work/node.babel"
await 20 answers
ok 'a babeld that was restarted knows it no more' eval '! knows'
start_daemons
connect node "${all[@]}" -p "$key" 192.0.2.11
is "$status $(heard)" '0 get_meshifs,del_meshif wgmesh exists up new,add_meshif wgmesh exists up new' \
	'the next run tells those that lack it'
ok 'and babeld' knows
ok 'a ping passes' wait_for 60 reaches

# Deleted behind their back.
ip -n node link delete wgmesh
connect node "${all[@]}" -p "$key" 192.0.2.11
is "$status $(joined)" "0 $(number)" 'a new interface of that name is joined'
ok 'a ping passes' wait_for 60 reaches
heard >/dev/null

connect node down "${all[@]}"
is "$status $words" '0 ' 'down'
is "$(heard)" 'del_meshif wgmesh exists up known' 'they are told before it goes'
ok 'babeld, too' eval '! knows'
ok 'it is gone' eval '! ip -n node link show wgmesh'
connect node down "${all[@]}"
is "$status $(heard)" '0 del_meshif wgmesh missing down new' 'again: done'
ip -n node link add wgmesh type dummy
connect node down "${all[@]}"
is "$status $(heard)" '71 ' "of another program's interface they are not told"
ip -n node link delete wgmesh

# A port; and none that listens.
kill "$babeld" "${pid[@]}"
wait "$babeld"
control='TCP6:[::1]:33123'
route node 33123
await 20 answers
connect node -B 33123 -L "$work/l3roamd.sock" -p "$key" 192.0.2.11
is "$status" 0 'connected, also without l3roamd'
like "$words" "unable to talk to l3roamd at $work/l3roamd.sock: Connection refused" 'it says so'
ok 'babeld, by its port, knows it' knows
is "$(<"$work/err")" '' 'none of the daemons complained'

done_testing
