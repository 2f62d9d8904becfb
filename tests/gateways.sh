# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.sh, and for the tests
# What the tests of the node's side share: gateways and nodes, each in a namespace of its own, on
# one bridge. Source it after tests/lib.sh.

connect=$PWD/$BROKER_BUILD/broker-connect
declare -A gateway_pid gateway_key

# add_gateway NAME NUMBER [KEY=VALUE...]: a gateway at 192.0.2.(10 + NUMBER), with this
# configuration; its public key is ${gateway_key[NAME]}.
add_gateway() {
	local name=$1 number=$2
	shift 2
	add_node "$name" "$number"
	gateway_key[$name]=$(make_key "$name")
	printf '%s\n' "PRIVATEKEY=$work/$name.key" BABELPORT= MAXPENDING=0 "$@" >"$work/$name.config"
	serve "$name" "EXEC:$PWD/$handler -c $work/$name.config,nofork"
}

# serve NAME ADDRESS: answers at a gateway with what socat makes of ADDRESS.
serve() {
	ip netns exec "$1" socat \
		"TCP6-LISTEN:40000,fork,reuseaddr,ipv6only=0,backlog=1024,max-children=500" \
		"$2" 2>>"$work/$1.log" &
	gateway_pid[$1]=$!
	await 10 ip netns exec "$1" socat -u OPEN:/dev/null TCP:127.0.0.1:40000
}

# replies NAME NUMBER: a gateway whose replies are what the commands on stdin print. They run in
# bash, with the request on their stdin.
replies() {
	local script=$work/$1.sh
	{
		echo '#!/bin/bash'
		cat
	} >"$script"
	chmod +x "$script"
	add_node "$1" "$2"
	serve "$1" "EXEC:$script,nofork"
}

# silence NAME: no more answers from a gateway, and no packets.
silence() {
	kill "${gateway_pid[$1]}" 2>/dev/null
	ip -n "$1" link set eth0 down
}

# connect NODE [OPTION...] GATEWAY...: runs broker-connect at a node, with the key $work/NODE.key.
# Leaves its exit code in $status, its words in $words, and what it printed in $printed.
connect() {
	local node=$1
	shift
	status=0
	printed=$(ip netns exec "$node" "$connect" -k "$work/$node.key" "$@" 2>"$work/words") ||
		status=$?
	words=$(<"$work/words")
}

# time_ms: the wall clock, in milliseconds.
time_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# request_types: what strace's lines of stdin ask of the kernel: a type for each request.
request_types() {
	grep -o 'nlmsg_type=.*nlmsg_seq' | grep -v nlctrl |
		sed 's/nlmsg_type=\(.*\), nlmsg_flags=.*0x300.*/\1-dump/; s/nlmsg_type=\([^,]*\),.*/\1/'
}

# requests NODE [OPTION...] GATEWAY...: what a run asks of the kernel.
requests() {
	local node=$1
	shift
	at "$node" strace -e trace=sendmsg "$connect" -k "$work/$node.key" "$@" 2>&1 >/dev/null |
		request_types | xargs
}

# at NODE COMMAND [ARG...]
at() { ip netns exec "$@"; }

# pings NODE PORT: whether the node reaches its gateway's end of the tunnel of that port.
pings() { at "$1" ping -c 1 -W 1 "fe80::$(printf '%x' $(($2 - 39999)))%wgmesh"; }

# shown NODE WHAT: what `wg show` tells of the node's only peer, without its key.
shown() { at "$1" wg show wgmesh "$2" | cut -f 2-; }
has_handshake_at() { [[ $(shown "$1" latest-handshakes) == [1-9]* ]]; }

# age_session NODE: a session that is dead, as far as the node knows; its interface stays up. Its note
# then says that the last handshake was 200 s ago.
age_session() {
	local alias
	alias=$(at "$1" cat /sys/class/net/wgmesh/ifalias)
	ip -n "$1" link set wgmesh alias "$(sed -E "s/handshake=[^ ]*/handshake=$(($(boot_clock) - 200))/
		s/stamp=[^ ]*/stamp=$(shown "$1" latest-handshakes)/" <<<"$alias")"
}

# mtu_at, mac_at NODE INTERFACE
mtu_at() { at "$1" cat "/sys/class/net/$2/mtu"; }
mac_at() { at "$1" cat "/sys/class/net/$2/address"; }

# addresses_at NODE INTERFACE: its IPv6 addresses.
addresses_at() { ip -n "$1" -o -6 addr show dev "$2" | awk '{ sub("/.*", "", $4); print $4 }' | xargs; }
