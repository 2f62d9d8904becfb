# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the tests on a real kernel share: a gateway, which is the machine itself, and nodes, which
# are network namespaces. Runs as root in the machine of tests/vm only: it makes and breaks much.

set -u
# shellcheck source=tests/tap.sh
source "${BASH_SOURCE[0]%/*}/tap.sh"

# The folder of the programs to test; that of a sanitizer's build, for one.
BROKER_BUILD=${BROKER_BUILD:-build}
handler=$BROKER_BUILD/broker-handler
# shellcheck disable=SC2034 # for the tests
admin=$BROKER_BUILD/broker-admin
etc=/etc/wg-broker
work=$(mktemp -d)
jobs=() # processes that end with the script

# shellcheck disable=SC2317,SC2329 # called by the trap
end_jobs() {
	[[ ${#jobs[@]} == 0 ]] || kill "${jobs[@]}" 2>/dev/null
	rm -rf "$work"
}
trap end_jobs EXIT

[[ -d /wg-broker && $PWD == /wg-broker ]] || {
	echo "Bail out! run this by tests/vm/run -- $0"
	exit 1
}

# configure [KEY=VALUE...]: a new configuration, and a private key if there is none. No routing
# daemon is told, unless the test says so.
configure() {
	mkdir -p "$etc"
	[[ -f $etc/secret ]] || (umask 077 && wg genkey >"$etc/secret")
	printf '%s\n' BABELPORT= "$@" >"$etc/config"
}

# make_key NAME: makes $work/NAME.key and prints the public key.
make_key() { (umask 077 && wg genkey | tee "$work/$1.key" | wg pubkey); }

new_pubkey() { wg genkey | wg pubkey; }

request_of() { printf '{"version":1,"pubkey":"%s"}\n' "$1"; }

# ask PUBKEY: what the handler replies, without a supervisor. Its log goes to $work/log.
ask() { request_of "$1" | "$handler" 2>>"$work/log"; }

# later SECONDS COMMAND [ARG...]: runs it with a boot clock that is so much ahead.
later() {
	local seconds=$1
	shift
	unshare --time --fork --boottime "$seconds" -- "$@"
}

# The boot clock, in seconds.
boot_clock() { cut -d . -f 1 /proc/uptime; }

# note_of INTERFACE FIELD: a number of the note in its alias, or nothing.
note_of() {
	ip -j link show dev "$1" | jq -r '.[0].ifalias // empty' | grep -o "\b$2=-\?[0-9]*" |
		cut -d = -f 2
}

# A key that no node has, quickly.
random_pubkey() { head -c 32 /dev/urandom | base64; }

# random_pubkeys COUNT: so many of them.
random_pubkeys() {
	head -c $((32 * $1)) /dev/urandom | python3 -c '
import base64, sys
while key := sys.stdin.buffer.read(32):
    print(base64.b64encode(key).decode())'
}

# client ARG...: asks the supervisor, see tests/client.py.
client() { python3 tests/client.py "$@"; }

# port_of REPLY: the port, or nothing.
port_of() { jq -r '.port // empty' <<<"$1"; }
code_of() { jq -r '.error.code // empty' <<<"$1"; }

# interface_of PUBKEY: the name of a key's interface, or nothing.
interface_of() {
	ip -j link show dev "$(tr '+/' '-_' <<<"$1")" 2>/dev/null | jq -r '.[0].ifname'
}

index_of() { ip -j link show dev "$1" | jq -r '.[0].ifindex'; }

# handshake_of INTERFACE: when its peer's last handshake was, in unix time; 0 is never.
handshake_of() { wg show "$1" latest-handshakes | cut -f 2; }
has_handshake() { [[ $(handshake_of "$1") != 0 ]]; }

# The interfaces of the default group and prefix, and how many there are.
interfaces() { ip -o link show group 40000 type wireguard | awk -F'[ :]+' '{ print $2 }' | sort -V; }
count_interfaces() { interfaces | wc -l; }

delete_interfaces() { ip link delete group 40000 2>/dev/null; }

# is_complete PUBKEY PORT: the key's interface is all that a reply with this port promises. Prints
# what it lacks.
is_complete() {
	local altname=${1//+/-} link name lacks device
	altname=${altname//\//_}
	link=$(ip -j -d addr show dev "$altname" 2>/dev/null) || {
		echo 'no interface bears its altname'
		return 1
	}
	lacks=$(jq -r '.[0] | "\(.ifname) lacks:" + ({
		kind: (.linkinfo.info_kind == "wireguard"), group: (.group == "40000"),
		up: any(.flags[]; . == "UP"), multicast: any(.flags[]; . == "MULTICAST"),
		addresses: ([.addr_info[] | select(.prefixlen == 64) | .local] | length == 1),
		note: (.ifalias // "" | test("^wg-broker asked=[1-9]"))
	} | map_values(select(.)) as $has | [keys[] | select($has[.] | not) | " " + .] | add // "")' \
		<<<"$link")
	name=${lacks%% *}
	[[ $link == *"\"local\":\"fe80::$(printf %x "${name#wgpeer}")\""* ]] || lacks+=" address"
	device=$(wg show "$name" dump)
	[[ $device == "$(<"$etc/secret")"$'\t'*$'\t'"$2"$'\t'* ]] || lacks+=" private key or port"
	[[ $device == *$'\n'"$1"$'\t'*$'\t::/0\t'* && $(wc -l <<<"$device") == 2 ]] || lacks+=" peer"
	echo "$lacks"
	[[ $lacks == "$name lacks:" ]]
}

# add_node NAME NUMBER: a namespace joined to the gateway by veth. The gateway is 192.0.2.1 and
# 2001:db8::1 on gw0, the nodes' common bridge; a node is 192.0.2.(10 + NUMBER), 2001:db8::NUMBER.
add_node() {
	local name=$1 number=$2
	if ! ip link show gw0 >/dev/null 2>&1; then
		ip link add gw0 type bridge
		ip addr add 192.0.2.1/24 dev gw0
		ip addr add 2001:db8::1/64 dev gw0 nodad
		ip link set gw0 up
	fi
	ip netns add "$name"
	ip link add "to$name" type veth peer name eth0 netns "$name"
	ip link set "to$name" master gw0 up
	ip -n "$name" link set lo up
	ip -n "$name" addr add "192.0.2.$((10 + number))/24" dev eth0
	ip -n "$name" addr add "2001:db8::$((10 + number))/64" dev eth0 nodad
	ip -n "$name" link set eth0 up
}

# tunnel NODE PORT [HOST [MTU]]: makes wg0 of a node with plain ip and wg, with the key
# $work/NODE.key and the address fe80::ff:1.
tunnel() {
	local node=$1 port=$2 host=${3:-192.0.2.1} mtu=${4:-1374} gateway
	gateway=$(wg pubkey <"$etc/secret")
	ip -n "$node" link show wg0 >/dev/null 2>&1 || ip -n "$node" link add wg0 type wireguard
	ip netns exec "$node" wg set wg0 private-key "$work/$node.key" \
		peer "$gateway" endpoint "$host:$port" allowed-ips ::/0 persistent-keepalive 25
	ip -n "$node" link set wg0 mtu "$mtu" multicast on up
	ip -n "$node" addr replace fe80::ff:1/64 dev wg0 nodad
}

# wait_for SECONDS COMMAND [ARG...]: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# hold PORT ADDRESS: a program that holds a UDP port.
hold() {
	python3 -c '
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
holder = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6:
    holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
holder.bind((sys.argv[2], int(sys.argv[1])))
time.sleep(3600)' "$@" &
	jobs+=($!)
	wait_for 10 holds "$1"
}
holds() { [[ $(ss -Huln "sport = :$1") ]]; }

listens() { [[ $(ss -Hltn "sport = :$1") ]]; }

# start_socat [SOCAT_OPTIONS]: serves on TCP port 40000, IPv4 and IPv6, with the handler's log in
# $work/log. The options are socat's own for the listening address, with a comma in front.
start_socat() {
	socat "TCP6-LISTEN:40000,fork,reuseaddr,ipv6only=0,backlog=1024,max-children=500${1:-}" \
		"EXEC:$PWD/$handler,nofork" 2>>"$work/log" &
	socat_pid=$!
	jobs+=("$socat_pid")
	wait_for 10 listens 40000
}

# handshake_again NODE INTERFACE: a handshake of another second than the last.
handshake_again() {
	local before=$(($(handshake_of "$2"))) end=$((SECONDS + 30))
	until [[ $(handshake_of "$2") != "$before" ]]; do
		((SECONDS < end)) || return 1
		ip -n "$1" link set wg0 down
		ip -n "$1" link set wg0 up
		# It went with the interface.
		ip -n "$1" addr replace fe80::ff:1/64 dev wg0 nodad
		ip netns exec "$1" ping -c 1 -W 1 "fe80::1%wg0" >/dev/null
	done
	return 0
}

# waits FILE: of what tests/ask-each.py printed, how many milliseconds the requests waited: the
# median and the longest; or "refused" if one of them was.
waits() {
	jq -rs '(map(.seconds * 1000 | round) | sort) as $ms |
		if all(.port) then "\($ms[$ms | length / 2 | floor]) \($ms[-1])" else "refused" end' "$1"
}

# reply_times COUNT: what as many new keys, one after the other, wait for their reply from the
# supervisor, as waits() tells it.
reply_times() {
	local _
	for _ in $(seq "$1"); do new_pubkey; done >"$work/new-keys"
	tests/ask-each.py "$work/new-keys" >"$work/new-replies"
	waits "$work/new-replies"
}

# prune [ARG...]: what it said is $said.
prune() {
	said=$("$admin" prune "$@" 2>&1)
	echo "$said" >>"$work/log"
}

# steady COMMAND [ARG...]: runs it, with an empty log; again if the machine was so slow that half a
# second was not enough for a routing daemon, or that a peer was not fresh any more.
steady() {
	local _
	for _ in 1 2 3 4 5 6 7 8 9; do
		: >"$work/log"
		"$@"
		grep -qE 'no answer in time|, renewed$' "$work/log" || return 0
		diag 'the machine is slow: once more'
	done
}
