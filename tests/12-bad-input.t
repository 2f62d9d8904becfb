#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every bad input gets the code that it should, in one line, and makes nothing.
source tests/lib.sh

timeout=4
configure TIMEOUT=$timeout
start_socat
key=$(random_pubkey)
own=$(wg pubkey <"$etc/secret")

# refused CODE DESCRIPTION ARG...: what the client sends gets this code.
refused() {
	local code=$1 description=$2 result
	shift 2
	result=$(client -t 30 "$@")
	is "$(jq -r '"\(.code) \(.end) \(.reply | [match("\n"; "g")] | length)"' <<<"$result")" \
		"$code eof 1" "$description: code $code in one line"
	last=$result
}

# refused_text CODE DESCRIPTION TEXT: as this text in one write, held open; \n and \xFF work.
refused_text() {
	refused "$1" "$2" -x "$3\\n"
	ok "$2: at once" jq -e '.ended < 2' <<<"$last"
}

# refused_key CODE DESCRIPTION JSON: as this value of pubkey.
refused_key() { refused_text "$1" "pubkey $2" "{\"version\":1,\"pubkey\":$3}"; }

# refused_version DESCRIPTION JSON: as this value of version.
refused_version() { refused_text 3 "version $1" "{\"version\":$2,\"pubkey\":\"$key\"}"; }

object="{\"version\":1,\"pubkey\":\"$key\"}"
refused_text 2 'not JSON' 'GET / HTTP/1.0'
refused_text 2 'an array' "[$object]"
refused_text 2 'a string' '"key"'
refused_text 2 'a number' '1'
refused_text 2 'null' 'null'
refused_text 2 'an empty object' '{}'
refused_text 2 'no pubkey' '{"version":1}'
refused_text 2 'a comment' "/* */ $object"
refused_text 2 'single quotes' "{'version':1,'pubkey':'$key'}"
refused_text 2 'a trailing comma' "{\"version\":1,\"pubkey\":\"$key\",}"
refused_text 2 'a NUL byte in front' "\\x00$object"
refused_text 2 'a NUL byte inside' "{\"version\":1,\\x00\"pubkey\":\"$key\"}"
refused_text 2 'two keys pubkey' "{\"version\":1,\"pubkey\":\"$own\",\"pubkey\":\"$key\"}"
refused_text 2 'two keys version' "{\"version\":2,\"version\":1,\"pubkey\":\"$key\"}"
refused_text 2 'nested 1,000 deep' "{\"x\":$(printf '[%.0s' {1..1000})"

refused_key 2 'a number' 1
refused_key 2 'null' null
refused_key 2 'an array' "[\"$key\"]"
refused_key 4 'empty' '""'
refused_key 4 'of 43 characters' "\"${key%=}\""
refused_key 4 'of 45 characters' "\"$key=\""
refused_key 4 'with a blank' "\"${key:0:20} ${key:21}\""
refused_key 4 'with a newline' "\"${key:0:20}\\\\n${key:21}\""
refused_key 4 'with a NUL behind it' "\"$key\\\\u0000\""
refused_key 4 'with an option' "\"$key endpoint 1.2.3.4:5\""
refused_key 4 'with a dollar' "\"\$(reboot)${key:9}\""
refused_key 4 'in base64url' "\"-_${key:2}\""
refused_key 4 'that is not canonical' "\"${key:0:42}B=\""
refused_key 4 'of zeroes' '"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'
refused_key 4 "that is the gateway's" "\"$own\""

refused_version 2 2
refused_version 0 0
refused_version '"1"' '"1"'
refused_version 1.5 1.5
refused_version null null
refused_version true true
refused_version 18446744073709551617 18446744073709551617

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

# What does not end is closed at the deadline, not before and not later.
ends_in_time() {
	ok "$1: closed at the deadline of $timeout s" \
		jq -e ".ended >= $timeout - 0.1 and .ended < $timeout + 1.5" <<<"$last"
	diag "$1: closed after $(jq .ended <<<"$last") s"
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
is "$(count_interfaces)" 0 'no interface came of all that'

# One that closes before its reply: the handler ends, and nothing is left half-made.
client -a close "$key" >/dev/null
client -a close -x '{"version' >/dev/null
ok 'a peer that closes before the reply: its handler ends' wait_for 10 no_handlers
if [[ $(interface_of "$key") ]]; then
	ok 'and its interface is complete' is_complete "$key" "$(port_of "$(ask "$key")")"
else
	ok 'and there is no interface' test "$(count_interfaces)" = 0
fi
unlike "$(<"$work/log")" "$(printf '\r|reboot|GET|1\\.2\\.3\\.4')" \
	'nothing of the requests is in the log'
done_testing
