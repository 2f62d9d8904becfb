#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node asks, makes its interface with plain ip and wg from the reply, and the tunnel carries
# packets both ways, over IPv4 and IPv6.
source tests/lib.sh

# check_interface NAME PORT PUBKEY: the gateway's side is as configured.
check_interface() {
	local name=$1 port=$2 pubkey=$3 slot=$(($2 - 41000)) link
	link=$(ip -j -d link show dev "$name")
	is "$name" "$prefix$((slot + 1))" 'the name is the prefix and the slot'
	is "$(jq -r '.[0].mtu' <<<"$link")" 1360 'MTU is as configured'
	is "$(jq -r '.[0].group' <<<"$link")" 40000 'it is in the group'
	is "$(jq -r '.[0].linkinfo.info_kind' <<<"$link")" wireguard 'its kind is wireguard'
	is "$(jq -r '[.[0].flags[] | select(. == "UP" or . == "MULTICAST")] | sort | join(" ")' \
		<<<"$link")" 'MULTICAST UP' 'it is up, with multicast'
	like "$(jq -r '.[0].ifalias' <<<"$link")" '^wg-broker asked=[0-9]+ ' 'its alias is a note'
	is "$(wg show "$name" listen-port)" "$port" 'it listens on the port of the reply'
	is "$(wg show "$name" peers)" "$pubkey" 'the node is its one peer'
	is "$(wg show "$name" allowed-ips)" "$pubkey"$'\t'::/0 'which may use all of IPv6'
	is "$(wg show "$name" public-key)" "$(wg pubkey <"$etc/secret")" "the key is the gateway's"
	is "$(ip -j addr show dev "$name" |
		jq -r '.[0].addr_info[] | "\(.local)/\(.prefixlen) \(.scope) \(.tentative)"')" \
		"fe80::$(printf %x $((slot + 1)))/64 link null" 'its one address is fe80::<slot>/64'
}

# check_packets NODE INTERFACE: pings through the tunnel. The largest packet is of the MTU.
check_packets() {
	local node=$1 name=$2 gateway
	gateway=$(address_of "$name")
	ok "$node pings the gateway's address" \
		ip netns exec "$node" ping -c 3 -i 0.2 -W 5 "$gateway%wg0"
	ok "the gateway pings that of $node" ping -c 3 -i 0.2 -W 5 "fe80::ff:1%$name"
	ok 'a packet as large as the MTU passes' \
		ip netns exec "$node" ping -c 1 -W 5 -M 'do' -s $((1360 - 48)) "$gateway%wg0"
	like "$(ip netns exec "$node" ping -c 3 -i 0.2 -W 5 ff02::1%wg0)" "from $gateway%wg0" \
		"multicast from $node reaches the gateway, and its answer the node"
	like "$(ping -c 3 -i 0.2 -W 5 "ff02::1%$name")" "from fe80::ff:1%$name" \
		"multicast from the gateway reaches $node, and its answer the gateway"
}

configure STARTPORT=41000 ENDPORT=41099 MTU=1360
n=0
for host in 192.0.2.1 "[2001:db8::1]"; do
	node=node$((++n))
	add_node $node $n
	pubkey=$(make_key $node)
	reply=$(ask "$pubkey")
	like "$reply" '^\{"version":1,"port":41[0-9]{3},"time":[0-9]+\}$' "the reply to $node"
	port=$(port_of "$reply")
	name=$(interface_of "$pubkey")
	check_interface "$name" "$port" "$pubkey"
	tunnel $node "$port" "$host" 1360
	ok "$node handshakes over $host" wait_for 15 has_handshake "$name"
	check_packets $node "$name"
done

is "$(count_interfaces)" 2 'two nodes, two interfaces'
index=$(index_of "$name")
reply2=$(ask "$pubkey")
is "$(port_of "$reply2")" "$port" 'asked again, the same port'
is "$(index_of "$name")" "$index" 'and the same interface'
like "$(tail -n 1 "$work/log")" 'accepted local: interface .* known(, key .{8})?$' 'the log calls it known'
done_testing
