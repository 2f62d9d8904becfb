#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prunes and requests of dying keys at the same moment, again and again: never a port is answered
# whose interface is gone right after.
# vm: --timeout 1800
source tests/lib.sh

: "${TEST_ROUNDS:=1000}"

# race MODE ROUNDS KEY...: the result is $work/result.
race() {
	tests/race.py "$1" "$2" "$handler" "$admin" "${@:3}" >"$work/result" 2>"$work/err"
	is "$(<"$work/err")" '' "$1: the race was run"
	diag "$1: $(<"$work/result")"
	is "$(jq -c .lost "$work/result")" '[]' "$1: no port was answered whose interface was gone"
}

# often MANNER WHAT: in one of ten rounds or more.
often() { is "$(jq "10 * .$1 >= .rounds" "$work/result")" true "$2"; }

configure
mapfile -t keys < <(random_pubkeys 16)
race asked "$TEST_ROUNDS" "${keys[@]}"
often new 'often the prune was first, and the handler made a new interface'
often renewed 'often the handler was, and the prune left it alone'
"$admin" flush

add_node nodes 1
keys=()
for i in {1..16}; do
	pubkey=$(make_key "node$i")
	ip -n nodes link add "wg$i" type wireguard
	ip netns exec nodes wg set "wg$i" private-key "$work/node$i.key"
	ip -n nodes link set "wg$i" up
	keys+=("wg$i=$pubkey")
done
race handshake $((TEST_ROUNDS / 4)) "${keys[@]}"
often new 'often the prune was first, and the handler made a new interface'
often known 'often the handshake was, and the prune left it alone'
done_testing
