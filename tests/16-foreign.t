#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ports that other programs hold, and interfaces that are not ours: the former cost their slot only,
# the latter are never touched.
source tests/lib.sh

# fill COUNT: so many keys ask; $ports are what they got, and codes.
fill() {
	ports=$(random_pubkeys "$1" | while read -r key; do
		reply=$(ask "$key")
		port=$(port_of "$reply")
		[[ ! $port ]] || is_complete "$key" "$port" >&2 || echo incomplete
		echo "${port:-code $(code_of "$reply")}"
	done | sort | xargs)
}

configure STARTPORT=41000 ENDPORT=41004
hold 41001 0.0.0.0
hold 41003 ::1
fill 4
is "$ports" '41000 41002 41004 code 1' \
	'of five ports two are held, over IPv4 and IPv6: three peers are complete, one refused'
is "$(interfaces | xargs)" "${prefix}1 ${prefix}3 ${prefix}5" 'there are three interfaces'
for port in 41001 41003; do
	like "$(<"$work/log")" "another program holds UDP port $port" "the log tells of $port"
done
fill 3
is "$ports" 'code 1 code 1 code 1' 'the gateway stays full'
is "$(interfaces | xargs)" "${prefix}1 ${prefix}3 ${prefix}5" 'and no interface comes of it'

# The ports are free again, and as after a prune the marker of the full gateway is gone.
kill "${jobs[@]}"
wait "${jobs[@]}" 2>/dev/null
jobs=()
ok 'one interface marks that all is full' \
	ip link property del dev "$prefix-full-5" altname "$prefix-full-5"
fill 2
is "$ports" '41001 41003' 'once they are let go, the ports are used'

# Nobody tells the next handler of a slot that an operator makes free.
fill 1
is "$ports" 'code 1' 'it is full again'
bearer=$(ip -j link show "$prefix-full-5" | jq -r '.[].ifname')
port=$(wg show "$(interfaces | grep -vx "$bearer" | head -n 1)" listen-port)
ip link delete "$(interfaces | grep -vx "$bearer" | head -n 1)"
sleep 31
fill 1
is "$ports" "$port" 'a slot that an operator made free is found within half a minute'
delete_interfaces

# A known peer whose port is lost to another program while its interface is down.
key=$(random_pubkey)
port=$(port_of "$(ask "$key")")
name=$(interface_of "$key")
index=$(index_of "$name")
ip link set "$name" down
hold "$port" ::
port2=$(port_of "$(ask "$key")")
ok 'a known peer whose port is taken gets another one' test "$port2" -ne "$port"
ok 'and is complete there' is_complete "$key" "$port2"
is "$(index_of "$(interface_of "$key")")" "$index" 'its interface is the same'
is "$(count_interfaces)" 1 'and the only one'
delete_interfaces
kill "${jobs[@]}"
wait "${jobs[@]}" 2>/dev/null
jobs=()

# Interfaces that are not ours, though they bear our names.
configure STARTPORT=41000 ENDPORT=41009
ip link add "${prefix}1" type dummy
ip link set "${prefix}1" alias 'an important note' up
ip link add "${prefix}2" type wireguard
wg set "${prefix}2" private-key <(wg genkey) listen-port 52222 \
	peer "$(random_pubkey)" allowed-ips 10.0.0.0/8
ip addr add 10.1.1.1/24 dev "${prefix}2"
ip link set "${prefix}2" up
ip link add "${prefix}3" group 40000 type dummy
ip link add other type dummy
ip link property add dev other altname "${prefix}4"
ip link add "${prefix}05" group 40000 type wireguard
ip link add "$prefix" group 40000 type wireguard
ip link add "${prefix}x6" group 40000 type wireguard
taken=$(random_pubkey)
ip link property add dev other altname "$(altname_of "$taken")"
foreign="${prefix}1 ${prefix}2 ${prefix}3 other ${prefix}05 $prefix ${prefix}x6"
# All that there is to know of them, but for counters.
state() {
	for name in $foreign; do
		ip -d addr show dev "$name"
		ip -6 route show dev "$name"
	done
	wg show "${prefix}2" dump
}
state >"$work/before"
is "$(grep -c '^[0-9]*: ' "$work/before")" 7 'there are seven of others'
fill 8
is "$ports" '41004 41005 41006 41007 41008 41009 code 1 code 1' \
	'four names of ten are taken by others: six peers'
for ((i = 0; i < 3; i++)); do ask "$(random_pubkey)" >/dev/null; done
is "$(code_of "$(ask "$taken")")" 6 "a key that is the altname of another's interface: code 6"
like "$(tail -n 2 "$work/log")" 'failed local: other has a peer' 'with its name in the log'
state >"$work/after"
ok 'the interfaces of others are as they were' diff "$work/before" "$work/after"

# All names are taken by others.
delete_interfaces
configure MAXCONNECTIONS=4
ip link add "${prefix}3" type dummy # the group took the last one with it
is "$(code_of "$(ask "$(random_pubkey)")")" 1 'every name is taken by others: code 1'
is "$(count_interfaces)" 0 'nothing is made'
done_testing
