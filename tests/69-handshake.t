#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side is connected when a gateway has shaken hands, not before: where UDP does not come
# through, it goes on to the next address and the next gateway, and remembers that.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

for number in 1 2; do
	add_gateway "gw$number" "$number"
	printf '%s gw%s.example\n' "2001:db8::1$number" "$number" "192.0.2.1$number" "$number" >>/etc/hosts
done
add_node node 30
gw1=gw1.example,${gateway_key[gw1]} gw2=gw2.example,${gateway_key[gw2]}

# block GATEWAY FAMILY...: it drops UDP of these, ip and ip6; of none, it takes all.
block() {
	local name=$1 family
	shift
	at "$name" nft 'table inet t; delete table inet t'
	for family; do
		at "$name" nft -f - <<-EOT
			table inet t {
				chain no-$family {
					type filter hook input priority 0;
					meta protocol $family meta l4proto udp drop
				}
			}
		EOT
	done
}
# tried: the attempts of the last run, which had --json.
tried() { jq -r '.attempts | map(.address + " " + .outcome) | join(", ")' <<<"$printed"; }
result() { jq -r '.result + " " + .action' <<<"$printed"; }

connect node -g -o --json "$gw1"
is "$status $(tried)" '0 2001:db8::11 accepted' 'connected by IPv6'
ok 'there was a handshake before the end' has_handshake_at node
ip -n node link delete wgmesh

block gw1 ip6
connect node -o --json "$gw1"
is "$status $(tried)" '0 2001:db8::11 no handshake, 192.0.2.11 accepted' \
	'no UDP by IPv6: connected by IPv4'
is "$(result)" 'connected created' 'the report'
like "$words" 'gateway gw1.example \(2001:db8::11\): no handshake: none from port 4[0-9]{4} in time' \
	'in words'
like "$(shown node endpoints)" '^192\.0\.2\.11:' 'the endpoint'
ok 'the handshake' has_handshake_at node
is "$(at node wg show wgmesh peers | wc -l)" 1 'there is one peer'

age_session node
connect node -o --json "$gw1"
is "$status $(tried)" '0 192.0.2.11 accepted' 'the next run asks at the address that worked'
age_session node
block gw1 ip
connect node -o --json "$gw1"
is "$status $(tried)" '0 192.0.2.11 no handshake, 2001:db8::11 accepted' \
	'where that fails, too, what failed before gets its chance'
age_session node
connect node -o --json "$gw1"
is "$status $(tried)" '0 2001:db8::11 accepted' 'and has worked since'

# An hour later.
connect_later() {
	status=0
	printed=$(at node unshare --time --fork --boottime 3700 -- "$connect" -k "$work/node.key" -o --json \
		"$@" 2>"$work/words") || status=$?
}
block gw1 ip6
age_session node
connect node -o --json "$gw1"
is "$status $(tried)" '0 2001:db8::11 no handshake, 192.0.2.11 accepted' 'it is IPv6 that fails'
connect_later "$gw1"
is "$status $(tried)" '0 2001:db8::11 no handshake, 192.0.2.11 accepted' 'an hour later that is forgotten'

# The next gateway.
ip -n node link delete wgmesh
block gw1 ip ip6
connect node -o --json "$gw1" "$gw2"
is "$status $(tried)" \
	'0 2001:db8::11 no handshake, 192.0.2.11 no handshake, 2001:db8::12 accepted' \
	'no UDP at the first gateway: the second'
ok 'it has a handshake' has_handshake_at node
age_session node
connect node -o --json "$gw1" "$gw2"
is "$status $(tried)" '0 2001:db8::12 accepted' 'the next run asks that one'

# None.
block gw2 ip ip6
age_session node
connect node -o --json "$gw1" "$gw2"
is "$status $(result)" '69 no handshake changed' 'no handshake anywhere: a code'
is "$(tried)" '2001:db8::12 no handshake, 192.0.2.12 no handshake, 2001:db8::11 no handshake, '\
'192.0.2.11 no handshake' 'each had its chance'
is "$(at node wg show wgmesh peers)" '' 'no peer is left'
ok 'the interface is' ip -n node link show wgmesh
replies refuses 3 <<'EOT'
read -r _
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted"}}'
EOT
connect node -o --json "$gw1" "192.0.2.13,${gateway_key[gw2]}"
is "$status" 69 'it counts before a refusal'
block gw2
connect node -o --json "192.0.2.11,${gateway_key[gw1]}" "192.0.2.12,$(new_pubkey)"
is "$status $(tried)" '69 192.0.2.11 no handshake, 192.0.2.12 no handshake' 'so does a wrong key'
connect node "$gw2"
is "$status" 0 'when UDP comes through again: connected'

# Asking may take long. A session that has come back meanwhile is kept.
replies slow 4 <<'EOT'
read -r _
sleep 3
echo '{"version":1,"port":40000,"time":'"$(date +%s)"'}'
EOT
before=$(at node wg show wgmesh dump | cut -f 1-4)
age_session node
# Without its note it is what the kernel says: some seconds old.
(sleep 1; ip -n node link set wgmesh alias '') &
connect node -o --json "192.0.2.14,${gateway_key[gw1]}" "$gw2"
is "$status $(result)" '0 connected kept' 'a session that came back while gateways were asked'
is "$(at node wg show wgmesh dump | cut -f 1-4)" "$before" 'is as it was'

# On a terminal it says what it waits for.
age_session node
block gw2 ip6
at node script -qec "$connect -k $work/node.key -o $gw2" /dev/null >"$work/words"
like "$(<"$work/words")" 'gateway gw2.example \(2001:db8::12\): accepted; waiting for a handshake' \
	'a line on a terminal'

done_testing
