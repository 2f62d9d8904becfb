#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-connect -l keeps a tunnel without a timer: it moves to another gateway, tries again, more and
# more rarely, logs only changes, and ends when it is told to.
# vm: --timeout 6000

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

for number in 1 2; do
	add_gateway "gw$number" "$number"
done
add_node node 30
both=("192.0.2.11,${gateway_key[gw1]}" "192.0.2.12,${gateway_key[gw2]}")

# start OPTION... GATEWAY...: its process is $loop.
start() {
	# Not by at(): that is a shell of its own, which would end without the loop.
	ip netns exec node "$connect" -l -k "$work/node.key" "$@" 2>>"$work/words" &
	loop=$!
	jobs+=("$loop")
}
# stop SIGNAL: leaves its exit code in $status.
stop() {
	status=0
	kill "-$1" "$loop"
	wait "$loop" || status=$?
}
says() { grep -q "$1" "$work/words"; }
gateway() { shown node endpoints | sed -n 's/^192\.0\.2\.1\([12]\):.*/gw\1/p'; }
moved() { [[ $(gateway) == gw[12] && $(gateway) != "$first" ]] && has_handshake_at node; }
# lines: those that were logged since the last time.
lines() {
	sed 's/^broker-connect: //' "$work/words"
	: >"$work/words"
}

start -g "${both[@]}"
ok 'it connects' wait_for 60 says 'created wgmesh'
first=$(gateway)
like "$first" '^gw[12]$' 'to one of them'
sleep 300
is "$(lines | tail -n +3)" 'wgmesh has a live session' 'five minutes later it has logged nothing but this'
is "$(cat "$work"/gw?.log | grep -c accepted)" 1 'and asked once'
ok 'it holds no lock between its runs' wait_for 20 flock -n "$work/node.key" true

ip -n "$first" link set eth0 down
SECONDS=0
ok 'its gateway gone, it moves' wait_for 500 moved
diag "moved after $SECONDS s"
ok 'which is logged' wait_for 10 says 'changed wgmesh: gateway'
lines >/dev/null
ip -n node link set eth0 down
ok 'no way to any: it says so' wait_for 500 says 'unable to connect to a gateway; the best result was: unreachable'
said=$(lines | sort -u | wc -l)
sleep 900
is "$(lines)" '' "once: nothing behind $said lines in a quarter of an hour"
ip -n node link set eth0 up
ok 'a way again: the session has come back' wait_for 500 says 'live session'
stop TERM
is "$status" 0 'SIGTERM between two runs: it ends'
ok 'the tunnel is there' has_handshake_at node
connect node down
is "$status" 0 'down ends that'

replies silent 5 <<EOT
read -r _ || exit
echo asked >>$work/asked
exec sleep 60
EOT
for signal in TERM INT; do
	: >"$work/asked"
	lines >/dev/null
	start -p "${gateway_key[gw1]}" 192.0.2.15
	await 20 test -s "$work/asked"
	stop $signal
	is "$status $(lines)" '0 ' "SIG$signal while it asks: it ends, and does not wait for the answer"
	ok 'no run is left' eval '! pgrep -x broker-connect'
done

# In vain: it asks again 5, 10, 20, 40, 60, 60... s after each answer, which takes 5 s; and up to half as
# much later.
lines >/dev/null
: >"$work/asked"
start -p "${gateway_key[gw1]}" 192.0.2.15
await 20 test -s "$work/asked"
pkill -KILL -P "$loop" -x broker-connect
ok 'a run that is killed is logged' wait_for 10 says 'a run was ended by signal 9'
ok 'the next one asks again' wait_for 20 has_lines 2 "$work/asked"
lines >/dev/null
sleep 400
stop TERM

asked=$(wc -l <"$work/asked")
ok "a gateway that is silent: asked $asked times in 400 s" test "$asked" -ge 6 -a "$asked" -le 11
is "$(lines)" 'gateway 192.0.2.15 (192.0.2.15): silent: no reply in time
unable to connect to a gateway; the best result was: unreachable' 'which it said once'

replies refuses 6 <<EOT
read -r _ || exit
echo asked >>$work/refused
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted"}}'
EOT
start -p "${gateway_key[gw1]}" 192.0.2.16
await 20 test -s "$work/refused"
sleep 590
is "$(wc -l <"$work/refused")" 1 'refused by all it does not ask for ten minutes'
ok 'then it does' wait_for 400 has_lines 2 "$work/refused"
stop TERM

# Chance fails this once in twenty thousand runs.
for signal in TERM INT; do
	lines >/dev/null
	start -w 86400 -p "${gateway_key[gw1]}" 192.0.2.11
	sleep 2
	stop $signal
	is "$status $(lines)" '0 ' "SIG$signal while -w has it wait for its first run: it ends"
done

# What it cannot mend.
start -p nokey 192.0.2.11
wait "$loop"
is "$?" 64 'misuse ends it'
ip netns exec node "$connect" -l -k "$work/missing.key" "${both[0]}" 2>"$work/words"
is "$?" 78 'no private key does, too'

done_testing
