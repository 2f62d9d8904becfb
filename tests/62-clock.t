#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side with a wrong clock. Gateway and node share the machine's: the gateway's replies
# are made to tell the right time after that one was set wrong.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

year=31536000
add_gateway gw1 1
key=${gateway_key[gw1]}
cat >"$work/right" <<EOT
#!/bin/bash
$PWD/$handler -c $work/gw1.config | jq -c --argjson off \$(<$work/offset) '.time += \$off'
EOT
chmod +x "$work/right"
kill "${gateway_pid[gw1]}"
await 10 eval '! at gw1 socat -u OPEN:/dev/null TCP:127.0.0.1:40000'
serve gw1 "EXEC:$work/right"
add_node node 30

echo 200 >"$work/offset"
connect node -g -t -p "$key" 192.0.2.11
is "$status" 0 'connected'
unlike "$words" clock '200 s are no matter'
ok 'handshake' wait_for 20 has_handshake_at node

# A reboot without a battery: the gateway knows the key with the time of its last handshake, and
# since it has a live session no request may change that.
ip -n node link delete wgmesh
echo $year >"$work/offset"
date -s "@$(($(date +%s) - year))" >/dev/null
here=$(date -u +%Y-%m-%d) there=$(date -u -d "@$(($(date +%s) + year))" +%Y-%m-%d)
connect node --json -p "$key" 192.0.2.11
is "$status" 0 'connected, without -t'
like "$words" "clock is wrong: here it is $here [0-9:]+ UTC, at gateway 192.0.2.11 $there" \
	'a warning with both times'
like "$words" '\(-t sets it\)' 'and with the way out'
is "$(jq -r .clock_set <<<"$printed")" false 'the clock is as it was'
offset=$(jq -r .clock_offset <<<"$printed")
ok '--json tells how far it is off' test "$offset" -ge $((year - 60)) -a "$offset" -le $((year + 60))
ok 'there is no handshake indeed' eval '! wait_for 8 has_handshake_at node'
connect node -n -t "192.0.2.11"
like "$words" 'clock is wrong' '-n only warns'
status=0
at node setpriv --bounding-set -sys_time --inh-caps -sys_time "$connect" -t -k "$work/node.key" \
	-p "$key" 192.0.2.11 2>"$work/words" || status=$?
is "$status" 0 'who may not set the clock is connected all the same'
like "$(<"$work/words")" 'unable to set the clock .*: Operation not permitted' 'and told so'
is "$(date -u +%Y-%m-%d)" "$here" 'the clock is still as it was'

connect node --json -t -p "$key" 192.0.2.11
is "$status" 0 'connected, with -t'
is "$(date -u +%Y-%m-%d)" "$there" 'the clock was set'
is "$(jq -r .clock_set <<<"$printed")" true '--json tells so'
like "$words" "set the clock from $here [0-9:]+ UTC to that of gateway 192.0.2.11, $there" 'in words'
ok 'handshake' wait_for 20 has_handshake_at node

# A clock that is set while the session lives, by NTP for one, is no reason to ask again.
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'the session is known to live'
date -s "@$(($(date +%s) + year))" >/dev/null
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'so it is after the clock went a year on'
date -s "@$(($(date +%s) - 2 * year))" >/dev/null
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'and two years back'

done_testing
