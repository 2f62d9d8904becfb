#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Public keys are no secret: a stranger who sends that of a node does it no harm.
source tests/lib.sh

configure
start_socat
add_node node1 1
add_node node2 2
add_node stranger 3
stranger() { ip netns exec stranger python3 tests/client.py -H 192.0.2.1 "$@"; }

# A live session.
key=$(make_key node1)
port=$(client -s port "$key")
tunnel node1 "$port"
name=$(interface_of "$key")
ok 'a node handshakes' wait_for 15 has_handshake "$name"
address=$(address_of "$name")
ok 'and its tunnel works' ip netns exec node1 ping -c 1 -W 5 "$address%wg0"
handshake=$(handshake_of "$name")
endpoint=$(wg show "$name" endpoints)
index=$(index_of "$name")
read -r _ received sent < <(wg show "$name" transfer)

# Peers that were just set up are left alone, whatever becomes of them.
sleep 16
ip netns exec node1 ping -i 0.05 -W 10 "$address%wg0" >"$work/ping" &
ping=$!
for ((i = 0; i < 10; i++)); do stranger -s port -n 10 "$key"; done >"$work/results"
kill -INT "$ping"
wait "$ping"
is "$(sort "$work/results" | uniq -c | xargs)" "100 $port" \
	'a stranger asks with its key 100 times, and gets the same port'
like "$(<"$work/ping")" ' 0% packet loss' 'meanwhile no packet was lost in the tunnel'
diag "$(grep transmitted "$work/ping")"
is "$(handshake_of "$name")" "$handshake" 'the session is the same'
is "$(wg show "$name" endpoints)" "$endpoint" 'so is the endpoint'
is "$(index_of "$name")" "$index" 'and the interface'
read -r _ received2 sent2 < <(wg show "$name" transfer)
ok 'its counters went on' test "$received2" -gt "$received" -a "$sent2" -gt "$sent"

# A node's very first handshake, while a stranger keeps asking with its key.
key=$(make_key node2)
while :; do stranger -s port -n 10 "$key"; sleep 0.3; done >"$work/results" &
loop=$!
jobs+=("$loop")
await 10 test -s "$work/results"
for ((i = 1; i <= 3; i++)); do
	ip -n node2 link delete wg0 2>/dev/null
	port=$(client -s port "$key")
	name=$(interface_of "$key")
	tunnel node2 "$port"
	ok "a stranger keeps asking: the node's first handshake succeeds" \
		wait_for 30 has_handshake "$name"
	address=$(address_of "$name")
	ok 'and its tunnel works' ip netns exec node2 ping -c 1 -W 5 "$address%wg0"
	[[ $i == 3 ]] || {
		ip link delete "$name"
		ip netns exec node2 wg set wg0 private-key /dev/null
	}
done
kill "$loop"
wait "$loop" 2>/dev/null
ok 'the stranger was answered all along' test "$(grep -c '^4' "$work/results")" -ge 20

# The same on a lossy way: the node's first two initiations are lost, and it tries again every five
# seconds, while the stranger goes on.
ip link delete "$name"
ip -n node2 link delete wg0
ip netns exec node2 nft -f - <<'END'
table ip lossy {
	quota two { 340 bytes }
	chain out {
		type filter hook output priority 0
		udp dport 40000-41000 quota name "two" drop
	}
}
END
while :; do stranger -s port -n 10 "$key"; sleep 0.3; done >"$work/results" &
loop=$!
jobs+=("$loop")
port=$(client -s port "$key")
name=$(interface_of "$key")
tunnel node2 "$port"
ok 'even if its first two packets are lost' wait_for 60 has_handshake "$name"
kill "$loop"
wait "$loop" 2>/dev/null
ok 'which were lost' test "$(ip netns exec node2 nft list quota ip lossy two |
	sed -n 's/.* used \([0-9]*\) bytes.*/\1/p')" -ge 340
asked=$(grep -c '^4' "$work/results")
diag "meanwhile the stranger asked $asked times"
ok 'while the stranger went on' test "$asked" -ge 20
is "$(count_interfaces)" 2 'two nodes, two interfaces'
done_testing
