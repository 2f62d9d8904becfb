#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many at once, through socat: one interface a key, and never more than the limit.
source tests/lib.sh

# Hundreds of handlers share one processor, and the last waits for all the others.
configure MAXCONNECTIONS=150 TIMEOUT=60
start_socat

same=$(random_pubkey)
random_pubkeys 300 >"$work/keys"

# many ARG...: how each connection ended, its port, code, and when it was answered, to $work/results.
many() { client -t 240 -s 'end port code replied' "$@" >"$work/results"; }

# results FIELD: this field of the last run's lines, sorted, each once with its count.
results() { cut -d ' ' -f "$1" "$work/results" | sort | uniq -c | awk '{ print $2 " " $1 }' | xargs; }
ports() { cut -d ' ' -f 2 "$work/results"; }
slowest() { diag "$1: the last was answered after $(cut -d ' ' -f 4 "$work/results" | sort -n | tail -n 1) s"; }

many -n 200 "$same"
is "$(results 1)" 'eof 200' '200 simultaneous requests of one key: all are answered'
port=$(ports | head -n 1)
is "$(results 2)" "$port 200" 'with one port'
is "$(count_interfaces)" 1 'there is one interface'
ok 'and it is complete' is_complete "$same" "$port"
slowest '200 of one key'
delete_interfaces

many -k "$work/keys"
is "$(results 1)" 'eof 300' '300 keys at once: all are answered'
is "$(results 3)" '1 150 none 150' '150 times code 1'
is "$(ports | grep -x '4[0-9]*' | sort -u | wc -l)" 150 '150 ports, all different'
is "$(count_interfaces)" 150 '150 interfaces'
slowest '300 keys'

# The same 150 again, each beside one that is refused.
ports | paste "$work/keys" - >"$work/both"
complete=0
while read -r key port; do
	is_complete "$key" "$port" && complete=$((complete + 1))
done < <(grep -v none "$work/both") >"$work/lacks"
is "$complete" 150 'all of them are complete'
indexes() { ip -o link show group 40000 | cut -d : -f 1,2; }
before=$(indexes)
many -k "$work/keys"
is "$(ports | paste "$work/keys" -)" "$(<"$work/both")" \
	'the same 300 again: the same ports, and the same refused'
is "$(indexes)" "$before" 'the same interfaces, with the same ifindexes'
slowest 'the same 300 again'

# Mixed: the limit holds while the same key comes twice.
delete_interfaces
{ cat "$work/keys" "$work/keys" && echo "$same" && echo "$same"; } |
	shuf --random-source=/dev/zero >"$work/twice"
many -k "$work/twice"
is "$(results 1)" 'eof 602' '301 keys twice at once: all are answered'
is "$(count_interfaces)" 150 '150 interfaces'
is "$(ports | paste "$work/twice" - | sort -u |
	awk '$2 != "none" { n[$1]++; m[$2]++ } END {
		for (k in n) if (n[k] > 1) print k; for (p in m) if (m[p] > 1) print p }')" '' \
	'no key has two ports, no port two keys'
slowest '602 mixed'
ok 'the log has a line for each' wait_for 10 has_lines $((200 + 300 + 300 + 602)) "$work/log"
is "$(grep -cv -e accepted -e 'refused .*: all slots are taken' "$work/log")" 0 \
	'nothing went wrong on the way, says the log'
done_testing
