#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# needs: bench
# How full a gateway is: the answer, what it costs, and that it changes nothing.
source tests/lib.sh
source tests/cost.sh

# usage [REQUEST]: what it answers.
usage() { "$handler" 2>>"$work/log" <<<"${1-"{\"version\":1,\"usage\":true}"}"; }
answer() { printf '{"version":1,"usage":%s}' "$1"; }
# fill COUNT: so many new peers.
fill() { new_requests "$1" | measure '"port":' "$handler" >"$work/spawned"; }

configure MAXCONNECTIONS=20
is "$(usage)" "$(answer 0.00)" 'an empty one'
is "$(tail -n 1 "$work/log")" 'broker-handler: told local: 0 % used' 'the log says so'
fill 5
is "$(usage)" "$(answer 0.25)" 'five of twenty'
before=$(interfaces)
is "$(code_of "$(usage '{"version":2,"usage":true}')")" 3 'another version: code 3'
is "$(code_of "$(usage '{"version":1,"usage":1}')")" 2 'not true: code 2'
key=$(new_pubkey)
like "$(usage "{\"usage\":true,\"pubkey\":\"$key\"}")" '"port":' 'with a key it is a request for a tunnel'
before+=$'\n'$(interface_of "$key")
is "$(interfaces | sort)" "$(sort <<<"$before")" 'and nothing else was made'
fill 14
is "$(usage)" "$(answer 1.00)" 'twenty of twenty'
is "$(code_of "$(ask "$(new_pubkey)")")" 1 'who asks for a tunnel is refused'
is "$(usage)" "$(answer 1.00)" 'known to be full'
# An operator deletes some; nobody has taken the marker away, and after a while it does not count.
later_usage() { later 40 "$handler" 2>>"$work/log" <<<'{"usage":true}'; }
is "$(later_usage)" "$(answer 1.00)" 'still full later'
marked=$(ip -o link show dev "$prefix-full-20" | awk -F'[ :]+' '{ print $2 }')
interfaces | grep -vx "$marked" | head -n 10 | sed 's/^/link delete /' | ip -batch -
is "$(later_usage)" "$(answer 0.50)" 'no more'
fill 10
configure MAXCONNECTIONS=0
is "$(usage)" "$(answer 1.00)" 'taken out of service'
configure MAXCONNECTIONS=20 "ALLOWKEYS=$etc/allow"
mkdir "$etc/allow"
is "$(usage)" "$(answer 1.00)" 'lists of keys do not matter'
configure MAXCONNECTIONS=20 "PRIVATEKEY=$etc/absent"
is "$(code_of "$(usage)")" 6 'one that can let nobody in: code 6'

# Those beyond a limit that was lowered count. There are ports for 32, so that each slot is looked at.
configure MAXCONNECTIONS=32 ENDPORT=40031
"$admin" flush 2>>"$work/log"
fill 24
is "$(usage)" "$(answer 0.75)" '24 of 32'
configure MAXCONNECTIONS=30 ENDPORT=40031
is "$(usage)" "$(answer 0.80)" '24 of 30'
configure MAXCONNECTIONS=20 ENDPORT=40031
is "$(usage)" "$(answer 1.00)" '24 where there may be 20'

# A share of 32 slots of many; of the answers the middle one counts.
"$admin" flush 2>>"$work/log"
median() { for ((i = 0; i < 21; i++)); do usage | jq .usage; done | sort -n | sed -n 11p; }
cost() { same_usage 21 | measure '"usage":' "$handler"; }
configure MAXCONNECTIONS=100
fill 60
few=$(cost)
configure MAXCONNECTIONS=1000
fill 540
middle=$(median)
diag "600 of 1,000: $middle"
ok '600 of 1,000 is about 0.6' jq -en "$middle | . > 0.45 and . < 0.75"
many=$(cost)
diag "an answer costs $few instructions at 60 of 100, $many at 600 of 1,000"
ok 'which costs the same' test $((100 * many)) -lt $((105 * few))
done_testing
