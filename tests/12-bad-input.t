#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every kind of bad input gets the code that it should, in one line and at once, and makes nothing.
# All that the parser can be told is in tests/unit/request.c; here is a row for each class and way.
source tests/lib.sh

timeout=4
configure TIMEOUT=$timeout
start_socat
key=$(random_pubkey)
own=$(wg pubkey <"$etc/secret")
object="{\"version\":1,\"pubkey\":\"$key\"}"

# Code, description, and the text that is sent in one write; \n and \x00 work. It is held open.
cat >"$work/table" <<END
2	not JSON	GET / HTTP/1.0\\n
2	an array	[$object]\\n
2	a number	1\\n
2	an empty object	{}\\n
2	no pubkey	{"version":1}\\n
2	a comment	/* */ $object\\n
2	a trailing comma	{"version":1,"pubkey":"$key",}\\n
2	a NUL byte in front	\\x00$object\\n
2	a NUL byte inside	{"version":1,\\x00"pubkey":"$key"}\\n
2	two keys pubkey	{"version":1,"pubkey":"$own","pubkey":"$key"}\\n
2	nested 1,000 deep	{"x":$(printf '[%.0s' {1..1000})\\n
2	a pubkey that is a number	{"version":1,"pubkey":1}\\n
4	an empty pubkey	{"version":1,"pubkey":""}\\n
4	a pubkey of 43 characters	{"version":1,"pubkey":"${key%=}"}\\n
4	with a newline	{"version":1,"pubkey":"${key:0:20}\\\\n${key:21}"}\\n
4	with an option	{"version":1,"pubkey":"$key endpoint 1.2.3.4:5"}\\n
4	with a dollar	{"version":1,"pubkey":"\$(reboot)${key:9}"}\\n
4	that is not canonical	{"version":1,"pubkey":"${key:0:42}B="}\\n
4	of zeroes	{"version":1,"pubkey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}\\n
4	that is the gateway's	{"version":1,"pubkey":"$own"}\\n
3	version 2	{"version":2,"pubkey":"$key"}\\n
3	version "1"	{"version":"1","pubkey":"$key"}\\n
[23]	version 2^64 + 1	{"version":18446744073709551617,"pubkey":"$key"}\\n
END
cut -f 3 "$work/table" >"$work/rows"
client -r "$work/rows" -s 'code end lines ended' >"$work/results"
is "$(wc -l <"$work/results")" 23 'each of 23 texts was sent'
while IFS=$'\t' read -r code description _ result; do
	like "$result" "^$code eof 1 [01]\." "$description: code $code in one line, in less than 2 s"
done < <(paste "$work/table" "$work/results")

# refused CODE DESCRIPTION ARG...: what the client sends gets this code. $ended is when, in ms.
refused() {
	local code=$1 description=$2
	shift 2
	client -t 30 -s 'code end lines ended' "$@" >"$work/result"
	like "$(<"$work/result")" "^$code eof 1 [0-9]+\.[0-9]{3}\$" "$description: code $code in one line"
	ended=$(sed 's/.* //; s/\.//; s/^0*//' "$work/result")
}

head -c 1048576 /dev/zero | tr '\0' ' ' >"$work/spaces"
refused 2 '1 MiB of spaces' -f "$work/spaces"
refused 2 '1 MiB of spaces, half-closed' -a half -f "$work/spaces"
head -c 1048576 /dev/urandom >"$work/noise"
refused 2 '1 MiB of noise' -f "$work/noise"
printf '{"version":1,"x":"%s","pubkey":"%s"}\n' "$(head -c 5000 /dev/zero | tr '\0' x)" "$key" \
	>"$work/long"
refused 2 'an object of 5 kB' -f "$work/long"
refused 2 'half an object, and the end' -a half -x '{"version":1'
refused 2 'nothing, and the end' -a half -x ''

# ends_in_time WHAT: what does not end is closed at the deadline, not before and not later.
ends_in_time() {
	ok "$1: closed at the deadline of $timeout s" \
		test "$ended" -ge $((1000 * timeout - 100)) -a "$ended" -lt $((1000 * timeout + 500))
	diag "$1: closed after $ended ms"
}
refused 2 'silence' -x ''
ends_in_time silence
refused 2 'half an object' -x '{"version":1'
ends_in_time 'half an object'
refused 2 'a drip of one byte a second' -u byte -d 1 -x "$object"
ends_in_time 'a drip'

handlers() { pgrep -x broker-handler; }
no_handlers() { ! handlers; }
ok 'all those handlers have ended' wait_for 10 no_handlers
# The one of the gateway's own key: half-made, so that no later request takes more than a look.
is "$(interfaces)" "$(interface_of "$own")" 'no interface came of all that, but one of the own key'
unlike "$(ip link show "$(interface_of "$own")")" '[<,]UP[,>]' 'which is down'
is "$("$admin" prune 2>&1)" \
	'broker-admin: pruned: 1 removed, 0 kept, 0 told to routing daemons' 'and goes with the next prune'

# One that closes before its reply: its handler ends, and leaves an interface that is complete. It is
# not asked again before: that would complete it.
client -a close -x '{"version' >/dev/null
ok 'a peer that closes within its request: its handler ends' wait_for 10 no_handlers
is "$(count_interfaces)" 0 'and there is no interface'
client -a close "$key" >/dev/null
ok 'a peer that closes before the reply: its handler ends' wait_for 10 no_handlers
name=$(interface_of "$key")
ok 'and its interface is complete' is_complete "$key" "$(slot_port "$name")"
is "$(count_interfaces)" 1 'and the only one'
ok 'the log tells of all of these' test "$(wc -l <"$work/log")" -ge 34
unlike "$(<"$work/log")" "$(printf '\r|reboot|GET|1\\.2\\.3\\.4')" \
	'nothing of the requests is in the log'
done_testing
