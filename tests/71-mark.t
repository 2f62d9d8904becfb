#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mesh that announces a default route, by a real babeld. The node's way to its gateway is a default
# route, too: without a firewall mark the mesh's takes the tunnel into itself.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

# The gateway has an address beyond the node's router, which is the gateway itself. It has a host of
# the mesh, which is only reached through the tunnel, and the way out. That route has a protocol of its
# own: those of "boot", which ip(8) makes by default, babeld does not redistribute.
far=2001:db8:f::1 host=2001:db8:1::1 me=2001:db8:1::30
timing='hello-interval 1 update-interval 4'
add_gateway gw1 1 "BABELPORT=$work/gw1.babel" "BABELOPTIONS=\"type tunnel $timing\""
key=${gateway_key[gw1]}
ip -n gw1 addr add "$far/128" dev lo
ip -n gw1 link add world type dummy
ip -n gw1 link set world up
ip -n gw1 addr add "$host/128" dev world nodad
ip -n gw1 -6 route add default dev world proto static
at gw1 nft -f - <<EOT
table ip6 t { chain c { type filter hook input priority 0; iifname eth0 ip6 daddr $host drop; }; }
EOT
at gw1 babeld -S '' -I '' -L "$work/gw1.babeld" -G "$work/gw1.babel" -C "default $timing" \
	-C 'redistribute ip ::/0 eq 0 allow' -C 'redistribute local deny' world &
jobs+=($!)
add_node node 30
ip -n node -6 route add default via 2001:db8::11 dev eth0 metric 4096
ip -n node addr add "$me/128" dev lo nodad
at node babeld -S '' -I '' -L "$work/node.babeld" -C "default $timing" \
	-C "redistribute local ip $me/128 allow" -C 'redistribute local deny' \
	-C 'interface wgmesh type tunnel' &
jobs+=($!)

has_default() { [[ $(ip -n node -6 route show default) == *"dev wgmesh"* ]]; }
has_none() { ! has_default; }
reaches() { at node ping -c 1 -W 1 -I "$me" "$host"; }
mark() { at node wg show wgmesh fwmark; }

connect node -g -p "$key" "$far"
is "$status $(mark)" '0 off' 'without a mark: connected'
passed=0
for _ in 1 2 3; do
	ok "the mesh's default route comes" wait_for 60 has_default
	! reaches >/dev/null || passed=$((passed + 1))
	ok 'and goes' wait_for 60 has_none
done
is "$passed" 0 'no ping passed meanwhile'

# What the operator of such a node needs besides: packets with the mark have routes of their own.
ip -n node -6 rule add fwmark 0x64 lookup 100
ip -n node -6 route add default via 2001:db8::11 dev eth0 table 100
before=$(at node wg show wgmesh dump | cut -f 1-3)
connect node -f 0x64 --json -p "$key" "$far"
is "$status $(jq -r .action <<<"$printed") $(mark)" '0 kept 0x64' 'a mark for a live session'
is "$(at node wg show wgmesh dump | cut -f 1-3)" "$before" 'which keeps its keys and its port'
ok "the mesh's default route comes" wait_for 60 has_default
ok 'a ping passes' wait_for 60 reaches
handshake=$(shown node latest-handshakes)
# For some two minutes, until the next one.
shakes_hands_again() { [[ $(shown node latest-handshakes) != "$handshake" ]]; }
losses=0
until shakes_hands_again || ((losses)); do
	{ has_default && reaches >/dev/null; } || losses=$((losses + 1))
	sleep 1
done
is "$losses" 0 'the route stays, and each ping passes, up to another handshake'

age_session node
connect node -f 100 --json -p "$key" "$far"
is "$status $(jq -r .action <<<"$printed") $(mark)" '0 changed 0x64' 'a dead session: connected again'
like "$(grep accepted "$work/gw1.log" | tail -n 1)" '2001:db8::40' 'it asked from outside the mesh'
ok 'a ping passes' wait_for 60 reaches
ok 'by the default route' has_default
is "$(requests node -f 0x64 -p "$key" "$far")" 'RTM_GETLINK wireguard-dump RTM_GETADDR' \
	'a run that finds all as it should be only reads'
connect node -f off -p "$key" "$far"
is "$status $(mark)" '0 off' 'no mark any more'

done_testing
