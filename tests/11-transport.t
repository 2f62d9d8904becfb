#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Requests of every shape, through socat, over IPv4 and IPv6: each gets exactly one line, at once.
source tests/lib.sh

configure
start_socat

# accepted DESCRIPTION ARG...: what the client sends with these arguments gets a port, in one line,
# less than a second after its last byte, and then the end of the connection.
accepted() {
	local description=$1 sent replied ended end reply
	shift
	read -r sent replied ended end reply < <(client -H "$host" -s 'sent replied ended end lines reply' "$@")
	like "$end $reply" '^eof 1 \{"version":1,"port":40[0-9]{3},"time":[0-9]+\}$' \
		"$host: $description: one line with a port"
	[[ $sent$replied$ended =~ ^[0-9.]+$ ]] || {
		report 1 "$host: $description: all was sent and answered"
		return
	}
	sent=$((10#${sent/./})) replied=$((10#${replied/./})) ended=$((10#${ended/./}))
	ok "$host: $description: at once, and closed" \
		test $((replied - sent)) -lt 1000 -a $((ended - sent)) -lt 1000
	slowest=$((ended - sent > slowest ? ended - sent : slowest))
}

request='{"version":1,"pubkey":"KEY"}'
slowest=0
for host in 127.0.0.1 ::1; do
	key=$(random_pubkey)
	text=${request/KEY/$key}
	accepted 'in one write, the sending side held open' -x "$text\\n"
	accepted 'with no newline' -x "$text"
	accepted 'byte by byte' -u byte -d 0.005 -x "$text\\n"
	accepted 'over several lines, one at a time' -u line -d 0.1 \
		-x "${text//[,]/$'\n,\t'}"$'\n'
	accepted 'after lines of white space' -x "\\n \\r\\n\\t$text\\n"
	accepted 'with a half-close' -a half -x "$text\\n"
	accepted 'with a half-close and no newline' -a half -x "$text"
	accepted 'with bytes behind it' -x "$text\\nmore, and } { \\x00\\xff"
	accepted 'with another request behind it' -x "$text$text"
	accepted 'without version' -x "{\"pubkey\":\"$key\"}\\n"
	accepted 'with unknown keys, as the clients of 2018' \
		-x "{\"localport\":4711,\"pubkey\":\"$key\",\"x\":{\"y\":[1,null,\"}\"]}}\\n"
	accepted 'with a slash escaped' -x "{\"version\":1,\"pubkey\":\"${key//\//\\\\/}\"}\\n"
done
is "$(count_interfaces)" 2 'two keys, two interfaces'
diag "the slowest was closed $slowest ms after its last byte"

# Much behind the request must not cost the reply: a reset would.
{ printf '%s\n' "$text" && head -c 300000 /dev/zero; } >"$work/much"
for ((i = 0; i < 5; i++)); do client -s 'port end' -f "$work/much"; done >"$work/results"
is "$(grep -c '^40[0-9]* eof$' "$work/results")" 5 \
	'300 kB behind the request: the reply arrives, five times out of five'

time=$(client -s reply "$key" | sed -n 's/.*"time":\([0-9]*\)}$/\1/p')
ok 'its time is the unix time' test $(($(date +%s) - time)) -ge 0 -a $(($(date +%s) - time)) -lt 5
ok 'each request has its line in the log' wait_for 10 has_lines 30 "$work/log"
is "$(grep -Ev '^broker-handler: accepted (127\.0\.0\.1|::1): ' "$work/log")" '' \
	"the log has the node's address in every line, and nothing else"
done_testing
