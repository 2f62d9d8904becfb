#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side as timers run it: two runs at once, a run that has nothing to do, one that ends in
# time, and those of many nodes in the same second.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1
key=${gateway_key[gw1]}
add_node node 30
replies silent 5 <<<'exec sleep 60'
# A name server that takes every question and answers none.
add_node names 6
at names nft -f - <<<'table ip t { chain c { type filter hook input priority 0; udp dport 53 drop; }; }'

connect node -g -p "$key" 192.0.2.11
is "$status" 0 'connected'

gateway=(-p "$key" 192.0.2.11)
is "$(requests node "${gateway[@]}")" 'RTM_GETLINK wireguard-dump RTM_GETADDR' 'a run on a live session only reads'

# The same a thousand times, as by a timer, while packets pass and the session makes new keys.
at gw1 nft -f - <<<'table inet t { chain c { type filter hook input priority 0; tcp dport 40000 counter; }; }'
gateway_log=$(wc -l <"$work/gw1.log")
handshake=$(shown node latest-handshakes)
ip -n node monitor link address route dev wgmesh >"$work/events" &
jobs+=($!)
port=$(shown node endpoints)
at node ping -i 0.2 -c 2250 "fe80::$(printf '%x' $((${port##*:} - 39999)))%wgmesh" >"$work/pings" &
pinger=$!
run_often() {
	for ((i = 0; i < 1000; i++)); do
		"$0" "$@" || echo "run $i failed with $?"
		sleep 0.4
	done
}
export -f run_often
# It stops the runs at these calls only.
at node strace -f --seccomp-bpf -e trace=sendmsg,sendto -o "$work/calls" \
	bash -c 'run_often "$@"' "$connect" -k "$work/node.key" "${gateway[@]}" >"$work/said" 2>&1
ok 'a thousand runs, while packets pass' kill -0 "$pinger"
is "$(sort "$work/said" | uniq -c | xargs)" '1000 broker-connect: wgmesh has a live session' 'each says that it lives'
is "$(request_types <"$work/calls" | sort | uniq -c | xargs)" '1000 RTM_GETADDR 1000 RTM_GETLINK 1000 wireguard-dump' \
	'they only read'
is "$(<"$work/events")" '' 'the kernel saw no change'
like "$(at gw1 nft list table inet t)" 'packets 0 ' 'the gateway had no packet of them'
is "$(wc -l <"$work/gw1.log")" "$gateway_log" 'and was not asked'
wait "$pinger"
like "$(<"$work/pings")" '2250 packets transmitted, 2250 received' 'no packet was lost'
ok 'with new keys on the way' test "$(shown node latest-handshakes)" -gt $((handshake + 300))

is "$(requests node -M 1300 "${gateway[@]}")" 'RTM_GETLINK wireguard-dump RTM_GETADDR RTM_NEWLINK' 'one with another MTU sets that'
ok 'which a monitor sees' wait_for 5 grep -q 'mtu 1300' "$work/events"
is "$(requests node -M 1300 "${gateway[@]}")" 'RTM_GETLINK wireguard-dump RTM_GETADDR' 'once'
at node wg set wgmesh peer "$key" allowed-ips '2001:db8::/32'
connect node -M 1300 -p "$key" 192.0.2.11
is "$(shown node allowed-ips)" '::/0' 'allowed IPs that differ are set again'

# Two runs at once with one key: the second waits, and finds what the first has made.
ip -n node link delete wgmesh
at node "$connect" -o -k "$work/node.key" -p "$key" 192.0.2.15 192.0.2.11 2>"$work/first" &
first=$!
locked() { [[ $(</proc/locks) == *FLOCK*" $(pgrep -x broker-connect) "* ]]; }
await 10 locked
connect node -o -p "$key" 192.0.2.15 192.0.2.11
wait "$first"
is "$? $status" '0 0' 'two runs at once: both connected'
like "$(<"$work/first")" 'created wgmesh' 'one made the interface'
like "$words" 'live session' 'the other found it'
unlike "$words" '192.0.2.15' 'and asked nobody'
took() { echo $(($(time_ms) - before)); }
# A lock that is not given back, of one that hangs.
bash -c 'exec 9<"$0"; flock 9; exec sleep 100' "$work/node.key" &
jobs+=($!)
await 10 eval '! flock -n "$work/node.key" true'
connect node -p "$key" 192.0.2.11
is "$status" 75 'a lock that is held for long: try again later'
like "$words" 'another run is at work with .*/node.key' 'in words'
before=$(time_ms)
connect node -T 3 -p "$key" 192.0.2.11
ms=$(took)
is "$status" 75 'the same with -T 3'
ok "it took $ms ms" test "$ms" -lt 4500
kill "${jobs[-1]}"
unset 'jobs[-1]'
await 10 flock -n "$work/node.key" true

# -T: all of them are silent.
ip -n node link delete wgmesh
before=$(time_ms)
connect node --json -T 8 -p "$key" 192.0.2.15{,,,,}
ms=$(took)
is "$status $(jq -r '.result + " \(.attempts | length)"' <<<"$printed")" '69 unreachable 2' \
	'-T 8: two attempts of 5 s, the second cut short'
ok "it took $ms ms" test "$ms" -ge 8000 -a "$ms" -lt 9500
at gw1 nft -f - <<<'table ip t { chain c { type filter hook input priority 0; meta l4proto udp drop; }; }'
before=$(time_ms)
connect node -T 4 -p "$key" 192.0.2.11
ms=$(took)
is "$status" 69 '-T 4: no handshake in time'
ok "it took $ms ms" test "$ms" -ge 4000 -a "$ms" -lt 5500
is "$(at node wg show wgmesh peers)" '' 'and no peer is left'
at gw1 nft 'delete table ip t'
mkdir -p /etc/netns/node
echo 'nameserver 192.0.2.16' >/etc/netns/node/resolv.conf
before=$(time_ms)
RES_OPTIONS='timeout:20 attempts:3' connect node -T 3 -p "$key" gw9.example
ms=$(took)
is "$status" 143 '-T 3: a name service that does not answer is cut off'
ok "it took $ms ms" test "$ms" -ge 3000 -a "$ms" -lt 6500
rm /etc/netns/node/resolv.conf

# -w: nodes whose timers tick in the same second.
: >"$work/waits"
for _ in {1..12}; do
	before=$(time_ms)
	connect node -n -w 20 192.0.2.11
	took >>"$work/waits"
done
read -r least most < <(sort -n "$work/waits" | sed -n '1p;$p' | xargs)
diag "-w 20: from $least to $most ms"
# Chance fails this once in four million runs.
ok 'they are spread' test $((most - least)) -gt 2500
ok 'within 20 s' test "$most" -lt 21500

done_testing
