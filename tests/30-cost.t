#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a request costs, from spawn to exit. The machine's clock counts instructions: 1 ns is one.
# vm: --memory 3072
# needs: bench
source tests/lib.sh
source tests/cost.sh

millions() { printf '%d.%03dM' $(($1 / 1000000)) $(($1 / 1000 % 1000)); }

# at_most MEDIAN LIMIT DESCRIPTION: prints a line of the table, and judges.
at_most() {
	diag "$(printf '%-34s %9s  goal %9s' "$3" "$(millions "$1")" "$(millions "$2")")"
	ok "$3: at most $(millions "$2")" test "$1" -gt 0 -a "$1" -le "$2"
}

# What the kernel's own calls for a new peer cost at 100 and at 3,000 peers, in thousands:
# create, altname, device, address, up. In between they grow in a line.
kernel_calls() { echo $((1000 * (426 + 9 + 1440 + 60 + 130 + ($1 - 100) * (8 + 483 + 1525) / 2900))); }

# Twice as many slots as peers: on a fuller gateway each taken slot on the way costs a probe.
room=(MAXCONNECTIONS=6000 ENDPORT=46000)
configure "${room[@]}"
# Once more at first, here and below, so that all is in the page cache.
for ((i = 0; i < 3; i++)); do echo; done | measure '' "$bench/bare" >/dev/null
bare=$(for ((i = 0; i < 21; i++)); do echo; done | measure '' "$bench/bare")
diag "$(printf '%-34s %9s' 'a bare static program' "$(millions "$bare")")"
ok 'a bare program can be measured' test "$bare" -gt 100000
confined=$(for ((i = 0; i < 21; i++)); do echo; done | measure '' "$bench/bare" child)
diag "$(printf '%-34s %9s' 'the same with a confined child' "$(millions "$confined")")"
ok 'and one with a child' test "$confined" -gt "$bare"

printf 'no JSON\n%.0s' {1..3} | measure '"code":2' "$handler" >/dev/null
at_most "$(printf 'no JSON\n%.0s' {1..21} | measure '"code":2' "$handler")" 920000 \
	'refused: not JSON'
at_most "$(same_requests 21 AAAA | measure '"code":4' "$handler")" 940000 'refused: bad key'

add_node node1 1
pubkey=$(make_key node1)
tunnel node1 "$(port_of "$(ask "$pubkey")")"
name=$(interface_of "$pubkey")
ok 'a node is live' wait_for 15 has_handshake "$name"
known=$(same_requests 21 "$pubkey" | measure '"port":' "$handler")
at_most "$known" 1130000 'known, live, 1 peer'

# Each list has 100,000 keys.
mkdir "$work/allow" "$work/deny"
random_pubkeys 100000 | tr +/ -_ | sed 's:^:./:' >"$work/names"
(cd "$work/allow" && xargs touch <"$work/names" && touch "./$(tr +/ -_ <<<"$pubkey")")
(cd "$work/deny" && xargs touch <"$work/names")
for list in "ALLOWKEYS=$work/allow" "DENYKEYS=$work/deny"; do
	configure "${room[@]}" "$list"
	at_most "$(same_requests 21 "$pubkey" | measure '"port":' "$handler")" $((known + 20000)) \
		"known, live, ${list%%=*} of 100,000 keys"
done
rm -r "$work/deny" "$work/allow"
configure "${room[@]}"

mkdir "$work/allow"
# refusals: what it costs to say no at $count peers, and no interface comes of it.
refusals() {
	local median
	# The first finds out, and the marker that it sets spares the next ones that.
	configure "MAXCONNECTIONS=$peers" ENDPORT=46000
	new_requests 1 | measure '"code":1' "$handler" >/dev/null
	at_most "$(new_requests 21 | measure '"code":1' "$handler")" 1030000 "refused: full, $count peers"
	at_most "$(same_usage 21 | measure '"usage":1.00' "$handler")" 1030000 "usage: full, $count peers"

	configure "${room[@]}" MAXPENDING=8
	median=$(new_requests 1 | REMOTE_ADDR=192.0.2.1 measure '"code":1' "$handler")
	diag "$(printf '%-34s %9s' 'refused: quota, a look at 8' "$(millions "$median")")"
	median=$(new_requests 21 | REMOTE_ADDR=192.0.2.1 measure '"code":1' "$handler")
	at_most "$median" 1080000 "refused: quota, $count peers"

	configure "${room[@]}" "ALLOWKEYS=$work/allow"
	at_most "$(new_requests 21 | measure '"code":5' "$handler")" 970000 "refused: denied, $count peers"
	configure "${room[@]}"
	is "$(count_interfaces)" "$peers" 'no interface came of it'
}

# One source has all that it may have.
configure "${room[@]}" MAXPENDING=8
new_requests 8 | REMOTE_ADDR=192.0.2.1 measure '"port":' "$handler" >/dev/null
configure "${room[@]}"
peers=9
for count in 15 150 1000 ${TEST_MORE:+3000}; do
	new_requests $((count - peers - 5)) | measure '"port":' "$handler" >/dev/null
	got=$(new_requests 11 | measure '"port":' "$handler")
	peers=$((count + 6))
	is "$(count_interfaces)" "$peers" "there are $peers interfaces"
	floor=$((confined + $(kernel_calls "$count")))
	diag "$(printf 'new peer at %d: %d.%02d of the floor of %s' "$count" \
		$((got / floor)) $((100 * got / floor % 100)) "$(millions $floor)")"
	at_most "$got" $((floor * 125 / 100)) "new peer, $count peers"
	# The session of a minute ago; its node asks again, and nothing is changed.
	at_most "$(same_requests 21 "$pubkey" | measure '"port":' "$handler")" 1130000 \
		"known, live, $count peers"
	at_most "$(same_usage 21 | measure '"usage":0' "$handler")" 2400000 "usage, $count peers"
	refusals
done
done_testing
