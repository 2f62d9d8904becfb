#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side with several gateways: which one it takes, and what it says of the others.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway full 1 MAXCONNECTIONS=1
add_gateway good 2
replies refuses 3 <<'EOT'
read -r _
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted \"\u001b[31m"}}'
EOT
replies odd 4 <<'EOT'
read -r _
echo '{"version":1,"error":{"code":99,"reason":"whatever"}}'
EOT
replies silent 5 <<<'exec sleep 60'
replies closes 6 <<<'exit'
replies babbles 7 <<<'echo hello'
add_node node 30
make_key node >/dev/null
key=${gateway_key[good]}
full=192.0.2.11 good=192.0.2.12 refuses=192.0.2.13 odd=192.0.2.14 silent=192.0.2.15
closes=192.0.2.16 babbles=192.0.2.17 no_route=198.51.100.1 no_port=192.0.2.12:9
# Takes no connection: nothing answers to the first packet.
mute=192.0.2.18
add_node mute 8
at mute nft -f - <<<'table ip t { chain c { type filter hook input priority 0; tcp dport 40000 drop; }; }'
# The only slot of the full one.
connect good -n -g -k "$work/other.key" "$full" || true
at good "$connect" -g -n -k "$work/other.key" "$full" >/dev/null 2>&1

# One that is full, one that is dead in each of three ways, and a good one.
before=$(time_ms)
connect node -o -p "$key" "$full" "$no_route" "$no_port" "$silent" "$good"
took=$(($(time_ms) - before))
is "$status" 0 'connected in spite of a full, a dead and a silent gateway'
diag "took $took ms"
ok 'in under 6 s' test "$took" -lt 6000
like "$words" "gateway $full \($full\): full" 'it names the full one'
like "$words" "gateway $no_route \($no_route\): unreachable: Network is unreachable" 'no route'
like "$words" "gateway 192.0.2.12 \(192.0.2.12\): unreachable: Connection refused" 'no port'
like "$words" "gateway $silent \($silent\): silent: no reply in time" 'the silent one'
like "$words" "gateway $good \($good\): accepted" 'and the good one'
port=$(shown node endpoints)
ok 'which works' wait_for 20 pings node "${port##*:}"
ip -n node link delete wgmesh

# What all of them come to: the best of it, see the man page.
table=(
	"75 full: $full"
	"77 refused: $refuses"
	"77 refused: $odd"
	"76 nonsense: $babbles"
	"69 unreachable: $no_route"
	"69 unreachable: $closes"
	"69 unreachable: no-such-name.invalid"
	"75 full: $refuses $full $no_port $babbles"
	"77 refused: $no_port $refuses $babbles"
	"76 nonsense: $no_route $babbles $closes"
	"69 unreachable: $mute"
)
for row in "${table[@]}"; do
	read -ra gateways <<<"${row#*: }"
	connect node --json -p "$key" "${gateways[@]}"
	is "$status $(jq -r '"\(.result) \(.attempts | length)"' <<<"$printed")" \
		"${row%%:*} ${#gateways[@]}" "${row%%:*}: ${gateways[*]}, each asked once"
	ok 'no interface was made' eval '! ip -n node link show wgmesh'
done
like "$words" "gateway $mute \($mute\): silent: no connection in time" 'one that drops packets'
connect node -n "$refuses"
like "$words" 'refused: public key not permitted \(code 5\)' 'our words for the reason'
unlike "$words" '31m' 'and none of the gateway'
connect node -n "$odd"
like "$words" 'refused: for a reason of its own \(code 99\)' 'a code that we do not know'
connect node -n "$closes"
like "$words" 'silent: (closed without a reply|Connection reset by peer)' 'one that just closes'

# -o keeps the order; else it is random, but for those that cannot be connected to.
firsts() {
	for _ in {1..12}; do
		connect node -n --json "$@"
		echo "$printed"
	done | jq -r '.attempts[0].outcome' | sort -u | paste -sd ' '
}
is "$(firsts -o "$no_port" "$babbles")" unreachable '-o asks in the order given'
is "$(firsts "$closes" "$babbles")" 'nonsense silent' 'without it the order is random'
is "$(firsts "$no_port" "$babbles")" nonsense 'where nobody listens is asked last'

# Of two the emptier is asked first. One that does not tell counts as half full.
replies old 20 <<'EOT'
read -r request
[[ $request == *pubkey* ]] || {
	echo '{"version":1,"error":{"code":2,"reason":"malformed request"}}'
	exit
}
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted"}}'
EOT
old=192.0.2.30
told() { grep -c ' told ' "$work/$1.log"; }
is "$(firsts "$full" "$good")" accepted 'the full one is not asked first'
ok 'both were asked how full they are' test "$(told full)" -ge 12 -a "$(told good)" -ge 12
is "$(firsts "$full" "$old")" refused 'one that does not tell before a full one'
is "$(firsts "$good" "$old")" accepted 'and after an empty one'
before=$(told good)
connect node -n -o "$good" "$full"
connect node -n "$good"
is "$(told good)" "$before" 'with -o, or alone, it is not asked'
before=$(time_ms)
connect node -n "$silent" "$mute"
took=$(($(time_ms) - before))
diag "two that do not answer took $took ms"
ok 'two that do not answer cost 2 s more than their attempts' test "$took" -ge 11500 -a "$took" -lt 13500
before=$(time_ms)
connect node -n -T 1 "$silent" "$mute"
took=$(($(time_ms) - before))
ok '-T ends that, too' test "$took" -lt 2500

# Each address of a name counts: nothing listens at the first.
printf '%s both.example\n' 2001:db8::1 "$good" >>/etc/hosts
connect node -n --json both.example
is "$(jq -r '.attempts | map(.address, .outcome) | join(" ")' <<<"$printed")" \
	"2001:db8::1 unreachable $good accepted" 'IPv6 in vain, then IPv4'

done_testing
