#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side with a wrong clock. Gateway and node share the machine's: the gateway's replies
# are made to tell the right time after that one was set wrong.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

day=86400 year=31536000
# When the program's sources were last changed: no clock is right before that.
[[ $("$connect" -V) =~ \((.*)\) ]]
built=$(date -u -d "${BASH_REMATCH[1]}" +%s)
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

# clocks HERE THERE: sets the node's, and the gateway's reply, to so many seconds after the sources.
clocks() {
	date -s "@$((built + $1))" >/dev/null
	echo $(($2 - $1)) >"$work/offset"
}
# shows SECONDS: the clock, within a minute; more than what a run takes, and less than what matters.
shows() {
	local off=$(($(date +%s) - built - $1))
	echo "the clock is $off s from $1"
	((off >= -60 && off <= 60))
}
# synchronise: tells the kernel that the clock is right, as an NTP client does.
synchronise() {
	python3 - <<-'PYTHON'
		import ctypes, struct
		# struct timex of adjtimex(2): the modes ADJ_MAXERROR, ADJ_ESTERROR and ADJ_STATUS.
		state = ctypes.create_string_buffer(struct.pack("@Illlli", 0x1c, 0, 0, 0, 0, 0), 512)
		assert ctypes.CDLL(None).adjtimex(state) == 0
	PYTHON
}

clocks $year $((year + 200))
connect node -g -tt -p "$key" 192.0.2.11
is "$status" 0 'connected'
unlike "$words" clock '200 s are no matter'
ok 'handshake' wait_for 20 has_handshake_at node

# A reboot without a battery: the gateway knows the key with the time of its last handshake, and
# since it has a live session no request may change that.
reboot() {
	ip -n node link delete wgmesh 2>/dev/null
	clocks "$@"
	here=$(date -u -d "@$((built + $1))" +%Y-%m-%d) there=$(date -u -d "@$((built + $2))" +%Y-%m-%d)
}
reboot -$year $year
connect node --json -p "$key" 192.0.2.11
like "$words" "clock is wrong: here it is $here [0-9:]+ UTC, at gateway 192.0.2.11 $there" \
	'without -t, a warning with both times'
like "$words" '; -t would set it' 'and with the way out'
is "$status $(jq -r .clock_set <<<"$printed")" '69 false' 'not connected, and the clock is as it was'
offset=$(jq -r .clock_offset <<<"$printed")
ok '--json tells how far it is off' test "$offset" -ge $((2 * year - 60)) -a "$offset" -le $((2 * year + 60))
ok 'there is no handshake indeed' eval '! wait_for 8 has_handshake_at node'
ip -n node link delete wgmesh
connect node -n -t "192.0.2.11"
like "$words" 'clock is wrong' '-n only warns'
status=0
at node setpriv --bounding-set -sys_time --inh-caps -sys_time "$connect" -t -k "$work/node.key" \
	-p "$key" 192.0.2.11 2>"$work/words" || status=$?
like "$(<"$work/words")" 'unable to set the clock .*: Operation not permitted' \
	'who may not set the clock is told so'
ok 'the clock is still as it was' shows -$year

# What nobody but the kernel keeps the clock from.
reboot -$year $year
synchronise
connect node -tt -p "$key" 192.0.2.11
like "$words" 'the kernel says that ours is synchronised' 'a clock that NTP keeps is not set'
ok 'by -tt' shows -$year
for there in $((11 * year)) $((-2 * year)); do
	for options in -t -tt; do
		reboot -$year "$there"
		connect node $options -p "$key" 192.0.2.11
		like "$words" "clock is wrong: .*; the gateway's cannot be right" \
			"$options: not to $((there / year)) years after the sources"
		ok 'the clock stays' shows -$year
	done
done

reboot -$year $((2 * year))
connect node --json -t -p "$key" 192.0.2.11
is "$status" 0 'connected, with -t'
ok 'the clock was set' shows $((2 * year))
is "$(jq -r .clock_set <<<"$printed")" true '--json tells so'
like "$words" "set the clock from $here [0-9:]+ UTC to that of gateway 192.0.2.11, $there" 'in words'
ok 'handshake' wait_for 20 has_handshake_at node

# A clock that may be right, and another one's that may be, too.
reboot $((3 * year)) $((4 * year))
connect node -t -p "$key" 192.0.2.11
like "$words" 'clock is wrong: .*; -t sets it if no gateway shakes hands' '-t: not if it may be right'
ok 'the clock stays' shows $((3 * year))
reboot $((4 * year)) $((3 * year))
connect node -t -p "$key" 192.0.2.11
like "$words" 'clock is wrong: .*; -t does not set it back' '-t: not back'
ok 'the clock stays' shows $((4 * year))
connect node -p "$key" 192.0.2.11
reboot $((4 * year)) $((5 * year))
connect node -tt -p "$key" 192.0.2.11
ok '-tt: on' shows $((5 * year))
reboot $((5 * year)) $((4 * year))
connect node -tt -p "$key" 192.0.2.11
ok '-tt: back' shows $((4 * year))

# A clock that fell back to a time that may be right: the gateway, whose session lives, takes our
# handshakes for old ones.
reboot $((5 * year)) $((5 * year))
connect node -tt -p "$key" 192.0.2.11
is "$status" 0 'connected'
reboot $((5 * year - day)) $((5 * year))
connect node -p "$key" 192.0.2.11
is "$status" 69 'one day back, without -t: no handshake'
ok 'the clock stays' shows $((5 * year - day))
connect node -t -p "$key" 192.0.2.11
is "$status" 0 'with -t: connected'
ok 'the clock was set' shows $((5 * year))
is "$(grep -c 'clock is wrong' "$work/words")" 1 'after one warning'

# A clock that is set while the session lives, by NTP for one, is no reason to ask again.
reboot $((6 * year)) $((6 * year))
connect node -p "$key" 192.0.2.11
ok 'handshake' wait_for 20 has_handshake_at node
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'the session is known to live'
date -s "@$(($(date +%s) + year))" >/dev/null
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'so it is after the clock went a year on'
date -s "@$(($(date +%s) - 2 * year))" >/dev/null
connect node -p "$key" 192.0.2.11
like "$words" 'live session' 'and two years back'

done_testing
