#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The wall clock may be stepped, on the gateway or on a node; and sessions grow old.
source tests/lib.sh

offset=0
# step SECONDS: the wall clock of the machine, which is the gateway's and the nodes'.
step() { date -s "@$(($(date +%s) + $1))" >/dev/null; }

# later SECONDS: for the handler, so much time has passed on both its clocks.
later() {
	offset=$((offset + $1))
	step "$1"
}

# ask_later PUBKEY: asks a handler whose clock of the time since boot is ahead by the offset.
ask_later() {
	request_of "$1" | unshare --fork --time --boottime "$offset" "$PWD/$handler" 2>>"$work/log"
}
manner() { tail -n 1 "$work/log" | sed -n 's/.* port [0-9]*, \([a-z]*\).*/\1/p'; }

configure
add_node node1 1
key=$(make_key node1)
port=$(port_of "$(ask_later "$key")")
name=$(interface_of "$key")
tunnel node1 "$port"
ok 'a node handshakes' wait_for 15 has_handshake "$name"
address=$(address_of "$name")
tunnel_works() { ip netns exec node1 ping -c 2 -i 0.2 -W 5 "$address%wg0"; }
ok 'and its tunnel works' tunnel_works
handshake=$(handshake_of "$name")

# The gateway's wall clock is stepped, there and back; the session is a few seconds old all along.
year=31536000
for by in $year -$((2 * year)) $year -86400 86400 -200 200 "-$(($(date +%s) - 1000))" $((3 * year)); do
	step "$by"
	ask_later "$key" >/dev/null
	is "$(manner)" known "the wall clock is stepped by $by s: the live peer is left alone"
	is "$(handshake_of "$name")" "$handshake" 'its session is the same'
	ok 'and works' tunnel_works
done

# Time goes by: a session counts as live for 180 s.
step $((1800000000 - $(date +%s)))
ip -n node1 link delete wg0
ip link delete "$name"
port=$(port_of "$(ask_later "$key")")
name=$(interface_of "$key")
index=$(index_of "$name")
tunnel node1 "$port"
ok 'a new session' wait_for 15 has_handshake "$name"
handshake=$(handshake_of "$name")
later 120
ask_later "$key" >/dev/null
is "$(manner)" known 'after two minutes the peer is left alone'
is "$(handshake_of "$name")" "$handshake" 'with its session'
later 70
ask_later "$key" >/dev/null
is "$(manner)" renewed 'after more than three minutes it is made anew'
is "$(handshake_of "$name")" 0 'without its session'
is "$(index_of "$name")" "$index" 'on the same interface'
ok 'which is complete' is_complete "$key" "$port"
ask_later "$key" >/dev/null
is "$(manner)" known 'and is not made anew again at once'
later 16
ask_later "$key" >/dev/null
is "$(manner)" renewed 'but when 15 s have passed without a handshake'

# A node whose clock falls back a day: WireGuard takes its handshakes for replays.
ok 'it handshakes again' wait_for 30 has_handshake "$name"
handshake=$(handshake_of "$name")
step -86400
ip -n node1 link delete wg0
tunnel node1 "$port"
tried_twice() { (($(ip netns exec node1 wg show wg0 transfer | cut -f 3) >= 2 * 148)); }
ok 'its clock falls back a day, it starts anew, and tries' wait_for 30 tried_twice
is "$(handshake_of "$name")" "$handshake" 'but its handshakes are not accepted'
ask_later "$key" >/dev/null
is "$(manner)" known 'it asks while the old session counts as live: nothing changes'
later 181
ask_later "$key" >/dev/null
is "$(manner)" renewed 'it asks again three minutes later: its peer is made anew'
ok 'and it handshakes' wait_for 30 has_handshake "$name"
address=$(address_of "$name")
ok 'its tunnel works' tunnel_works
is "$(count_interfaces)" 1 'there still is one interface'
done_testing
