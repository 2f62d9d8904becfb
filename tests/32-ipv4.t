#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ALLOWEDIPS: which addresses pass through a tunnel. A change reaches a node when it is renewed, and
# cuts no session before.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
source tests/lib.sh

allowed() { wg show "$name" allowed-ips | cut -f 2; }
node_pings() { ip netns exec node ping -c 2 -i 0.2 -W 2 "$1"; }
gateway_pings() { ping -c 2 -i 0.2 -W 2 "$1"; }
blocked() { ! "$@"; }

# allow ADDRESSES SECONDS: this setting reaches the node, whose last handshake is so long ago.
allow() {
	configure "ALLOWEDIPS=\"$1\""
	"$admin" prune 2>>"$work/log"
	request_of "$key" | later "$2" "$handler" >"$work/reply" 2>>"$work/log"
	like "$(tail -n 1 "$work/log")" " $name, port $port, renewed" "$1: it is renewed"
	is "$(allowed | tr ' ' '\n' | sort | xargs)" "$(tr ' ' '\n' <<<"$1" | sort | xargs)" \
		"$1: it may use these addresses"
	ok "$1: a handshake" handshake_again node "$name"
}

# An IPv4 address of the mesh at each end, which routes lead to.
configure
add_node node 1
key=$(make_key node)
port=$(port_of "$(ask "$key")")
name=$(interface_of "$key")
tunnel node "$port"
ip netns exec node wg set wg0 peer "$(wg pubkey <"$etc/secret")" allowed-ips 0.0.0.0/0,::/0
ip -n node addr add 10.77.0.2/32 dev lo
ip addr add 10.77.0.1/32 dev lo
ip route add 10.77.0.2/32 dev "$name" src 10.77.0.1
# It goes whenever the interface does down.
add_route() { ip -n node route replace 10.77.0.1/32 dev wg0 src 10.77.0.2; }

add_route
ok 'a node has its tunnel' wait_for 20 node_pings fe80::"$(printf %x "${name#"$prefix"}")"%wg0
is "$(allowed)" ::/0 'by default it may use IPv6'
ok 'and no IPv4' blocked node_pings 10.77.0.1
before=$(handshake_of "$name")
configure 'ALLOWEDIPS="0.0.0.0/0 ::/0"'
is "$(port_of "$(ask "$key")")" "$port" 'a live node that asks after a change keeps its port'
is "$(allowed) $(handshake_of "$name")" "::/0 $before" 'its addresses and its session'

allow '0.0.0.0/0 ::/0' 200
add_route
ok 'the node pings an IPv4 address of the gateway' node_pings 10.77.0.1
ok 'the gateway pings one of the node' gateway_pings 10.77.0.2
ok 'and IPv6 passes' node_pings "$(address_of "$name")%wg0"

key2=$(new_pubkey)
ask "$key2" >"$work/reply"
is "$(wg show "$(interface_of "$key2")" allowed-ips | cut -f 2)" '0.0.0.0/0 ::/0' \
	'a new node has both from the start'

allow ::/0 400
add_route
ok 'back again, no IPv4 passes' blocked node_pings 10.77.0.1
done_testing
