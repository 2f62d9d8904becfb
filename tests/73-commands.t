#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-connect status and down: what they tell, by words, JSON and exit codes, and what they leave
# alone.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1
key=${gateway_key[gw1]}
add_node node 30
replies slow 5 <<<'exec sleep 60'
there() { ip -n node link show wgmesh; }
field() { jq -r "$1" <<<"$printed"; }

connect node status
is "$status $printed" '69 wgmesh: none' 'status of no interface'
connect node status --json
is "$status $printed" '69 {"interface":"wgmesh","state":"none"}' 'as JSON'
connect node down
is "$status $words" '0 ' 'down, without an interface: done'

connect node -g -p "$key" 192.0.2.11
is "$status" 0 'connected'
connect node status
is "$status" 0 'status with a live session: 0'
endpoint=$(shown node endpoints)
like "$printed" "^wgmesh: live"$'\n'"  gateway    $endpoint, key ${key//+/\\+}"$'\n''  handshake  [0-9]+ s ago' \
	'it tells the gateway and the handshake'
like "$printed" "  address    $(addresses_at node wgmesh)"$'\n''  MTU        1374'$'\n'"  port       $(at node wg show wgmesh listen-port)" \
	'and what the interface has'
connect node --json status
is "$(field 'keys | join(" ")')" \
	'address endpoint gateway_key handshake_age interface mtu port received_bytes sent_bytes state' 'JSON'
is "$(field '[.state, .interface, .address, .mtu, .port, .endpoint, .gateway_key, .received_bytes > 0, .sent_bytes > 0,
	.handshake_age < 100] | join(" ")')" \
	"live wgmesh $(addresses_at node wgmesh) 1374 $(at node wg show wgmesh listen-port) $endpoint $key true true true" \
	'with the same'
connect node -p nokey -f 7 -T 9 status
is "$status $words" '0 ' 'options of a run are no mistake'
ok 'no private key is shown' eval '! grep -qFf "$work/node.key" <<<"$printed"'

age_session node
connect node status --json
is "$status $(field '.state, .handshake_age >= 200' | xargs)" '69 waiting true' 'a session that is dead'
ip -n node link set wgmesh alias ''
ip -n node link set wgmesh down
connect node status --json
is "$status $(field .state)" '69 waiting' 'one whose interface is down'
at node wg set wgmesh peer "$key" remove
connect node status
is "$status $(head -n 1 <<<"$printed")" '69 wgmesh: none' 'no gateway'
status=0
at node setpriv --bounding-set -net_admin --inh-caps -net_admin "$connect" down -k "$work/node.key" \
	2>"$work/words" || status=$?
is "$status" 71 'down without CAP_NET_ADMIN: 71'
ok 'the interface is there' there
connect node down
is "$status $words" '0 ' 'down'
ok 'it is gone' eval '! there'
connect node -i mesh1 -p "$key" 192.0.2.11
connect node status -i mesh1
is "$status $(head -n 1 <<<"$printed")" '0 mesh1: live' '-i'
connect node down -i mesh1
is "$status $(ip -n node -o link show group 40001)" '0 ' 'down -i'

ip -n node link add wgmesh type dummy
for command in down status; do
	connect node $command
	is "$status $words" '71 broker-connect: wgmesh is not an interface of ours: name another one with -i' \
		"$command leaves another program's interface alone"
done
ok 'that is there' there
ip -n node link delete wgmesh

# A run that is at work, and makes the interface in some seconds.
connect node -o -p "$key" 192.0.2.15 192.0.2.11 &
run=$!
locked() { [[ $(</proc/locks) == *FLOCK*" $(pgrep -x broker-connect) "* ]]; }
await 10 locked
connect node down
wait "$run"
is "$status" 0 'down while a run is at work'
ok 'waits for it' eval '! there'

# Hosts of these names.
printf '192.0.2.11 %s\n' down status >>/etc/hosts
for host in down:40000 status:40000; do
	connect node -n "$host"
	is "$status" 0 "with a port it is a host: $host"
done
for misuse in 'down gw1' 'status down' '-n down' 'down -n' '-l down' '-l status' '-l -n gw1' "-l --json -p $key gw1"; do
	# shellcheck disable=SC2086 # several words
	connect node $misuse
	is "$status" 64 "misuse is 64: $misuse"
done

done_testing
