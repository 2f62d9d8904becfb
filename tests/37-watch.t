#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-admin status --watch: a table after the other, on a terminal and in a pipe, until nobody
# reads. And --json has what programs need. tests/55-many.t shows that all forms agree with wg.
# shellcheck disable=SC2317,SC2329 # functions that wait_for calls
source tests/lib.sh

configure
key=$(new_pubkey)
ask "$key" >"$work/reply"
name=$(interface_of "$key")
# tables FILE: how many tables have come to their end.
tables() { grep -c ' slots used, ' "$1"; }
has_tables() { (($(tables "$1") >= $2)); }

diag 'in a pipe'
"$admin" status --watch=1 >"$work/tables" 2>"$work/said" &
watcher=$!
jobs+=("$watcher")
ok 'a table each second' wait_for 60 has_tables "$work/tables" 3
is "$(sed '4d;7q' "$work/tables")" "$("$admin" status)"$'\n'"$("$admin" status)" 'each is what status prints'
is "$(sed -n 4p "$work/tables")" '' 'with an empty line in between'
ask "$(new_pubkey)" >"$work/reply"
ok 'what changes is in the next' wait_for 60 grep -q '^2 of 150 slots used' "$work/tables"
delete_interfaces
modprobe -r wireguard
ask "$key" >"$work/reply"
wait_for 60 eval '[[ $(tail -n 1 $work/tables) == "1 of 150"* ]]'
is "$?" 0 'also when the module was loaded again'
unlike "$(<"$work/tables")" $'\033' 'and no code for a terminal'
kill "$watcher"
wait "$watcher"
is "$(<"$work/said")" '' 'with nothing to say'

# Its reader goes, whatever it was started with.
for trap in default ignored; do
	mkfifo "$work/$trap"
	[[ $trap == default ]] || trap '' PIPE
	"$admin" status --watch=3600 >"$work/$trap" 2>"$work/said" &
	watcher=$!
	trap - PIPE
	head -n 1 "$work/$trap" >"$work/line"
	ok "its reader goes, SIGPIPE is $trap: it ends at once" wait_for 20 eval "! kill -0 $watcher"
	wait "$watcher"
	is "$? $(<"$work/said")" '0 ' 'without an error'
done
mkfifo "$work/unread"
exec {reader}<>"$work/unread"
exec {writer}>"$work/unread"
exec {reader}<&-
"$admin" status --watch 1>&"$writer" 2>"$work/said"
is "$? $(<"$work/said")" '0 ' 'nobody reads even the first: the same'
exec {writer}>&-
"$admin" status --watch >/dev/full 2>"$work/said"
is "$? $(<"$work/said")" '71 broker-admin: unable to write to stdout: No space left on device' 'a full disk is one'

diag 'on a terminal'
TERM=xterm timeout -s INT 7 script -qfc "$admin status --watch" "$work/screen" >/dev/null 2>&1 </dev/null
like "$(head -n 2 "$work/screen")" $'\033\\[H\033\\[2JINTERFACE' 'it begins on an empty screen'
number=$(tables "$work/screen")
ok 'a table each two seconds' test "$number" -ge 2 -a "$number" -le 5
is "$(grep -c $'^\033\\[H\033\\[2JINTERFACE' "$work/screen")" "$number" 'each in place of the one before'

diag 'misuse'
for arguments in 'status --watch=0' 'status --watch=x' 'status --watch=3601' 'status --watch --json' \
	'status --json --watch' 'prune --watch' 'status --watch 3'; do
	# shellcheck disable=SC2086 # several words
	said=$("$admin" $arguments 2>&1)
	is $? 64 "broker-admin $arguments: misuse"
done

diag 'JSON'
# of FILTER: what jq makes of it.
of() { jq -c "$1" "$work/json"; }
configure MAXCONNECTIONS=5000 ENDPORT=40009
delete_interfaces
ask "$key" >"$work/reply"
name=$(interface_of "$key")
broken=${name%%[0-9]*}11
ip link add "$broken" group 40000 type wireguard
now=$(date +%s)
later 100 "$admin" status --json >"$work/json"
is "$(of '[.version, .max_connections, .slots]')" '[1,5000,{"free":8,"total":10,"used":2}]' limits
is "$(of .states)" '{"broken":1,"live":0,"stale":0,"waiting":1}' 'how many there are of each state'
like "$(of ".time - $now")" '^[0-9]$' 'the time of the reading'
like "$(of ".peers[] | select(.interface == \"$name\").asked_age")" '^1[0-9][0-9]$' 'when a node asked, by the boot clock'
is "$(of ".peers[] | select(.interface == \"$broken\") | [.asked_age, .state]")" '[null,"broken"]' 'or that nobody did'
is "$(of '[.received_bytes, .sent_bytes, .daemons]')" '[0,0,[]]' 'bytes, and routing daemons'
done_testing
