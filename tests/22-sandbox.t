#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The parser is broken on purpose, and so is the handler once it has heard the node. Neither can do
# harm, as root and without a supervisor's sandbox.
# needs: broken
source tests/lib.sh

configure
broken=build/broken/broker-handler
log=$work/log

# try REQUEST [COMMAND...]: what the broken handler replies, and what it logs to $log.
try() { printf %b "$1" | timeout 60 "${@:2}" "$broken" 2>"$log"; }

for crime in read write mkdir execve setuid connect sendmsg kill; do
	reply=$(try "break $crime\n")
	is "$(code_of "$reply")" 6 "the parser tries $crime: the node gets code 6"
	like "$(<"$log")" 'failed local: the process that parses the request was killed by signal 9 \(Killed\)$' \
		"$crime: it was killed, and the log says so"
done
ok 'nothing happened' test ! -e /tmp/broken
is "$(count_interfaces)" 0 'and no interface came of it'

key=$(new_pubkey)
reply=$(try "$(request_of "$key")\n")
ok 'an honest request is served by it' is_complete "$key" "$(port_of "$reply")"
is "$(grep -c 'broken: .*: Permission denied$' "$log")" 4 'the handler can neither read nor make files, nor run a program'
like "$(<"$log")" 'broken: setuid: (Permission denied|Operation not permitted)' 'nor is it root any more'
ok 'nothing happened' test ! -e /tmp/broken

# What is in force while it waits for its node.
coproc "$handler" 2>>"$log"
waits=$!
await 30 eval 'grep -q "^Seccomp:.1" /proc/$(pgrep -P $waits)/status'
child=$(pgrep -P "$waits")
is "$(awk '/^Seccomp:/ { print $2 }' "/proc/$child/status")" 1 'the parser has the strict mode of seccomp'
is "$(find "/proc/$child/fd" -type l -printf "%f ")" "0 " 'and one descriptor'
is "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "/proc/$waits/status" | sort -u)" 0000000000001000 \
	'the handler, root, has CAP_NET_ADMIN alone'
is "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$waits/status")" 1 'and can gain nothing'
kill "$waits"
ok 'when it is killed, its parser ends' wait_for 30 eval "! kill -0 $child 2>/dev/null"

# A gateway may be broken, too, or whoever stands between.
(umask 077 && wg genkey >"$work/node.key")
wg genkey | wg pubkey >"$work/gateway.pub"
for crime in read write mkdir execve setuid connect sendmsg kill; do
	socat TCP-LISTEN:41999,bind=127.0.0.1,reuseaddr "SYSTEM:read _; echo break $crime" &
	await 20 listens 41999
	status=0
	timeout 60 build/broken/broker-connect -n -k "$work/node.key" -p "$work/gateway.pub" \
		127.0.0.1:41999 2>"$log" || status=$?
	wait "$!"
	is "$status" 76 "the parser of the reply tries $crime: nonsense"
	like "$(<"$log")" 'the process that parses the reply was killed by signal 9 \(Killed\)' \
		"$crime: it was killed, and the log says so"
done
ok 'nothing happened' test ! -e /tmp/broken
done_testing
