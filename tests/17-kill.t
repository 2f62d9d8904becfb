#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The handler is killed between its system calls, one after the other: the next request of the same
# key completes what it left, and others get their interfaces, too.
source tests/lib.sh

# Before which calls: those that change something, so that every state is seen that it can leave.
# With TEST_KILL=all before every one.
calls='sendmsg|flock|write|shutdown|close'
[[ ${TEST_KILL:-} != all ]] || calls='.*'

# steps: runs the handler, and prints its system calls from the first on that talks to the kernel's
# network, as lines of name and how often it came until then. What is before that changes nothing.
steps() {
	request_of "$key" | strace -o "$work/trace" "$handler" >"$work/reply" 2>>"$work/log"
	awk -F '(' '/^[a-z0-9_]+\(/ {
		n[$1]++
		if ($1 == "socket") go = 1
		if (go && $1 != "exit_group") print $1, n[$1]
	}' "$work/trace" | grep -E "^($calls) "
}

# killed NAME COUNT: runs the handler, which dies just before this call. False if it got through.
killed() {
	request_of "$key" >"$work/request"
	# In a shell of its own, whose words about the death nobody wants.
	(
		strace -o /dev/null -e inject="$1:signal=KILL:when=$2" "$handler" \
			<"$work/request" >"$work/reply" 2>>"$work/log"
		exit $?
	) 2>/dev/null
	[[ $? -ge 128 ]]
}

# healed: the key that was served when the handler died gets a complete interface, and another one.
healed() {
	local other reply
	for other in "$key" "$(random_pubkey)"; do
		reply=$(ask "$other")
		is_complete "$other" "$(port_of "$reply")" || {
			echo "$reply"
			return 1
		}
	done
	wait_for 5 leftovers_at_most "$1"
}

# leftovers_at_most COUNT: interfaces without a key's altname, beside two that have one.
leftovers_at_most() {
	local keyed all
	all=$(count_interfaces)
	keyed=$(ip link show group 40000 | grep -cE '^ +altname [A-Za-z0-9_-]{43}=$')
	[[ $keyed == 2 ]] && ((all - keyed <= $1))
}

# whole_reply: the handler that died has replied either nothing or all of it.
whole_reply() {
	local reply
	IFS= read -r -d '' reply <"$work/reply"
	[[ ! $reply || $reply =~ ^\{\"version\":1,\"port\":40[0-9]{3},\"time\":[0-9]+\}$'\n'$ ]] || {
		echo "$reply"
		return 1
	}
}

# has_tunnel: a node with the key handshakes, and packets pass.
has_tunnel() {
	local name address ret
	name=$(interface_of "$key")
	address=$(address_of "$name")
	tunnel node1 "$(wg show "$name" listen-port)" &&
		wait_for 15 has_handshake "$name" &&
		ip netns exec node1 ping -c 1 -W 5 "$address%wg0"
	ret=$?
	ip -n node1 link delete wg0
	return "$ret"
}

# try SCENARIO PREPARE: kills a handler at every step of a run for which PREPARE has set things up.
try() {
	local scenario=$1 prepare=$2 deaths=0 left=0 name count
	$prepare
	steps >"$work/steps"
	delete_interfaces
	ok "$scenario: the run has its steps" test "$(wc -l <"$work/steps")" -gt 10
	while read -r name count; do
		$prepare
		if killed "$name" "$count"; then
			deaths=$((deaths + 1))
			ok "$scenario: killed before $name number $count: no half reply" whole_reply
		fi
		ok "$scenario: killed before $name number $count: the key heals, another is served" \
			healed 1
		[[ $(count_interfaces) == 2 ]] || left=$((left + 1))
		((deaths % 10 != 1)) || ok 'and its tunnel carries packets' has_tunnel
		delete_interfaces
	done <"$work/steps"
	is "$deaths" "$(wc -l <"$work/steps")" "$scenario: it died at each of them"
	diag "$scenario: killed at $deaths steps; $left times an interface is left for prune"
}

configure
add_node node1 1
key=$(make_key node1)

fresh() { :; }
# The peer is there, and old enough to be made anew: as if asked for long ago.
known() {
	ask "$key" >/dev/null
	ip link set dev "$(interface_of "$key")" alias ''
}

try 'new peer' fresh
try 'known peer' known
done_testing
