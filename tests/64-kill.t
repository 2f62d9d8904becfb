#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side is killed before each of its system calls in turn, and run again: there is one
# interface, and it works. By default before those that change something, and those that follow
# them: before any other all is as it was before the last of these. TEST_EVERY_CALL=1 is for all.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1 MAXCONNECTIONS=500
add_gateway gw2 2
add_node node 30
keys=$work/keys
# shellcheck disable=SC2120 # its arguments come by name, too
run() { at node "$@" "$connect" -o -g -k "$keys/node.key" "192.0.2.11,${gateway_key[gw1]}"; }
move() { at node "$@" "$connect" -o -g -k "$keys/node.key" "192.0.2.12,${gateway_key[gw2]}"; }
reset() {
	ip -n node link delete wgmesh 2>/dev/null
	rm -rf "$keys"
}

# calls COMMAND NAMES: each system call of a run whose name fits the pattern, as strace names it,
# with its count so far. What goes before prctl(2) only loads the program.
calls() {
	"$1" strace -o "$work/trace" 2>/dev/null
	awk -F'(' -v names="^($2)$" '/^[a-z_0-9]+\(/ { ++count[$1] } $1 == "prctl" { on = 1 }
		on && $1 ~ names { print $1, count[$1] }' "$work/trace"
}

# state_of: the number of all interfaces; those of ours, with MTU and flags, and its number of
# addresses; the peers, with endpoint, allowed IPs and keepalive; the number of files of keys.
state_of() {
	{
		ip -n node -o link show | wc -l
		ip -n node -o link show group 40001 |
			sed -E 's/^[0-9]+: ([^:]*): <([^>]*)> mtu ([0-9]+) .*/\1 \2 \3/'
		ip -n node -o addr show wgmesh | wc -l
		at node wg show all dump | awk 'NF > 5 { print $2, $4, $5, $9 }' | sed 's/:4[0-9]* / /'
		find "$keys" -type f | wc -l
	} | paste -sd ' '
}

# works: a handshake of this session, and a packet there and back.
works() {
	local port
	port=$(shown node endpoints)
	wait_for 20 pings node "${port##*:}" && has_handshake_at node
}

# kill_each NAME COMMAND NAMES PREPARE: kills the command before each of its calls. The next run
# makes of it what one makes that was never killed, and that works.
kill_each() {
	local name=$1 command=$2 names=$3 prepare=$4 call count state wanted bad=0 killed=0 working=0
	$prepare
	mapfile -t all < <(calls "$command" "$names")
	wanted=$(state_of)
	like "$wanted" '^[34] wgmesh [A-Z,_]*MULTICAST[A-Z,_]*,UP[A-Z,_]* 1374 1 .* 192\.0\.2\.1[12] ::/0 25 1$' \
		"$name: what an undisturbed run makes"
	for each in "${all[@]}"; do
		read -r call count <<<"$each"
		$prepare
		"$command" strace -o /dev/null -e "inject=$call:signal=KILL:when=$count" \
			2>/dev/null
		[[ $? == 137 ]] && killed=$((killed + 1))
		"$command" 2>"$work/words" || bad=$((bad + 1))
		state=$(state_of)
		[[ $state == "$wanted" ]] || {
			bad=$((bad + 1))
			diag "$name, killed before $call number $count: $state" "$(<"$work/words")"
		}
		if works; then
			working=$((working + 1))
		else
			diag "$name, killed before $call number $count: no packet passes" "$(<"$work/words")"
		fi
	done
	ok "$name: there are places to kill it" test "${#all[@]}" -gt 10
	is "$killed" "${#all[@]}" "$name: it was killed in each of them"
	is "$bad" 0 "$name: and each time the next run made one interface"
	is "$working" "${#all[@]}" "$name: that works"
}

reset
changing='mkdir|openat|write|fsync|renameat|close|connect|sendto|poll|sendmsg|recvmsg'
[[ ! ${TEST_EVERY_CALL-} ]] || changing='.*'
kill_each 'from nothing' run "$changing" reset

# To another gateway: before the kill the interface is at gw1. Only what goes to the kernel and
# comes back makes a difference; all else was tried above.
at_gw1() {
	run env 2>/dev/null
	ip -n node link set wgmesh down
}
reset
kill_each 'moving' move 'sendmsg|recvmsg' at_gw1

done_testing
