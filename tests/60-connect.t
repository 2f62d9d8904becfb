#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side: from nothing to a ping, and again with other options.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1
key=${gateway_key[gw1]}
add_node node 30

# Two commands: socat above, and this one.
connect node -g -p "$key" 192.0.2.11
is "$status" 0 'from nothing: connected'
like "$words" 'gateway 192\.0\.2\.11 \(192\.0\.2\.11\): accepted' 'it says which gateway accepted'
is "$(stat -c %a "$work/node.key")" 600 'it made a private key that only root can read'
is "$(wc -c <"$work/node.key")" 45 'as wg genkey writes it'
pubkey=$(wg pubkey <"$work/node.key")
is "$(at node wg show wgmesh public-key)" "$pubkey" 'the interface has that key'
port=$(shown node endpoints)
port=${port##*:}
ok 'a ping through the tunnel' wait_for 20 pings node "$port"
is "$(shown node persistent-keepalive)" 25 'keepalive'
is "$(shown node allowed-ips)" '::/0' 'allowed IPs'
is "$(shown node endpoints)" "192.0.2.11:$port" 'the endpoint is the host that was asked'
is "$(mtu_at node wgmesh)" 1374 'MTU'
like "$(ip -n node link show wgmesh)" '[<,]MULTICAST[,>]' 'multicast'
wanted=$(python3 - "$pubkey" <<-'PYTHON'
	import base64, ipaddress, sys
	key = bytearray(base64.b64decode(sys.argv[1])[:8])
	key[0] &= 0xfd
	print(ipaddress.ip_address(b"\xfe\x80" + bytes(6) + bytes(key)))
PYTHON
)
local_address() { addresses_at node wgmesh; }
is "$(local_address)" "$wanted" 'the address is made from the public key'

# What a run that changes nothing, or only what does not matter to the session, leaves alone.
session() {
	at node wg show wgmesh dump | tail -n 1 | cut -f 1,3,5
	at node wg show wgmesh listen-port
	at node cat /sys/class/net/wgmesh/ifindex
}
before=$(session)
requests=$(grep -c accepted "$work/gw1.log")
connect node -p "$key" 192.0.2.11
is "$status" 0 'again: done'
like "$words" 'live session' 'again: it says that nobody was asked'
is "$(grep -c accepted "$work/gw1.log")" "$requests" 'and nobody was'
connect node -p "$key" -M 1300 -a fe80::abcd --json 192.0.2.11
is "$(session)" "$before" 'the session, the port and the interface live on'
is "$(mtu_at node wgmesh)" 1300 'another MTU'
is "$(local_address)" fe80::abcd 'another address, and the old one has gone'
is "$(jq -r '[.result, .action, .interface, .address, .mtu, (.attempts | length)] | join(" ")' \
	<<<"$printed")" 'connected kept wgmesh fe80::abcd 1300 0' '--json tells so'
at node wg set wgmesh peer "$key" persistent-keepalive 0
ip -n node link set wgmesh multicast off
connect node -p "$key" 192.0.2.11
is "$(shown node persistent-keepalive)" 25 'a keepalive that was changed by hand is mended'
like "$(ip -n node link show wgmesh)" '[<,]MULTICAST[,>]' 'and so is multicast'
is "$(session)" "$before" 'with the session alive'
# With an MTU below that of IPv6 the kernel takes all addresses away.
ip -n node link set wgmesh mtu 1000
connect node -p "$key" 192.0.2.11
is "$status $(mtu_at node wgmesh) $(local_address | wc -w)" '0 1374 1' 'an MTU too low for IPv6 is mended, and the address'
is "$(session)" "$before" 'with the session alive'
ip -n node link set wgmesh mtu 1000
age_session node
connect node -p "$key" 192.0.2.11
is "$status $(mtu_at node wgmesh) $(local_address | wc -w)" '0 1374 1' 'also without a session'

mac=$(mac_at node eth0)
connect node -p "$key" -m eth0 192.0.2.11
from_mac=$(local_address)
connect node -p "$key" -m "$mac" 192.0.2.11
is "$(local_address)" "$from_mac" '-m takes a MAC, or an interface that has it'
like " $(addresses_at node eth0) " " $from_mac " 'it makes what the kernel makes'
like "$from_mac" '^fe80::[0-9a-f:]*ff:fe[0-9a-f:]*$' 'a link-local address'

# Half of an interface: the next run mends it.
ip -n node link set wgmesh down
connect node -p "$key" 192.0.2.11
ok 'an interface that was down works again' wait_for 20 pings node "$port"

# Names, both families, ports.
ip -n node link delete wgmesh
echo '2001:db8::11 gateway.example' >>/etc/hosts
for host in gateway.example 2001:db8::11 '[2001:db8::11]' '[2001:db8::11]:40000' \
	gateway.example:40000; do
	connect node -n "$host"
	is "$status" 0 "asked $host"
done
like "$printed" '^\{"version":1,"port":4[0-9]{4},"time":[0-9]+\}$' '-n prints the reply'
ok '-n makes no interface' eval '! ip -n node link show wgmesh'
connect node -i mesh1 --json "gateway.example,$key"
is "$status" 0 'a key behind the gateway, another name of the interface'
like "$(at node wg show mesh1 endpoints)" '\[2001:db8::11\]:4' 'an IPv6 endpoint'
is "$(jq -r '[.result, .action, .interface, .gateway, .gateway_address, .clock_set,
	.attempts[0].outcome] | join(" ")' <<<"$printed")" \
	'connected created mesh1 gateway.example 2001:db8::11 false accepted' '--json tells all'
