#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# Several brokers on one machine, as instances of systemd's units: two in one network namespace, and
# one in another. They serve the same node, and none of them sees what is another's.

supervisor=systemd
source tests/supervisor.sh

# add_broker PORT PREFIX [KEY=VALUE...]: as README has it.
add_broker() {
	mkdir "$etc/$1"
	wg genkey | install -m 0400 -o wg-broker -g wg-broker /dev/stdin "$etc/$1/secret"
	printf '%s\n' "BROKERPORT=$1" "PRIVATEKEY=$etc/$1/secret" "IFPREFIX=$2" "IFGROUP=$1" BABELPORT= \
		"${@:3}" >"$etc/$1/config"
	systemctl enable --now "wg-broker@$1.socket" "wg-broker-prune@$1.timer"
}

# admin_of PORT COMMAND...: the operator's program for that broker.
admin_of() { broker-admin -c "$etc/$1/config" "${@:2}"; }

# ask_at PORT HOST: the UDP port that the node gets there.
ask_at() { ip netns exec node tests/client.py -t 100 -H "$2" -p "$1" -s port "$key"; }

# links GROUP: the interfaces of a broker, and link_count how many there are.
links() { ip -o link show group "$1" type wireguard | awk -F'[ :]+' '{ print $2 }'; }
count_links() { links "$1" | wc -l; }

# connect_node INTERFACE SECRET HOST PORT: the node's tunnel to one of them.
connect_node() {
	ip -n node link add "$1" type wireguard
	ip netns exec node wg set "$1" private-key "$work/node.key" peer "$(wg pubkey <"$2")" \
		endpoint "$3:$4" allowed-ips ::/0 persistent-keepalive 25
	ip -n node link set "$1" up
	ip -n node addr add fe80::ff:1/64 dev "$1" nodad
}
# reaches INTERFACE PREFIX NAME
reaches() { ip netns exec node ping -c 1 -W 2 "fe80::$(printf %x "${3#"$2"}")%$1"; }

ok 'the first is installed by the lines that make install prints' install_broker
settings BABELPORT=
is "$(systemd-analyze verify --man=no wg-broker@40100.{socket,service} \
	wg-broker-prune@40100.{service,timer} 2>&1)" '' 'systemd-analyze verify has nothing to say'
ok 'a second, whose prefix begins as that of the first' \
	add_broker 40100 babel-wg-b STARTPORT=42000 ENDPORT=42999
add_node node 1
key=$(make_key node)

port=$(ask_at 40000 192.0.2.1)
like "$port" '^4[01][0-9]{3}$' 'a node gets a port at the first'
port2=$(ask_at 40100 192.0.2.1)
like "$port2" '^42[0-9]{3}$' 'and with the same key one at the second'
name=$(links 40000) name2=$(links 40100)
like "$name $name2" '^babel-wg-[0-9]+ babel-wg-b[0-9]+$' 'an interface at each'
is "$(interface_of "$key")" "$name" 'the altname of the first tells the key'
is "$(ip -j link show "$name2" | jq -r '.[].altnames[0]')" "babel-wg-b$(tr +/ -_ <<<"$key")" \
	'that of the second, too'
connect_node wg0 "$etc/secret" 192.0.2.1 "$port"
connect_node wg1 "$etc/40100/secret" 192.0.2.1 "$port2"
ok 'the tunnel to the first works' wait_for 30 reaches wg0 babel-wg- "$name"
ok 'and that to the second' wait_for 30 reaches wg1 babel-wg-b "$name2"
is "$(ask_at 40000 192.0.2.1) $(ask_at 40100 192.0.2.1)" "$port $port2" \
	'asked again, both answer with the same port'
is "$(pgrep -cx broker-accept)" 2 'each has a service of its own'
like "$(journalctl -q -u wg-broker@40100 -o cat)" "accepted 192.0.2.11: interface $name2, port $port2, new" \
	'and a log of its own'

is "$(broker-admin status --json | jq -r '.peers[] | "\(.interface) \(.public_key)"')" "$name $key" \
	'status of the first has its interface alone'
ok 'prune of the first' systemctl start wg-broker-prune.service
ok 'prune of the second' systemctl start wg-broker-prune@40100.service
is "$(links 40000) $(links 40100)" "$name $name2" 'leave what there is'
ok 'the key is removed at the second' admin_of 40100 kick "$key"
is "$(links 40000) $(links 40100)" "$name " 'and there alone'
port2=$(ask_at 40100 192.0.2.1)
ok 'the first is emptied' broker-admin flush
is "$(count_links 40000) $(count_links 40100)" '0 1' 'and that one alone'
systemctl stop wg-broker.socket
is "$(ask_at 40100 192.0.2.1)" "$port2" 'the second serves while the first is stopped'
systemctl start wg-broker.socket

diag 'in another network namespace'
ip netns add mesh2
ip -n mesh2 link set lo up
ip link add tomesh2 type veth peer name eth0 netns mesh2
ip link set tomesh2 master gw0 up
ip -n mesh2 addr add 192.0.2.3/24 dev eth0
ip -n mesh2 link set eth0 up
for unit in wg-broker@40000.socket wg-broker@40000.service wg-broker-prune@40000.service; do
	mkdir -p "/etc/systemd/system/$unit.d"
	section=Service
	[[ $unit == *.service ]] || section=Socket
	printf '%s\n' "[$section]" NetworkNamespacePath=/run/netns/mesh2 >"/etc/systemd/system/$unit.d/netns.conf"
done
systemctl daemon-reload
ok 'a third, with the ports and the prefix of the first' add_broker 40000 babel-wg-
port3=$(ask_at 40000 192.0.2.3)
like "$port3" '^4[01][0-9]{3}$' 'the node gets a port there'
name3=$(ip netns exec mesh2 ip -o link show group 40000 | awk -F'[ :]+' '{ print $2 }')
is "$(count_links 40000) $name3" "0 babel-wg-$((port3 - 39999))" 'by an interface in that namespace'
connect_node wg2 "$etc/40000/secret" 192.0.2.3 "$port3"
ok 'whose tunnel works' wait_for 30 reaches wg2 babel-wg- "$name3"
ok 'prune there' systemctl start wg-broker-prune@40000.service
is "$(ip netns exec mesh2 broker-admin -c "$etc/40000/config" status --json | grep -c "$name3")" 1 \
	'leaves it'
is "$(journalctl -q -u 'wg-broker*' -o cat | grep -cE 'failed |unable')" 0 'nothing failed'

diag 'the end'
systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
make -s uninstall SUPERVISOR=systemd >"$work/output" 2>&1
for port in 40000 40100; do
	like "$(<"$work/output")" "first: systemctl disable --now .*wg-broker@$port.socket" \
		"uninstall asks for the instance $port that runs"
	systemctl disable --now "wg-broker@$port.socket" "wg-broker-prune@$port.timer" 2>/dev/null
	rm -r "${etc:?}/$port"
done
rm -r /etc/systemd/system/wg-broker*.d
settings BABELPORT=
test_uninstall
done_testing
