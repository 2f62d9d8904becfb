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
# What the interfaces' names begin with, unless a test configures another one.
prefix=babel-wg-
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
	printf '%s\n' BABELPORT= MAXPENDING=0 "$@" >"$etc/config"
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

# busy: how many instructions the machine has executed, in steps of ten million: those of its clock in
# which it did not idle.
busy() { awk '{ printf "%.0f\n", ($1 - $2) * 1e9 }' /proc/uptime; }

# The boot clock, in seconds.
boot_clock() { cut -d . -f 1 /proc/uptime; }

# note_of INTERFACE FIELD: a number of the note in its alias, or nothing.
note_of() { [[ $(<"/sys/class/net/$1/ifalias") =~ \ $2=(-?[0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }

# A key that no node has, quickly.
random_pubkey() { head -c 32 /dev/urandom | base64; }

# random_pubkeys COUNT: so many of them.
random_pubkeys() {
	head -c $((32 * $1)) /dev/urandom | python3 -c '
import base64, sys
while key := sys.stdin.buffer.read(32):
    print(base64.b64encode(key).decode())'
}

# ask_by_netcat NODE HOST REQUEST: as the shell clients of the field do it: the text, then the socket held
# open; of what comes back the last line counts.
ask_by_netcat() {
	{
		printf '%s' "$3"
		sleep 3
	} | ip netns exec "$1" timeout 10 nc "$2" 40000 | tail -n 1
}

# client ARG...: asks the supervisor, see tests/client.py.
client() { python3 tests/client.py "$@"; }

# port_of REPLY: the port, or nothing. In all these, jq would take a hundred times as long.
port_of() { [[ $1 =~ ^\{\"version\":1,\"port\":([0-9]+), ]] && echo "${BASH_REMATCH[1]}"; }

# code_of REPLY: the error's code, or nothing.
code_of() { [[ $1 =~ ^\{\"version\":1,\"error\":\{\"code\":([0-9]+), ]] && echo "${BASH_REMATCH[1]}"; }

# altname_of PUBKEY: the altname of a key's interface.
altname_of() {
	local altname=${1//+/-}
	echo "$prefix${altname//\//_}"
}

# interface_of PUBKEY: the name of a key's interface, or nothing.
interface_of() {
	local link
	link=$(ip -o link show dev "$(altname_of "$1")" 2>/dev/null) || return
	link=${link#*: }
	echo "${link%%[:@]*}"
}

index_of() { cat "/sys/class/net/$1/ifindex"; }

# address_of INTERFACE: its link-local address.
address_of() {
	[[ $(ip -o -6 addr show dev "$1" scope link) =~ inet6\ ([^/]*)/ ]] && echo "${BASH_REMATCH[1]}"
}

# slot_port INTERFACE: the port that belongs to the number in its name.
slot_port() { echo $((39999 + ${1#"$prefix"})); }

# handshake_of INTERFACE: when its peer's last handshake was, in unix time; 0 is never.
handshake_of() { wg show "$1" latest-handshakes | cut -f 2; }
has_handshake() { [[ $(handshake_of "$1") == [1-9]* ]]; }

# The interfaces of the default group and prefix, and how many there are.
interfaces() { ip -o link show group 40000 type wireguard | awk -F'[ :]+' '{ print $2 }' | sort -V; }
count_interfaces() { interfaces | wc -l; }

delete_interfaces() { ip link delete group 40000 2>/dev/null; }

# is_complete PUBKEY PORT: the key's interface is all that a reply with this port promises. Prints
# what it lacks.
is_complete() {
	local name lacks='' sys addresses device
	name=$(interface_of "$1")
	[[ $name ]] || {
		echo 'no interface bears its altname'
		return 1
	}
	sys=/sys/class/net/$name
	[[ $(<"$sys/uevent") == *DEVTYPE=wireguard* ]] || lacks+=' kind'
	[[ $(<"$sys/netdev_group") == 40000 ]] || lacks+=' group'
	# As in <net/if.h>: IFF_UP and IFF_MULTICAST.
	(($(<"$sys/flags") & 0x1)) || lacks+=' up'
	(($(<"$sys/flags") & 0x1000)) || lacks+=' multicast'
	[[ $(<"$sys/ifalias") =~ ^wg-broker\ asked=[1-9] ]] || lacks+=' note'
	addresses=$(ip -o addr show dev "$name")
	[[ $addresses == *" inet6 fe80::$(printf %x "${name#"$prefix"}")/64 "* && $addresses != *$'\n'* ]] ||
		lacks+=' address'
	device=$(wg show "$name" dump)
	[[ $device == "$(<"$etc/secret")"$'\t'*$'\t'"$2"$'\t'* ]] || lacks+=' private key or port'
	[[ $device == *$'\n'"$1"$'\t'*$'\t::/0\t'* && ${device#*$'\n'} != *$'\n'* ]] || lacks+=' peer'
	echo "$name lacks:$lacks"
	[[ ! $lacks ]]
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

# add_nodes COUNT: nodes in one namespace "nodes", each an interface wg1, wg2 ... that has no peer yet.
# ${wg_nodes[@]} are INTERFACE=KEY, as tests/race.py and tests/model.py want them.
add_nodes() {
	local i pubkey
	wg_nodes=()
	add_node nodes 1
	for ((i = 1; i <= $1; i++)); do
		pubkey=$(make_key "node$i")
		ip -n nodes link add "wg$i" type wireguard
		ip netns exec nodes wg set "wg$i" private-key "$work/node$i.key"
		ip -n nodes link set "wg$i" up
		wg_nodes+=("wg$i=$pubkey")
	done
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

# join_with_lan NAME NUMBER: a node with a tunnel, and the prefix 2001:db8:NUMBER::/64 behind it. The
# gateway's interface is $name.
join_with_lan() {
	local pubkey
	add_node "$1" "$2"
	ip -n "$1" link add lan0 type dummy
	ip -n "$1" link set lan0 up
	ip -n "$1" addr add "2001:db8:$2::1/64" dev lan0 nodad
	pubkey=$(make_key "$1")
	tunnel "$1" "$(port_of "$(ask "$pubkey")")"
	# shellcheck disable=SC2034 # for the tests
	name=$(interface_of "$pubkey")
}

# burst COUNT WHAT: as many new nodes at the same moment. It does not wait for their handlers' end:
# nothing of a handler must hold a pipe of ours open.
burst() {
	: >"$work/log"
	random_pubkeys "$1" >"$work/keys"
	while read -r key; do
		ask "$key" >/dev/null 2>&1 &
	done <"$work/keys"
	wait_for 120 all_served "$1"
	report "$?" "$2: $1 new nodes are served"
}
all_served() { [[ $(grep -c accepted "$work/log") == "$1" ]]; }

# wait_for SECONDS COMMAND [ARG...]: until the command succeeds. Asks less often with time.
wait_for() {
	local end=$((SECONDS + $1)) rest=1
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep "0.$rest"
		rest=$((rest < 8 ? 2 * rest : 8))
	done
}

# await SECONDS COMMAND [ARG...]: the same as a step between tests, which fails if it was in vain.
await() { wait_for "$@" || report 1 "waited $1 s in vain: ${*:2}"; }

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
	await 10 holds "$1"
}
holds() { [[ $(ss -Huln "sport = :$1") ]]; }

# has_lines COUNT FILE
has_lines() { [[ $(wc -l <"$2") == "$1" ]]; }

listens() { [[ $(ss -Hltn "sport = :$1") ]]; }

# start_socat [SOCAT_OPTIONS]: serves on TCP port 40000, IPv4 and IPv6, with the handler's log in
# $work/log. The options are socat's own for the listening address, with a comma in front.
start_socat() {
	socat "TCP6-LISTEN:40000,fork,reuseaddr,ipv6only=0,backlog=1024,max-children=500${1:-}" \
		"EXEC:$PWD/$handler,nofork" 2>>"$work/log" &
	socat_pid=$!
	jobs+=("$socat_pid")
	await 10 listens 40000
}

# handshake_again NODE INTERFACE: a handshake of another second than the last.
handshake_again() {
	local before end=$((SECONDS + 30))
	before=$(handshake_of "$2")
	[[ $before ]] || return 1
	until has_handshake "$2" && [[ $(handshake_of "$2") != "$before" ]]; do
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

# pruned REMOVED KEPT TOLD DESCRIPTION: this was all that it said.
pruned() { is "$said" "broker-admin: pruned: $1 removed, $2 kept, $3 told to routing daemons" "$4"; }

# would REMOVE KEEP TELL DESCRIPTION: this was all that a dry run said of a prune that has nothing
# to remove, or else the last of it.
would() { is "$(tail -n 1 <<<"$said")" "would remove $1, keep $2, and tell routing daemons of $3" "$4"; }
