#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-connect -A: what may pass through a node's tunnel. The gateway allows both kinds of
# addresses.

# shellcheck disable=SC2317 # functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1 'ALLOWEDIPS=0.0.0.0/0,::/0'
key=${gateway_key[gw1]}
ip -n gw1 addr add 10.77.0.1/32 dev lo
add_node node 30
ip -n node addr add 10.77.0.2/32 dev lo

allowed() { shown node allowed-ips; }
pings_ipv4() { at node ping -c 1 -W 1 -I 10.77.0.2 10.77.0.1; }
pings_ipv6() { pings node "${port##*:}"; }
state() { at node wg show wgmesh dump | cut -f 1-3,5; }
blocked() { ! "$@"; }

connect node -g -p "$key" 192.0.2.11
is "$status $(allowed)" '0 ::/0' 'by default IPv6'
port=$(shown node endpoints)
ip -n node route add 10.77.0.1/32 dev wgmesh src 10.77.0.2
ip -n gw1 route add 10.77.0.2/32 dev "$(ip -n gw1 -o link show type wireguard | awk -F'[ :]+' '{ print $2 }')"
ok 'it passes' wait_for 20 pings_ipv6
ok 'IPv4 does not' blocked pings_ipv4
before=$(state)
connect node -A '0.0.0.0/0 ::/0' --json -p "$key" 192.0.2.11
is "$status $(jq -r .action <<<"$printed") $(allowed)" '0 kept 0.0.0.0/0 ::/0' 'both'
is "$(state)" "$before" 'the session lives on'
ok 'IPv4 passes' wait_for 20 pings_ipv4
ok 'so does IPv6' pings_ipv6
is "$(requests node -A ::/0,0.0.0.0/0 -p "$key" 192.0.2.11)" 'RTM_GETLINK wireguard-dump RTM_GETADDR' \
	'a run that finds them only reads'
connect node -p "$key" 192.0.2.11
is "$status $(allowed)" '0 ::/0' 'back to IPv6'
ok 'IPv4 passes no more' blocked pings_ipv4
at node wg set wgmesh peer "$key" allowed-ips ::/0,10.0.0.0/8
connect node -p "$key" 192.0.2.11
is "$status $(allowed)" '0 ::/0' 'what was added by hand is taken away'

ip -n node link delete wgmesh
connect node -A 0.0.0.0/0 -p "$key" 192.0.2.11
is "$status $(allowed)" '0 0.0.0.0/0' 'a new one with IPv4 alone'
done_testing
