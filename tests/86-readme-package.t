#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# needs: deb
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
# README from its top to its end, as an operator with Debian's packages follows it: a gateway in ten
# minutes, a node, and what comes after.
supervisor=systemd
source tests/supervisor.sh
source tests/readme.sh

pings() { wait_for 30 ip netns exec node ping -c 1 -W 2 ff02::1%wgmesh; }
printed() { like "$(<"$work/output")" "$1" "$2"; }

add_node node 1
echo '192.0.2.1 gw1.example.net' >>/etc/hosts
# The machine's dpkg leaves such files out.
echo 'path-include=/usr/share/doc/wg-broker*' >/etc/dpkg/dpkg.cfg.d/zz-wg-broker
block 'Routing daemons' 'local-port-readwrite' >/etc/babeld.conf

diag 'a gateway in ten minutes'
begun=$(boot_clock)
ok 'the package is installed' follow 'A gateway in ten minutes' 'make deb' 'make deb=true'
ok 'the public key' follow 'A gateway in ten minutes' 'wg pubkey'
key=$(<"$work/output")
like "$key" '^[A-Za-z0-9+/]{43}=$' 'is told'
ok 'sysctl' follow 'A gateway in ten minutes' 'cp /usr/share/doc'
is "$(sysctl -n net.ipv6.conf.all.forwarding net.ipv4.ip_local_reserved_ports | xargs)" '1 40000-41000' \
	'packets are forwarded, and the ports are reserved'
ok 'babeld starts with the configuration of README' systemctl restart babeld
await 30 eval '[[ $(ss -Hltn "sport = :33123") ]]'
ok 'nothing is wrong' follow 'A gateway in ten minutes' 'broker-admin check'
at=node
ok 'a node joins, and pings' \
	follow 'A gateway in ten minutes' 'apt install ./wg-broker-node' './wg-broker-node=./build/deb/wg-broker-node' "KEY=$key"
printed ' 0% packet loss' 'through the tunnel'
at=''
lines=$(for first in 'make deb' 'wg pubkey' 'cp /usr' 'broker-admin check' 'apt install ./wg-broker-node'; do
	block 'A gateway in ten minutes' "$first"
done | wc -l)
diag "from make deb to the node's ping: $lines lines, $(($(boot_clock) - begun)) s of the machine's clock"
node_key=$(wg pubkey </etc/wg-broker/node.key)
ok 'who is there' follow 'A gateway in ten minutes' 'broker-admin status'
printed $'\nbabel-wg-[0-9]+ +4[0-9]{4}  live ' 'the node'
printed 'accepted 192.0.2.11: interface babel-wg-' 'and it is in the log'

diag 'firewall'
cat >/etc/nftables.conf <<-END
	flush ruleset
	table inet filter {
	$(block Firewall 'chain input' | sed 's/^\t\.\.\.$/iif lo accept; ct state established accept; tcp dport 40100 accept/')
	}
	include "/etc/nftables/wg-broker.nft"
END
ok 'the files' follow 'Firewall' 'install -D'
ok 'are loaded' follow 'Firewall' 'nft -c -f'
is "$(nft list tables | xargs)" 'table inet filter table inet wg_broker' 'as two tables'
ok 'the tunnel goes on' pings

diag 'routing daemons'
ok 'told again after each start' follow 'Routing daemons' 'systemctl enable'
systemctl restart babeld
knows() { nc -q 1 ::1 33123 <<<dump | grep -q 'interface babel-wg-[0-9]* up true'; }
ok 'babeld knows the interface again' wait_for 60 knows

diag 'who may join'
ok 'a list of those who may' \
	follow 'Who may join' 'install -d -m 755 /etc/wg-broker/allow' " KEY= $node_key"
ok 'and one of those who may not' follow 'Who may join' 'install -d -m 755 /etc/wg-broker/deny'
printf '%s\n' ALLOWKEYS=/etc/wg-broker/allow DENYKEYS=/etc/wg-broker/deny >"$etc/config"
ok 'prune' systemctl start wg-broker-prune
is "$(count_interfaces)" 1 'the node may stay'
is "$(code_of "$(ask_from node "$(new_pubkey)")")" 5 'another one may not come'
ok 'banned' follow 'Who may join' 'broker-admin deny' "KEY=$node_key"
is "$(count_interfaces)" 0 'its interface is gone'
is "$(code_of "$(ask_from node "$node_key")")" 5 'and it is told that it may not join'
rm "$etc/config"
rm /etc/wg-broker/node.key

diag 'nodes'
at=node
ok 'a node joins, tells its state and leaves' follow 'Nodes' 'broker-connect -g' "KEY=$key"
printed 'wgmesh: live' 'it lived'
ok 'the interface is gone' eval '! ip -n node link show wgmesh'
at=''
block 'Nodes' 'GATEWAYS=' | sed "s|KEY|$key|g; s| gw2[^\"]*||" >/etc/wg-broker/node-wgmesh.conf
mkdir -p /etc/systemd/system/broker-connect@.service.d
printf '[Service]\nNetworkNamespacePath=/run/netns/node\n' >/etc/systemd/system/broker-connect@.service.d/test.conf
systemctl daemon-reload
ok 'as a service' follow 'Nodes' 'systemctl enable'
ok 'it has a tunnel' pings
node_key=$(wg pubkey </etc/wg-broker/node.key)

diag 'metrics'
# node_exporter is played; tests/80-metrics.t has the real one read such a file.
folder=/var/lib/prometheus/node-exporter
install -d $folder
ln -s wg-broker.prom $folder/metrics
python3 -m http.server -d $folder 9100 &>"$work/exporter.log" &
jobs+=($!)
ok 'the timer' follow 'Watch it with Prometheus' 'systemctl enable'
ok 'node_exporter tells them' wait_for 60 follow 'Watch it with Prometheus' 'curl'
printed 'wg_broker_peers\{state="live"\} 1' 'a node lives'

diag 'another broker'
ok 'it is set up' follow 'Several brokers on one machine' 'mkdir'
ok 'a rule for udev' follow 'Several brokers on one machine' 'sed'
like "$(</etc/udev/rules.d/70-wg-broker-40100.rules)" 'KERNEL=="mesh2-' 'goes by its prefix'
like "$(ip netns exec node tests/client.py -t 60 -H 192.0.2.1 -p 40100 -s port "$(new_pubkey)")" '^42' 'it serves'
ok 'its log and its status' follow 'Several brokers on one machine' 'journalctl'
printed $'\nmesh2-[0-9]+ ' 'tell of the node'

diag 'day to day'
ok 'the interfaces, as the kernel has them' follow 'Day to day' 'ip link show' "KEY=$node_key" "babel-wg-17=$(interface_of "$node_key")"
ok 'the commands' follow 'Day to day' 'broker-admin status' "KEY=$node_key"

diag 'another IFPREFIX'
ok 'stopped' follow 'Configure' 'systemctl stop'
is "$(count_interfaces)" 0 'all interfaces are removed'
echo IFPREFIX=mesh- >"$etc/config"
ok 'started' follow 'Configure' 'systemctl start'
ok 'the node comes back' wait_for 300 eval '[[ $(interfaces) == mesh-* ]]'
done_testing
