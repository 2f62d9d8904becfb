#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# LOGADDRESS=no: whatever comes of a request, the node's address is not in the log.
# shellcheck disable=SC2317,SC2329 # functions that wait_for calls
source tests/lib.sh

# client ARG...: the node asks, by IPv4 and by IPv6.
client() {
	for host in 192.0.2.1 2001:db8::1; do
		ip netns exec node tests/client.py -t 30 -H "$host" "$@"
	done >"$work/replies"
}
lines() { grep -c "^broker-handler: .*$1" "$work/log"; }
has_twice() { [[ $(lines "$1") == 2 ]]; }
# logged WORDS: two lines of the log have them.
logged() { ok "the log has: $1" wait_for 20 has_twice "$1"; }

# all_kinds NODE SETTING...: requests of all kinds, and how the log calls the node.
all_kinds() {
	: >"$work/log"
	configure "${@:2}"
	client "$key"
	logged "accepted $1: interface "
	client -x 'nonsense\n'
	logged "refused $1: malformed request: not a request"
	client -a close -x '{'
	logged "refused $1: malformed request: closed before its end"
	client "$(head -c 32 /dev/zero | base64)"
	logged "refused $1: invalid public key"
	configure "${@:2}" MAXCONNECTIONS=0
	client "$(new_pubkey)"
	logged "refused $1: all slots are taken"
	configure "${@:2}" MTU=1
	client "$(new_pubkey)"
	logged "failed $1: .*MTU must be a number"
}

add_node node 1
start_socat
key=$(new_pubkey)
all_kinds '\(192.0.2.11\|2001:db8::11\)'
all_kinds 'a node' LOGADDRESS=no
is "$(grep -cE '192\.0\.2|2001:db8|::ffff' "$work/log")" 0 'and no address'
done_testing
