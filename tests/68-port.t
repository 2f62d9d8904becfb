#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two gateways with one key. The node moves from one that lives: what that one goes on to send it
# must not pull it back.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

(umask 077 && wg genkey >"$work/shared.key")
key=$(wg pubkey <"$work/shared.key")
for number in 1 2; do
	add_gateway "gw$number" "$number" "PRIVATEKEY=$work/shared.key"
done
add_node node 30

connect node -g -p "$key" 192.0.2.11
is "$status" 0 'connected to the first gateway'
port=$(shown node endpoints)
ok 'a ping' wait_for 20 pings node "${port##*:}"
old=$(at node wg show wgmesh listen-port)

# The handshakes that come from it, with headers of IP and UDP: 148 bytes and 28.
at node nft -f - <<'EOT'
table ip t {
	counter handshakes { }
	chain c {
		type filter hook prerouting priority 0;
		ip saddr 192.0.2.11 ip protocol udp meta length 176 counter name handshakes
	}
}
EOT
handshakes() { at node nft -j list counter ip t handshakes | jq '.nftables[1].counter.packets'; }

age_session node
connect node -p "$key" 192.0.2.12
is "$status" 0 'moved to the second'
port=$(shown node endpoints)
like "$port" '^192\.0\.2\.12:' 'its endpoint is the second'
ok 'a ping' wait_for 20 pings node "${port##*:}"
new=$(at node wg show wgmesh listen-port)
ok "another source port: $new, not $old" test "$new" != "$old"

# The first has packets for the node: without an answer it shakes hands again and again.
first=$(ip -n gw1 -o link show type wireguard | awk -F'[ :]+' '{ print $2 }')
at gw1 ping -q -i 2 "ff02::1%$first" >/dev/null 2>&1 &
jobs+=($!)
tries() { (($(handshakes) >= 3)); }
ok 'the first gateway tries to shake hands' wait_for 120 tries
is "$(shown node endpoints)" "$port" 'the node stays with the second'
ok 'and reaches it' pings node "${port##*:}"

connect node -p "$key" --json 192.0.2.11 192.0.2.12
is "$(jq -r .action <<<"$printed")" kept 'a session that lives'
is "$(at node wg show wgmesh listen-port)" "$new" 'keeps its port'

done_testing
