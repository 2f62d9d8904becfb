#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# Routing daemons as services of systemd: whenever one was started it knows all interfaces within
# seconds, and nobody did anything.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call

supervisor=systemd
source tests/supervisor.sh

count=50
state=/run/l3roamd.log.state

babeld_knows() { { printf 'dump\n' && sleep 0.5; } | socat -t 5 - 'TCP6:[::1]:33123' | grep -c "^add interface $prefix"; }
l3roamd_knows() { grep -c "^$prefix" "$state"; }
knows_all() { [[ $("${1}_knows" 2>/dev/null) == "$count" ]]; }

# The process of a service. Debian 12's babeld has a script of SysV, of which systemd does not tell.
pid_of() { if [[ $1 == babeld ]]; then pidof babeld; else systemctl show -P MainPID "$1"; fi; }
is_another() { [[ $(pid_of "$1") == [1-9]* && $(pid_of "$1") != "$2" ]]; }

# returns DAEMON WHAT COMMAND...: what ends the daemon; then it knows all again.
returns() {
	local before begun
	before=$(pid_of "$1")
	"${@:3}"
	await 30 is_another "$1" "$before"
	begun=$SECONDS
	ok "$1 $2 knows all $count interfaces" wait_for 15 knows_all "$1"
	diag "within $((SECONDS - begun)) s"
}

ip link add mesh0 type dummy
ip link set mesh0 up
printf '%s\n' 'local-port-readwrite 33123' 'redistribute local deny' 'interface mesh0' >/etc/babeld.conf
cat >/etc/systemd/system/l3roamd.service <<-END
	[Service]
	ExecStartPre=rm -f $state
	ExecStart=$PWD/tests/meshd.py l3roamd /run/l3roamd.sock /run/l3roamd.log
	Restart=always
	UMask=0
END
systemctl daemon-reload
systemctl start babeld l3roamd
ok 'it is installed by the lines that make install prints' install_broker
settings MAXCONNECTIONS=500 L3ROAMDSOCK=/run/l3roamd.sock
systemctl stop wg-broker-prune.timer # it would tell them, too
is "$(systemctl is-enabled wg-broker-resync@{babeld,l3roamd}.service | paste -sd ' ')" 'enabled enabled' \
	'these enable it for the daemons that there are'
random_pubkeys "$count" >"$work/keys"
tests/load.py -H 127.0.0.1 -q -k "$work/keys" >"$work/result"
is "$(jq .answered "$work/result")" "$count" "$count nodes are served"
ok 'babeld knows them' wait_for 15 knows_all babeld
ok 'l3roamd knows them' wait_for 15 knows_all l3roamd

returns babeld 'restarted' systemctl restart babeld
returns l3roamd 'restarted' systemctl restart l3roamd
returns l3roamd 'killed, and started by systemd' systemctl kill -s KILL l3roamd
systemctl stop babeld
returns babeld 'started' systemctl start babeld
is "$(systemctl --failed --no-legend)" '' 'no failed units'
is "$(systemctl show -P Result wg-broker-resync@{babeld,l3roamd}.service | xargs)" 'success success' \
	'the units that tell them succeeded'

systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
like "$(make -s uninstall SUPERVISOR=systemd 2>&1)" 'first: systemctl disable wg-broker-resync@' \
	'make uninstall says what to disable first'
systemctl disable wg-broker-resync@{babeld,l3roamd}.service 2>/dev/null
test_uninstall
done_testing
