#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many at once, through socat: one interface a key, and never more than the limit.
# vm: --memory 2048
source tests/lib.sh

# 500 handlers share two emulated processors, some 20 times slower than real ones: the last may
# wait for longer than the 10 s that a real gateway would need half a second for.
configure MAXCONNECTIONS=150 TIMEOUT=120
start_socat

same=$(random_pubkey)
random_pubkeys 300 >"$work/keys"

# results FILTER: what jq makes of the last run's lines, sorted, each once with its count.
results() { jq -r "$1" "$work/results" | sort | uniq -c | awk '{ print $2 " " $1 }'; }
slowest() { diag "$1: the last was answered after $(jq -s 'map(.replied) | max' "$work/results") s"; }

client -t 120 -n 200 "$same" >"$work/results"
is "$(results .end)" 'eof 200' '200 simultaneous requests of one key: all are answered'
is "$(results '.port // .code' | wc -l)" 1 'with one port'
is "$(count_interfaces)" 1 'there is one interface'
port=$(jq -r .port "$work/results" | head -n 1)
ok 'and it is complete' is_complete "$same" "$port"
slowest '200 of one key'
delete_interfaces

client -t 120 -k "$work/keys" >"$work/results"
is "$(results .end)" 'eof 300' '300 keys at once: all are answered'
is "$(results '.code // empty')" '1 150' '150 times code 1'
is "$(jq -r '.port // empty' "$work/results" | sort -u | wc -l)" 150 '150 ports, all different'
is "$(count_interfaces)" 150 '150 interfaces'
slowest '300 keys'

# The same 150 again, each beside one that is refused.
jq -r .port "$work/results" | paste "$work/keys" - >"$work/both"
awk '$2 != "null"' "$work/both" >"$work/lucky"
incomplete=0
while read -r key port; do
	is_complete "$key" "$port" || incomplete=$((incomplete + 1))
done < <(shuf -n 20 --random-source=/dev/zero "$work/lucky")
is "$incomplete" 0 'twenty of them, looked at, are complete'
indexes() { ip -j link show group 40000 | jq -c '[.[] | [.ifname, .ifindex]] | sort'; }
before=$(indexes)
client -t 120 -k "$work/keys" >"$work/results"
is "$(jq -r .port "$work/results" | paste "$work/keys" -)" "$(<"$work/both")" \
	'the same 300 again: the same ports, and the same refused'
is "$(indexes)" "$before" 'the same interfaces, with the same ifindexes'
slowest 'the same 300 again'

# Mixed: the limit holds while the same key comes twice.
delete_interfaces
{ cat "$work/keys" "$work/keys" && echo "$same" && echo "$same"; } |
	shuf --random-source=/dev/zero >"$work/twice"
client -t 240 -k "$work/twice" >"$work/results"
is "$(results .end)" 'eof 602' '301 keys twice at once: all are answered'
is "$(count_interfaces)" 150 '150 interfaces'
is "$(jq -r '.port // "none"' "$work/results" | paste "$work/twice" - | sort -u |
	awk '$2 != "none" { n[$1]++; m[$2]++ } END {
		for (k in n) if (n[k] > 1) print k; for (p in m) if (m[p] > 1) print p }')" '' \
	'no key has two ports, no port two keys'
slowest '602 mixed'
is "$(grep -cv -e accepted -e 'refused .*: all slots are taken' "$work/log")" 0 \
	'nothing went wrong on the way, says the log'
done_testing
