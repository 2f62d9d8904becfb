#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
# The files for nftables beside a firewall that drops by default, as nftables.service loads them at
# boot: what is opened by them, and what one source can ask for.
source tests/lib.sh

# firewall [LINE]: that of the machine, as in Debian, with this line at the end of its input chain.
firewall() {
	cat >/etc/nftables.conf <<-END
		#!/usr/sbin/nft -f
		flush ruleset
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				ct state established,related accept
				iif lo accept
				iifname gw0 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
				${1-}
			}
		}
		include "/etc/nftables/wg-broker.nft"
	END
	systemctl restart nftables
}

# ask_from NODE PUBKEY [HOST]: the port that it gets within ten seconds, or none.
ask_from() { ip netns exec "$1" tests/client.py -t 10 -H "${3:-192.0.2.1}" -s port "$2"; }

# Writes the port of each datagram that comes, on these ports.
listen() {
	python3 - "$@" >"$work/datagrams" <<-'END' &
		import selectors, socket, sys
		select = selectors.DefaultSelector()
		for port in map(int, sys.argv[1:]):
		    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		    sock.bind(("::", port))
		    select.register(sock, selectors.EVENT_READ, port)
		print("ready", flush=True)
		while True:
		    for key, _ in select.select():
		        print(key.fileobj.recv(100).decode(), key.data, flush=True)
	END
	jobs+=($!)
	await 20 grep -q ready "$work/datagrams"
}

# send WORD ADDRESS PORT...: a datagram of this word from the node to each.
send() {
	ip netns exec node python3 - "$@" <<-'END'
		import socket, sys
		for port in sys.argv[3:]:
		    to = socket.getaddrinfo(sys.argv[2], port, type=socket.SOCK_DGRAM)[0]
		    socket.socket(to[0], to[1]).sendto(sys.argv[1].encode(), to[4])
	END
}
came() { grep -c "^$1" "$work/datagrams"; }
has_come() { [[ $(came "$1") == "$2" ]]; }

configure MAXCONNECTIONS=150
start_socat
add_node node 1
add_node greedy 2
key=$(make_key node)
install -D -m 644 -t /etc/nftables contrib/nftables/*.nft
ports='6696 5523 27275 9999'
# shellcheck disable=SC2086 # several
listen $ports

firewall
ok 'the firewall and the limits are loaded at boot' systemctl enable nftables
ok 'and loaded again' systemctl restart nftables
is "$(nft list tables | xargs)" 'table inet filter table inet wg_broker' 'as two tables'
is "$(ask_from node "$key")" none 'a firewall that drops is not opened by the table of the limits'

firewall 'include "/etc/nftables/wg-broker-accept.nft"'
port=$(ask_from node "$key")
like "$port" '^4[0-9]{4}$' 'with the rules in its chain a node gets its port'
tunnel node "$port"
name=$(interface_of "$key")
gateway=$(address_of "$name")%wg0
ok 'the tunnel works' wait_for 30 ip netns exec node ping -c 1 -W 2 "$gateway"
# shellcheck disable=SC2086 # several
send tunnel "$gateway" $ports
ok 'the routing daemons hear what comes out of it' wait_for 20 has_come tunnel 3
# shellcheck disable=SC2086 # several
send outside 192.0.2.1 $ports
send tunnel "$gateway" 6696
ok 'later ones, too' wait_for 20 has_come tunnel 4
is "$(grep -c 9999 "$work/datagrams") $(came outside)" '0 0' 'and no other port, and nothing from outside'
like "$(ask_from node "$(new_pubkey)" 2001:db8::1)" '^4[0-9]{4}$' 'by IPv6 a node gets a port, too'

diag 'one source that asks with ever new keys'
delete_interfaces
random_pubkeys 60 >"$work/keys"
begun=$(boot_clock)
while read -r pubkey; do
	ip netns exec greedy timeout 2 tests/client.py -t 1 -H 192.0.2.1 -s port "$pubkey"
done <"$work/keys" >"$work/replies" 2>&1
most=$((30 + ($(boot_clock) - begun) / 10 + 1))
count=$(count_interfaces)
diag "it got $count interfaces in $(($(boot_clock) - begun)) s"
ok 'gets thirty at once' test "$count" -ge 30
ok 'and then one in ten seconds' test "$count" -le "$most"
like "$(ask_from node "$key")" '^4[0-9]{4}$' 'another source gets its port'
# Ten addresses, all of one /64.
for i in {1..60}; do
	((i % 6 != 1)) || ip -n greedy addr replace "2001:db8::2:$i/64" dev eth0 nodad preferred_lft forever
	ip netns exec greedy timeout 2 tests/client.py -t 1 -H 2001:db8::1 -s port "$(random_pubkey)"
done >"$work/replies6" 2>&1
count=$(grep -c '^4' "$work/replies6")
diag "by IPv6 it got $count ports"
ok 'by IPv6 a /64 counts as one source' test "$count" -ge 20 -a "$count" -le 45
done_testing
