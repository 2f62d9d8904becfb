#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prunes and requests of dying keys at the same moment, again and again, and in the order that is
# worst: never a port is answered whose interface is gone right after.
# shellcheck disable=SC2317,SC2329 # functions that wait_for and ok call
source tests/lib.sh

# Chance finds less than the two worst orders below: here are some rounds of it, and in
# tests/more/54-race.t are many.
: "${TEST_ROUNDS:=160}" "${TEST_SEED:=$RANDOM}"
diag "TEST_SEED=$TEST_SEED draws the same once more"

# race MODE ROUNDS KEY...: the result is $work/result.
race() {
	tests/race.py "$1" "$2" "$TEST_SEED" "$handler" "$admin" "${@:3}" >"$work/result" 2>"$work/err"
	is "$(<"$work/err")" '' "$1: the race was run"
	diag "$1: $(<"$work/result")"
	ok "$1: of all rounds" test "$(jq .rounds "$work/result")" -ge "$2"
	is "$(jq -c .lost "$work/result")" '[]' "$1: no port was answered whose interface was gone"
}

# often MANNER WHAT: in one of ten rounds or more.
often() { is "$(jq "10 * .$1 >= .rounds" "$work/result")" true "$2"; }

# call_of PATTERN COMMAND [ARG...]: the number of the first message to the kernel like that.
call_of() {
	strace -o "$work/calls" -e trace=sendmsg -e signal=none "${@:2}" >"$work/output" 2>&1
	grep -n "$1" "$work/calls" | head -n 1 | cut -d : -f 1
}

# paused NAME CALL NUMBER SECONDS COMMAND [ARG...]: runs it, and it rests before the call of that
# number. The calls that it has done until now are in $work/NAME.
paused() {
	strace -o "$work/$1" -e "trace=sendmsg,$2" \
		-e "inject=$2:delay_enter=$(($4 * 1000000)):when=$3" "${@:5}"
}
has_done() { (($(grep -c sendmsg "$work/$1") >= $2)); }

# old: the last handshake was long ago, says the note.
old() {
	local now
	now=$(boot_clock)
	sleep 1.1 # so that the next one is in another second
	last=$(handshake_of "$name")
	echo "wg-broker asked=$((now - 800)) since=$((now - 800)) looked=$((now - 700)) handshake=$((now - 700))" \
		"stamp=$last clock=$(($(date +%s) - now))" >"/sys/class/net/$name/ifalias"
}

# handshake: a new one of the node.
handshake() {
	ip netns exec nodes wg set wg1 peer "$gateway" remove
	ip netns exec nodes wg set wg1 peer "$gateway" endpoint "192.0.2.1:$port" allowed-ips ::/0 \
		persistent-keepalive 25
	wait_for 5 is_new
}
is_new() { has_handshake "$name" && [[ $(handshake_of "$name") != "$last" ]]; }

# meet: the node has its interface, and a session that is old.
meet() {
	port=$(port_of "$(ask "$pubkey")")
	name=$(interface_of "$pubkey")
	last=0
	ok 'a first handshake' handshake
	old
}

configure TIMEOUT=60
mapfile -t keys < <(random_pubkeys 16)
race asked "$TEST_ROUNDS" "${keys[@]}"
often new 'often the prune was first, and the handler made a new interface'
often renewed 'often the handler was, and the prune left it alone'
"$admin" flush

add_nodes 4
race handshake $((TEST_ROUNDS / 5)) "${wg_nodes[@]}"
often new 'often the prune was first, and the handler made a new interface'
often known 'often the handshake was, and the prune left it alone'

diag 'a handshake and a request after the prune has decided'
"$admin" flush
# A new node: the others still try to reach their gateway.
for i in {1..4}; do ip -n nodes link delete "wg$i"; done
pubkey=$(make_key node) gateway=$(wg pubkey <"$etc/secret")
ip -n nodes link add wg1 type wireguard
ip netns exec nodes wg set wg1 private-key "$work/node.key"
ip -n nodes link set wg1 up
meet
number=$(call_of RTM_DELLINKPROP "$admin" prune)
ok 'a prune takes an altname away' test "$number" -gt 2
is "$(grep -o 'pruned: .*' "$work/output")" 'pruned: 1 removed, 0 kept, 0 told to routing daemons' \
	'with the interface'
meet
paused prune sendmsg "$number" 5 "$admin" prune 2>"$work/pruned" &
await 10 has_done prune $((number - 1))
ok 'the handshake' handshake
is "$(port_of "$(ask "$pubkey")")" "$port" 'a known port is answered'
wait $!
is "$(interface_of "$pubkey")" "$name" 'and its interface stays'
said=$(<"$work/pruned")
pruned 0 1 0 'the prune has looked once more'

diag 'the prune decides in the midst of a request, and the handshake comes after that'
old
number=$(($(call_of nlctrl "$handler" < <(request_of "$pubkey")) + 1))
old
paused handler sendmsg "$number" 5 "$handler" < <(request_of "$pubkey") >"$work/reply" 2>>"$work/log" &
asking=$!
await 10 has_done handler $((number - 1))
paused prune clone 1 7 "$admin" prune 2>"$work/pruned" &
pruning=$!
await 10 grep -q RTM_DELLINKPROP "$work/prune"
sleep 0.5
ok 'the handshake' handshake
wait "$asking"
wait "$pruning"
said=$(<"$work/pruned")
pruned 1 0 0 'the old interface is removed'
port=$(port_of "$(<"$work/reply")")
like "$port" '^4' 'a port is answered'
is "$(wg show "$(interface_of "$pubkey")" listen-port)" "$port" 'and there is an interface for it'
# prove(1) keeps the line of the seed to itself.
[[ $failures == 0 ]] || echo "# TEST_SEED=$TEST_SEED draws the same once more" >&2
done_testing