echo "$key" >"$work/gw1.pub"
ip -n node link delete mesh1
connect node -p "$work/gw1.pub" gateway.example
is "$status" 0 'the key from a file'
ok 'works' wait_for 20 pings node "$port"

# What is not ours is left alone.
ip -n node link add theirs type wireguard
ip -n node link add dummy1 type dummy
state() { ip -n node -d link show "$1" | sed 's/qlen.*//'; }
for name in theirs dummy1 eth0; do
	before=$(state "$name")
	connect node -i "$name" -p "$key" 192.0.2.11
	is "$status" 71 "$name is not ours: a failure of its own code"
	is "$(state "$name")" "$before" "$name is as it was"
done

# Misuse.
is "$("$connect" -h 2>&1 >/dev/null)" '' '-h prints to stdout'
like "$("$connect" -h)" '^usage: ' 'the usage'
for misuse in '' '-x h' '-M 1279 h' '-M 70000 h' '-M 1400x h' '-i a/b h' '-a fe80::1 -m eth0 h' 'h:0' \
	'h:70000' 'h:1x' '[::1 h' '[::1]x' 'h,nokey' 'h' '-p nokey h' '-a 2001:db8::1 -n h' '-m xx:1 -n h' \
	'-m lo -n h'; do
	# shellcheck disable=SC2086 # several words
	connect node $misuse
	is "$status" 64 "misuse is 64: ${misuse:-no gateway}"
done
connect node -m eth9 -n h
is "$status" 71 'an interface that is not there yet is no misuse: 71'
status=0
at node "$connect" -n -k "$work/missing.key" 192.0.2.11 2>"$work/words" || status=$?
is "$status" 78 'no private key: 78'
like "$(<"$work/words")" 'missing.key: No such file' 'it says so'
cp "$work/node.key" "$work/open.key" && chmod 644 "$work/open.key"
status=0
at node "$connect" -n -k "$work/open.key" 192.0.2.11 2>"$work/words" || status=$?
is "$status" 78 'a private key that others can read: 78'
connect node -p "$pubkey" 192.0.2.11
is "$status" 78 'the gateway has our own key: 78'
status=0
ip -n node link delete wgmesh
at node setpriv --bounding-set -net_admin --inh-caps -net_admin "$connect" -k "$work/node.key" \
	-p "$key" 192.0.2.11 2>"$work/words" || status=$?
is "$status" 71 'without CAP_NET_ADMIN: 71'
like "$(<"$work/words")" CAP_NET_ADMIN 'it says so'
# shellcheck disable=SC2016 # eval expands
is "$(grep -cFf "$work/node.key" "$work/node.key")" 1 'a private key can be looked for'
ok 'no log shows it' eval '! grep -Ff "$work/node.key" "$work"/*.log "$work/words"'

# Many at once make one key, whole.
rm -rf "$work/new"
runs=() served=0
for _ in 1 2 3 4 5 6 7 8; do
	at node "$connect" -g -n -k "$work/new/key" gateway.example >/dev/null 2>&1 &
	runs+=($!)
done
for run in "${runs[@]}"; do
	wait "$run" && served=$((served + 1))
done
is "$served" 8 'eight -g at once are served'
is "$(find "$work/new" -type f | wc -l)" 1 'and make one file'
ok 'that is a key' wg pubkey <"$work/new/key"

done_testing
