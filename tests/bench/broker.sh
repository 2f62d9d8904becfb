#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same job as a plain script: what an operator would write in an hour. It serves one request, as
# broker-handler does; the argument is how many nodes it takes.

read -r request
key=$(jq -r .pubkey <<<"$request")
name=$(wg show all peers | awk -v key="$key" '$2 == key { print $1 }')
if [[ ! $name ]]; then
	if [[ $(ip -o link show type wireguard | wc -l) -ge ${1:-150} ]]; then
		echo '{"version":1,"error":{"code":1,"reason":"Remote peer is not accepting additional connections"}}'
		exit
	fi
	number=1
	while [[ -e /sys/class/net/babel-wg-$number ]]; do
		((number++))
	done
	name=babel-wg-$number
	ip link add "$name" mtu 1374 multicast on type wireguard
	wg set "$name" private-key /etc/wg-broker/secret listen-port $((39999 + number)) \
		peer "$key" allowed-ips ::/0
	ip addr add "fe80::$number/64" dev "$name"
	ip link set "$name" up
fi
echo "{\"version\":1,\"port\":$(wg show "$name" listen-port),\"time\":$(date +%s)}"
