#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No source holds more than MAXPENDING interfaces that never had a handshake, and when all slots are
# taken the one that has waited longest for its first handshake gives way.
source tests/lib.sh

admin() { "$admin" "$@" 2>>"$work/log"; }
# from ADDRESS KEY: what a node of this address is answered.
from() { request_of "$2" | REMOTE_ADDR=$1 "$handler" 2>>"$work/log"; }
# many ADDRESS COUNT: that many new keys of it; how often each answer: a code, or served.
many() {
	local key
	for key in $(random_pubkeys "$2"); do
		code_of "$(from "$1" "$key")" || echo served
	done | sort | uniq -c | xargs
}
names() { ip -o link show group 40000 | grep -o 'altname [^ ]*-src-[^ ]*' | cut -d ' ' -f 2; }

configure MAXPENDING=3 MAXCONNECTIONS=20
add_node node1 1
live=$(make_key node1)
tunnel node1 "$(port_of "$(from 192.0.2.1 "$live")")"
ok 'a node has its handshake' wait_for 15 has_handshake "$(interface_of "$live")"
is "$(many 192.0.2.1 5)" '2 1 3 served' 'its address may have three more that never had one; the rest: code 1'
like "$(tail -n 1 "$work/log")" '^broker-handler: refused 192.0.2.1: MAXPENDING of its peers had no handshake yet, key ' \
	'the log says why'
is "$(names | wc -l)" 3 'three interfaces count for it: the one with the handshake does no more'
is "$(names | sed 's/-[0-9]*$//' | sort -u | grep -cE -- '-src-[0-9a-f]{16}$')" 1 'by a tag'
is "$(many 192.0.2.2 4)" '1 1 3 served' 'another address has its own'
is "$(many '[2001:db8::1]' 2) $(many 2001:db8::2 2)" '2 served 1 1 1 served' 'of IPv6, a /64 is one'
is "$(many 2001:db8:0:1::1 1)" '1 served' 'and the next /64 another'
is "$(many ::ffff:192.0.2.2 1)" '1 1' 'IPv4 in IPv6 is IPv4'
is "$(many '' 4)" '4 served' 'who has no address is not counted'
tag=$(names | head -n 1)
mv "$etc/secret" "$etc/secret.away"
configure MAXPENDING=3 MAXCONNECTIONS=20
from 192.0.2.1 "$(new_pubkey)" >"$work/reply"
is "$(names | sort | uniq -d | wc -l) $(names | grep -c "${tag%-*}-")" '0 3' 'with another private key the tags are others'
mv "$etc/secret.away" "$etc/secret"
admin prune
is "$(names | wc -l)" 11 'a prune leaves the names of those that wait'
admin flush

# When all slots are taken.
configure MAXPENDING=3 MAXCONNECTIONS=4
tunnel node1 "$(port_of "$(from 192.0.2.1 "$live")")" 2>/dev/null || {
	ip -n node1 link delete wg0
	tunnel node1 "$(port_of "$(from 192.0.2.1 "$live")")"
}
ok 'a live one' wait_for 15 has_handshake "$(interface_of "$live")"
stays=$(index_of "$(interface_of "$live")")
first=$(new_pubkey) second=$(new_pubkey)
from 192.0.2.3 "$first" >"$work/reply"
taken=$(interface_of "$first") index=$(index_of "$(interface_of "$first")")
# They are told apart by the second.
sleep 2
from 192.0.2.4 "$second" >"$work/reply"
sleep 2
is "$(many 192.0.2.5 2)" '1 1 1 served' 'four of four: the next is refused'
key=$(new_pubkey)
is "$(code_of "$(from 192.0.2.6 "$key")")" 1 'and one of another address'
reply=$(later 20 "$handler" < <(request_of "$key") 2>>"$work/log")
is "$(code_of "$reply")" 1 'after 20 seconds, too'
sleep 31
reply=$(from 192.0.2.6 "$key")
is "$(interface_of "$key") $(index_of "$(interface_of "$key")")" "$taken $index" \
	'after 30 seconds it has the interface of the one that has waited longest'
ok 'which is complete' is_complete "$key" "$(port_of "$reply")"
like "$(tail -n 1 "$work/log")" "accepted 192.0.2.6: interface $taken, .* in the place of one that never had a handshake, key" \
	'the log says so'
is "$(wg show "$taken" peers)" "$key" 'its peer is the only one'
is "$(interface_of "$first")" '' 'the first has none any more'
is "$(code_of "$(from 192.0.2.6 "$(new_pubkey)")")" 1 'who has one pending takes no other'
like "$(port_of "$(from 192.0.2.7 "$(new_pubkey)")")" '^[0-9]+$' 'another address takes the next'
is "$(interface_of "$second")" '' 'of the second'
like "$(port_of "$(from 192.0.2.8 "$(new_pubkey)")")" '^[0-9]+$' 'and a third address the last'
is "$(code_of "$(from 192.0.2.9 "$(new_pubkey)")")" 1 'then there is none but the live one'
is "$(index_of "$(interface_of "$live")")" "$stays" 'which stays'
ok 'and lives' has_handshake "$(interface_of "$live")"
is "$(count_interfaces)" 4 'four of four'
add_node node2 2
key=$(make_key node2)
sleep 31
tunnel node2 "$(port_of "$(from 192.0.2.10 "$key")")"
ok 'one in the place of another gets its handshake' wait_for 15 has_handshake "$(interface_of "$key")"
ok 'and its tunnel works' ip netns exec node2 ping -c 1 -W 5 "$(address_of "$(interface_of "$key")")%wg0"
ip link delete "$(interface_of "$live")"
sleep 31
is "$(many 192.0.2.11 1)" '1 served' 'a slot that an operator freed is found again'
is "$(count_interfaces)" 4 'four of four'
done_testing
