#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Hundreds of peers: status agrees with wg; a prune of half of them, while requests go on; a flush.
# tests/more/55-thousand.t does the same with a thousand.
# shellcheck disable=SC2317 # functions that wait_for and ok call
source tests/lib.sh

: "${TEST_PEERS:=300}"
slots=$((TEST_PEERS * 3 / 2))

# quiet NODE: no more packets come from it, nor go to it: WireGuard's own end after ten seconds.
quiet() {
	ip netns exec "$1" wg set wg0 peer "$(wg pubkey <"$etc/secret")" persistent-keepalive off
	sleep 15
}

# agrees WHAT: all forms of status do, and nothing changed meanwhile.
agrees() {
	wg show all dump >"$work/dump"
	for form in json prometheus; do
		"$admin" status "--$form" >"$work/$form"
	done
	"$admin" status >"$work/table"
	is "$(wg show all dump)" "$(<"$work/dump")" "nothing changes: $1"
	is "$(tests/status-agrees.py "$work" "$prefix" $slots 2>&1 | head -n 20)" '' \
		"status agrees with wg show all dump: $1"
}

# fill COUNT: as many new keys ask.
fill() {
	random_pubkeys "$1" >"$work/keys"
	tests/ask-each.py "$work/keys" >"$work/replies"
	[[ $(grep -o '^{"port": [0-9]*' "$work/replies" | sort -u | wc -l) == "$1" ]]
}

# age SECONDS: the interfaces named on stdin were asked for so long ago, and never had a handshake.
age() {
	local asked=$(($(boot_clock) - $1)) name
	while read -r name; do
		echo "wg-broker asked=$asked since=$asked looked=$asked handshake=0 stamp=0 clock=0" \
			>"/sys/class/net/$name/ifalias"
	done
}

now_ms() { date +%s%3N; }

configure MAXCONNECTIONS=$slots ENDPORT=42000
start_socat
ip link add wg0 type wireguard # not ours
agrees 'no peers'

add_node node1 1
key=$(make_key node1)
tunnel node1 "$(port_of "$(ask "$key")")"
name=$(interface_of "$key")
ok 'a node has its handshake' wait_for 30 has_handshake "$name"
ok 'and packets' ip netns exec node1 ping -q -c 3 -s 1000 -i 0.2 "$(address_of "$name")%wg0"
quiet node1
agrees 'one peer'
like "$(<"$work/table")" "$name +[0-9]+  live " 'which is live'
prune
for words in '400 6 min' '4000 1 h' '90000 1 d'; do
	like "$(later "${words%% *}" "$admin" status)" "$name +[0-9]+  stale .* ${words#* } ago" \
		"and stale ${words%% *} s later"
done

add_node node2 2
key=$(make_key node2)
tunnel node2 "$(port_of "$(ask "$key")")" '[2001:db8::1]'
await 30 has_handshake "$(interface_of "$key")"
quiet node2
ip link add "$prefix$((slots - 1))" group 40000 type wireguard # half-made
ok "$TEST_PEERS peers" fill $((TEST_PEERS - 3))
is "$(count_interfaces)" "$TEST_PEERS" 'each has an interface'
agrees "$TEST_PEERS peers"
is "$(tail -n 1 "$work/table")" "$TEST_PEERS of $slots slots used, $((slots - TEST_PEERS)) free: 2 live, \
$((TEST_PEERS - 3)) waiting, 0 stale, 1 broken" 'of three states'
ip netns exec node1 wg set wg0 peer "$(wg pubkey <"$etc/secret")" remove
ip link delete "$prefix$((slots - 1))"
ok 'some more' fill 31

diag "half of $TEST_PEERS are dead"
# One by one, as a loop over ip link delete does.
begun=$(now_ms)
interfaces | tail -n 30 | sed 's/^/link delete /' | ip -batch -
each=$((($(now_ms) - begun) / 30))
interfaces | sed -n '1~2p' | age 1000
interfaces | sed -n '2~2p' | age 0
is "$(count_interfaces)" "$TEST_PEERS" 'all are there'
random_pubkeys 30 >"$work/keys"
tests/ask-each.py "$work/keys" >"$work/quiet"
# Fewer than die, so that there is room.
random_pubkeys $((TEST_PEERS / 3)) >"$work/keys"
tests/ask-each.py "$work/keys" "$work/stop" >"$work/replies" &
asking=$!
await 30 test -s "$work/replies"
begun=$(now_ms)
prune
took=$(($(now_ms) - begun))
touch "$work/stop"
wait $asking
removed=$(sed -n 's/.*pruned: \([0-9]*\) removed.*/\1/p' <<<"$said")
diag "$removed removed in $took ms; one by one each took $each ms: $((each * removed * 10 / took)) tenths of that"
read -r quiet longest < <(waits "$work/quiet")
diag "replies before: median $quiet ms, longest $longest ms"
read -r median longest < <(waits "$work/replies")
diag "$(wc -l <"$work/replies") replies meanwhile: median $median ms, longest $longest ms"
# The two live ones stay, whatever their notes say.
ok 'about half are removed' test "$removed" -ge $((TEST_PEERS / 2 - 2)) -a "$removed" -le $((TEST_PEERS / 2))
is "$(wc -l <<<"$said")" 1 'one line tells it: progress is for terminals'
ok 'it took longer than a second' test "$took" -gt 1000
ok 'and less than two thirds of the time one by one' test $((took * 3)) -lt $((2 * each * removed))
is "$(grep -v '^{"port": 4' "$work/replies")" '' 'all requests meanwhile are answered'
ok 'requests are answered while it works' test "$(wc -l <"$work/replies")" -ge 10
ok 'half of them in three times the usual time' test "$median" -lt $((3 * quiet + 50))

diag "a flush of $TEST_PEERS"
ok 'all are there again' fill $((TEST_PEERS - $(count_interfaces)))
begun=$(now_ms)
python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$admin" flush </dev/null >"$work/terminal" 2>&1
diag "took $(($(now_ms) - begun)) ms"
is "$(count_interfaces)" 0 'none is left'
ok 'but what is not ours' ip link show dev wg0
tr '\r' '\n' <"$work/terminal" | grep . >"$work/lines"
ok 'on a terminal it shows how far it is' grep -q "^removed [1-9][0-9]* of $TEST_PEERS interfaces\$" "$work/lines"
is "$(tail -n 2 "$work/lines")" "removed $TEST_PEERS of $TEST_PEERS interfaces
broker-admin: flushed: $TEST_PEERS removed" 'and how it ended'
kill "$socat_pid"
done_testing
