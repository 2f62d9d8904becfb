#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# systemd: broker-accept when descriptors, processes or memory end, and the log in a flood.

supervisor=systemd
source tests/supervisor.sh

service=wg-broker.service
limit() { systemctl set-property --runtime "$service" "$1"; }
# Ticks of the processor, with those of children that have ended.
ticks() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/$1/stat"; }
# What broker-accept itself logged since mark_log.
own_log() { journal_since "._PID == \"$(supervisor_pid)\""; }
# few: twenty nodes ask. few_answered: they have their replies.
few() {
	tests/client.py -t 60 -s port -k "$work/few" >"$work/replies" &
	client=$!
}
few_answered() {
	wait "$client"
	is "$(grep -c '^4' "$work/replies")" 20 "$1: all 20 nodes are answered"
}

# shortage WHAT LINE: while break_WHAT holds nodes wait, and after mend_WHAT they are answered.
shortage() {
	local pid used
	pid=$(supervisor_pid)
	# Of each failure it says no more than one line a minute.
	sleep 61
	mark_log
	"break_$1" "$pid"
	used=$(ticks "$pid")
	few
	sleep 5
	ok "$1: nothing spins" test $(($(ticks "$pid") - used)) -lt 10
	is "$(cat "$work/replies")" '' "$1: the nodes wait"
	"mend_$1" "$pid"
	few_answered "$1"
	is "$(own_log)" "3 unable to $2; until that works again, nodes wait" "$1: the log says so once"
	is "$(supervisor_pid)" "$pid" "$1: it is the same process"
}
break_descriptors() { prlimit --nofile=3:32 --pid "$1"; }
mend_descriptors() { prlimit --nofile=32:32 --pid "$1"; }
break_files() { sysctl -qw fs.file-max=10; }
mend_files() { sysctl -qw "fs.file-max=$file_max"; }
break_processes() { limit TasksMax=1; }
mend_processes() { limit TasksMax=2100; }

await 60 install_broker
settings MAXCONNECTIONS=500 BABELPORT= TIMEOUT=100
await 60 listens
systemctl stop systemd-udevd{,-control.socket,-kernel.socket} 2>/dev/null
random_pubkeys 20 >"$work/few"
few
few_answered 'before'
file_max=$(sysctl -n fs.file-max)

diag 'what may end'
shortage descriptors 'accept a connection: Too many open files'
shortage files 'accept a connection: Too many open files in system'
shortage processes 'start a handler: Resource temporarily unavailable'

diag 'memory'
# The kernel kills whom it likes: handlers, whose nodes ask again, or broker-accept, which systemd
# starts again.
mark_log
used=$(cat "/sys/fs/cgroup/system.slice/$service/memory.current")
limit "MemoryMax=$((used + 1000000))"
tests/client.py -t 60 -n 40 -x '{' -s end >"$work/held" &
holder=$!
kills() { [[ $(journal_since '.SYSLOG_IDENTIFIER == "kernel"') == *'Memory cgroup out of memory: Killed process'* ]]; }
ok 'with 1 MB for 40 handlers the kernel kills some' wait_for 60 kills
is "$(systemctl is-active wg-broker.socket)" active 'the socket remains'
limit MemoryMax=1G
wait "$holder"
few
few_answered 'with memory'

diag 'floods'
# flood COUNT TEXT: so many nodes, one after the other, each from an address of its own.
flood() {
	python3 - "$@" <<-'END'
		import socket, sys
		replies = 0
		for number in range(int(sys.argv[1])):
		    sock = socket.create_connection(
		        ("127.0.0.1", 40000), source_address=("127.0.%d.%d" % divmod(number + 600, 250), 0))
		    sock.sendall(sys.argv[2].encode())
		    replies += b"code" in sock.recv(1000)
		print(replies)
	END
}
# logged PATTERN: how many lines, since mark_log.
logged() { log_since | grep -c "$1"; }
mark_log
is "$(flood 1000 $'nonsense\n')" 1000 '1,000 malformed requests are answered'
lines=$(logged malformed)
diag "they have $lines lines"
ok 'a flood of malformed requests is no flood of lines' test "$lines" -lt 1000 -a "$lines" -gt 200
delete_interfaces
settings MAXCONNECTIONS=1 BABELPORT=
like "$(port_of "$(tests/client.py -t 60 -s reply "$(head -n 1 "$work/few")")")" '^4' 'a node takes the only slot'
is "$(flood 1000 "$(request_of "$(new_pubkey)")")" 1000 '1,000 nodes too many are refused'
lines=$(logged 'all slots')
diag "they have $lines lines"
ok 'nor is one of nodes too many, which do not share the lines of the former' test "$lines" -lt 1000 -a "$lines" -gt 200
sleep 61
few
wait "$client"
# journald says it when the next line comes.
like "$(journal_since '.MESSAGE // "" | tostring | startswith("Suppressed")')" \
	'Suppressed [0-9]+ messages from wg-broker.service' \
	'the log says how many lines it left out'
settings MAXCONNECTIONS=500 BABELPORT=
mark_log
is "$(connect 70 127.0.9.1)" '64 6' 'of 70 connections of one source 64 are served, and 6 closed'
is "$(own_log)" '4 connections turned away, since their source has too many: 1, the last from 127.0.9.1' \
	'with one line in the log, for now'
is "$(systemctl --failed --no-legend)" '' 'no failed units'
done_testing
