#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand peers: status agrees with wg; a prune of half of them, while requests go on; a flush.
# vm: --timeout 1200
# shellcheck disable=SC2317 # functions that wait_for and ok call
source tests/lib.sh

slots=1500

# forms: all forms of status, and what wg shows, while nothing changed in between.
forms() {
	local _
	for _ in 1 2 3 4 5; do
		wg show all dump >"$work/dump"
		for form in json prometheus; do
			"$admin" status "--$form" >"$work/$form"
		done
		"$admin" status >"$work/table"
		wg show all dump | cmp -s - "$work/dump" && return
	done
	diag 'the traffic of a tunnel went on all the time'
}

# agrees WHAT: status does.
agrees() {
	forms
	is "$(tests/status-agrees.py "$work" wgpeer $slots 2>&1 | head -n 20)" '' \
		"status agrees with wg show all dump: $1"
}

# fill COUNT: as many new keys ask.
fill() {
	random_pubkeys "$1" >"$work/keys"
	tests/ask-each.py "$work/keys" >"$work/replies"
	[[ $(jq -r '.port // empty' "$work/replies" | sort -u | wc -l) == "$1" ]]
}

# age SECONDS: the interfaces named on stdin were asked for so long ago, and never had a handshake.
age() {
	local asked=$(($(boot_clock) - $1)) name
	while read -r name; do
		echo "wg-broker asked=$asked looked=$asked handshake=0 stamp=0 clock=0" \
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
wait_for 30 has_handshake "$name"
ip netns exec node1 ping -q -c 3 -s 1000 -i 0.2 "fe80::${name#wgpeer}%wg0" >"$work/ping"
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
wait_for 30 has_handshake "$(interface_of "$key")"
ip link add wgpeer1499 group 40000 type wireguard # half-made
ok 'a thousand peers' fill 997
is "$(count_interfaces)" 1000 'each has an interface'
agrees 'a thousand peers'
like "$(tail -n 1 "$work/table")" \
	'^1000 of 1500 slots used, 500 free: 2 live, 997 waiting, 0 stale, 1 broken$' 'of three states'
ip netns exec node1 wg set wg0 peer "$(wg pubkey <"$etc/secret")" remove
ip link delete wgpeer1499
ok 'a hundred more' fill 101

diag '500 dead among 1,000'
# One by one, as a loop over ip link delete does.
begun=$(now_ms)
interfaces | tail -n 100 | sed 's/^/link delete /' | ip -batch -
each=$((($(now_ms) - begun) / 100))
interfaces | sed -n '1~2p' | age 1000
interfaces | sed -n '2~2p' | age 0
is "$(count_interfaces)" 1000 'a thousand are there'
random_pubkeys 30 >"$work/keys"
tests/ask-each.py "$work/keys" >"$work/quiet"
random_pubkeys 300 >"$work/keys"
tests/ask-each.py "$work/keys" "$work/stop" >"$work/replies" &
asking=$!
wait_for 30 test -s "$work/replies"
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
ok 'about half are removed' test "$removed" -ge 498 -a "$removed" -le 500
is "$(wc -l <<<"$said")" 1 'one line tells it: progress is for terminals'
ok 'it took longer than a second' test "$took" -gt 1000
# In a quiet machine it is less than half.
ok 'and less than two thirds of the time one by one' test $((took * 3)) -lt $((2 * each * removed))
is "$(jq -c 'select(.port == null)' "$work/replies")" '' 'all requests meanwhile are answered'
ok 'requests are answered while it works' test "$(wc -l <"$work/replies")" -ge 10
ok 'half of them in three times the usual time' test "$median" -lt $((3 * quiet + 50))

diag 'a flush of 1,000'
ok 'a thousand again' fill $((1000 - $(count_interfaces)))
begun=$(now_ms)
python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$admin" flush </dev/null >"$work/terminal" 2>&1
diag "took $(($(now_ms) - begun)) ms"
is "$(count_interfaces)" 0 'none is left'
ok 'but what is not ours' ip link show dev wg0
tr '\r' '\n' <"$work/terminal" | grep . >"$work/lines"
ok 'on a terminal it shows how far it is' grep -q '^removed [1-9][0-9]* of 1000 interfaces$' "$work/lines"
is "$(tail -n 2 "$work/lines")" $'removed 1000 of 1000 interfaces\nbroker-admin: flushed: 1000 removed' \
	'and how it ended'
kill "$socat_pid"
done_testing
