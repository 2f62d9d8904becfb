#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
# The machine of a shell broker: replaced by ours by the lines of README alone, with its configuration,
# key and firewall; and back again.
supervisor=systemd
source tests/supervisor.sh
source tests/readme.sh

# join: as a node of the field.
join() {
	local reply
	reply=$(ask_by_netcat node 192.0.2.1 "{\"version\":1, \"pubkey\":\"$key\"}"$'\n')
	port=$(jq -er .port <<<"$reply") || return
	tunnel node "$port"
}
join_works() { join && wait_for 20 ip netns exec node ping -c 1 -W 1 "$1%wg0"; }

# datagram_arrives PORT ADDRESS: what comes out of the tunnel for the gateway.
datagram_arrives() {
	rm -f "$work/datagram"
	timeout 5 socat -u "UDP6-RECV:$1" "CREATE:$work/datagram" &
	sleep 0.3
	echo hello | ip netns exec node socat -u - "UDP6-SENDTO:[$2%wg0]:$1"
	wait_for 3 test -s "$work/datagram"
}

firewall() { { iptables-save && ip6tables-save; } | grep -v '^#'; }
listeners() { ss -Hltnp 'sport = :40000' | grep -o '"[^"]*"' | tr -d '"' | sort -u | paste -sd ' '; }
is_listened_to_by() { [[ $(listeners) == "$1" ]]; }
shell_interfaces() { ip -o link show type wireguard | grep -c "babel-wg-"; }

# The machine. Its firewall drops what nobody opens.
add_node node 1
key=$(make_key node)
iptables -P INPUT DROP
ip6tables -P INPUT DROP
for iptables in iptables ip6tables; do
	$iptables -A INPUT -i lo -j ACCEPT
	$iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
done
ip6tables -A INPUT -p icmpv6 -j ACCEPT
mkdir -p "$etc"
(umask 077 && wg genkey >"$etc/secret")
install -m 755 tests/shell-broker /usr/sbin/wg-broker-server
printf '%s\n' $'BROKERPORT=40000\t\t# tcp port where the broker listens for connections' \
	$'STARTPORT=40000\t\t\t# start of udp portrange' $'ENDPORT=41000' \
	$'BABELPORT=33123\t\t\t# control port of local babeld' $'MTU=1374\t# MTU of VPN' 'WG=/usr/bin/wg' \
	'WAN="gw0"' 'MAXCONNECTIONS=150' 'PRIVATEKEY=/etc/wg-broker/secret' \
	'L3ROAMDSOCK=/var/run/l3roamd.sock' $'MMFDSOCK=/var/run/mmfd.sock\t# this is the mmfd socket' \
	>"$etc/config"
cat >/etc/systemd/system/wg-broker.service <<-'END'
	[Unit]
	Description=wireguard
	Wants=basic.target
	After=basic.target network.target babeld.service

	[Service]
	Type=simple
	ExecStart=/usr/sbin/wg-broker-server
	KillMode=process
	Restart=always
	RestartSec=5s
	Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

	[Install]
	WantedBy=multi-user.target
END
babeld -D -I "$work/babeld.pid" -L "$work/babeld.log" -S '' -G 33123 gw0
for daemon in l3roamd mmfd; do
	python3 tests/meshd.py $daemon "/var/run/$daemon.sock" "$work/$daemon.log" 2>/dev/null &
	jobs+=($!)
	await 20 test -S "/var/run/$daemon.sock"
done
systemctl daemon-reload
systemctl -q enable --now wg-broker.service
ok 'the shell broker listens' wait_for 60 is_listened_to_by nc
secret=$(sha256sum <"$etc/secret")
rules=$(firewall)
ok 'it serves a node of the field' join_works fe80::1
is "$(ip -br link show type wireguard | awk '{ print $1 }')" babel-wg-1 'with an interface babel-wg-1'
ok 'the firewall lets mmfd in' datagram_arrives 27275 fe80::1

diag 'to ours'
ok 'stopped by the lines of README' follow 'Coming from the shell broker' 'unit='
ok 'nobody listens any more' is_gone
is "$(pgrep -fc 'wg-broker-server|nc -[46]')" 0 'and nothing of it runs'
is "$(shell_interfaces)" 0 'its interfaces are gone'
ok 'ours is installed by the lines of README' follow 'Coming from the shell broker' 'make install'
ok "l3roamd's and mmfd's sockets are for it, too" follow 'Coming from the shell broker' 'chgrp'
ok 'broker-admin check finds nothing wrong' follow 'Coming from the shell broker' 'broker-admin check'
diag "$(grep -E '^(ok|note|WRONG) ' "$work/output")"
is "$(sha256sum <"$etc/secret")" "$secret" 'the key is the same'
ok 'ours listens' wait_for 60 is_listened_to_by systemd
ok 'the node of the field is served, with the key that it knows' join
name=$(interface_of "$key")
like "$name" '^babel-wg-[0-9]+$' 'by an interface that is named as before'
ok 'its tunnel works' wait_for 20 ip netns exec node ping -c 1 -W 1 "$(address_of "$name")%wg0"
ok 'the firewall still lets mmfd in' datagram_arrives 27275 "$(address_of "$name")"
babel_knows() { nc -q 1 ::1 33123 <<<dump | grep -q "interface $name up true"; }
ok 'babeld knows the interface' wait_for 30 babel_knows
for daemon in l3roamd mmfd; do
	ok "$daemon knows it" wait_for 30 grep -q "add_meshif $name " "$work/$daemon.log"
done
is "$(firewall)" "$rules" 'the firewall is as it was'

diag 'and back'
ok 'back by the lines of README' follow 'Coming from the shell broker' 'systemctl disable --now wg-broker.socket'
ok 'the shell broker listens again' wait_for 60 is_listened_to_by nc
ok 'it serves the node' join_works fe80::1
is "$(systemctl is-enabled shell-broker.service wg-broker.socket wg-broker-prune.timer | paste -sd ' ')" \
	'enabled disabled disabled' 'at the next boot it is the shell broker that starts'
done_testing
