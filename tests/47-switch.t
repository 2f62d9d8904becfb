#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# From the units of an earlier version to those of today, and from each supervisor to the next, by
# the lines that make install prints: a node is served, and nothing of the one before is left.

supervisor=systemd
source tests/supervisor.sh

# What systemd starts at boot, and on account of a routing daemon.
enabled() {
	systemctl list-unit-files --no-legend 'wg-broker*' | awk '$2 == "enabled" { print $1 }' | sort |
		paste -sd ' '
	find /etc/systemd/system -name 'wg-broker-resync@*' -printf '%f\n'
}
# The files that start something, of whatever supervisor.
starters() {
	find {,/usr/local}/lib/systemd/system /etc/xinetd.d /etc/cron.d /usr/local/sbin -name 'wg-broker*' -printf '%f\n' \
		2>/dev/null | sort | paste -sd ' '
}
port() { tests/client.py -t 60 -s port "$key"; }
# What is left in the distribution's folders, which earlier versions took, and as links to units.
left_over() {
	find /lib/{systemd,udev} /usr/lib/sysusers.d -name '*wg-broker*'
	find /etc/systemd/system -name 'wg-broker*' -xtype l
}
socket_inode() { ss -Hltne 'sport = :40000' | grep -o 'ino:[0-9]*'; }
listeners() { ss -Hltnp 'sport = :40000' | grep -o '"[^"]*"' | tr -d '"' | sort -u | paste -sd ' '; }

# A package of the distribution, with a unit of such a name.
install_package() {
	mkdir -p "$work/package/DEBIAN" "$work/package/lib/systemd/system"
	printf '%s\n' 'Package: local' 'Version: 1' 'Architecture: all' 'Maintainer: root' 'Description: a unit' \
		>"$work/package/DEBIAN/control"
	printf '%s\n' '[Service]' ExecStart=/bin/true >"$work/package$packaged"
	dpkg-deb -b "$work/package" "$work/local.deb" && dpkg -i "$work/local.deb"
}
packaged=/lib/systemd/system/wg-broker-local.service

# The units of the first version, in short.
install_older() {
	make -s install SUPERVISOR=systemd SYSTEMDUNITDIR=/lib/systemd/system SYSUSERSDIR=/usr/lib/sysusers.d \
		UDEVRULESDIR=/lib/udev/rules.d NETWORKDIR=/lib/systemd/network >"$work/output"
	settings MAXCONNECTIONS=10 BABELPORT=
	systemd-sysusers wg-broker.conf
	(umask 377 && wg genkey >"$etc/secret" && chown wg-broker "$etc/secret")
	rm /lib/systemd/system/wg-broker.s*
	cat >/lib/systemd/system/wg-broker.socket <<-'END'
		[Socket]
		ListenStream=40000
		BindIPv6Only=both
		Accept=yes
		Backlog=4096
		MaxConnections=1024
		MaxConnectionsPerSource=32
		TriggerLimitIntervalSec=0
		[Install]
		WantedBy=sockets.target
	END
	cat >/lib/systemd/system/wg-broker@.service <<-'END'
		[Unit]
		CollectMode=inactive-or-failed
		[Service]
		ExecStart=/usr/local/sbin/broker-handler
		StandardInput=socket
		StandardOutput=socket
		StandardError=journal
		User=wg-broker
		Group=wg-broker
		AmbientCapabilities=CAP_NET_ADMIN
		CapabilityBoundingSet=CAP_NET_ADMIN
	END
	cat >/lib/systemd/system/wg-broker-socat.service <<-'END'
		[Service]
		ExecStart=/bin/sleep infinity
		[Install]
		WantedBy=multi-user.target
	END
	systemctl daemon-reload
	systemctl enable --now wg-broker.socket wg-broker-prune.timer wg-broker-socat.service
	systemctl enable wg-broker-resync@babeld.service wg-broker-metrics@40100.timer
}

# switch SUPERVISOR LISTENERS ENABLED FILES: to that one, whatever was before.
switch() {
	supervisor=$1
	ok "$1: the printed lines switch to it" install_broker
	await 60 listens
	is "$(port)" "$first" "$1: it serves, with the same port"
	is "$(listeners)" "$2" "$1: who listens"
	is "$(enabled)" "$3" "$1: what is enabled is of that alone"
	is "$(starters)" "$4" "$1: so are the files"
}
socket_files='wg-broker-metrics wg-broker-metrics.service wg-broker-metrics.timer'
socket_files+=' wg-broker-metrics@.service wg-broker-metrics@.timer'
socket_files+=' wg-broker-prune.service wg-broker-prune.timer wg-broker-prune@.service wg-broker-prune@.timer'
socket_files+=' wg-broker-resync@.service wg-broker.service wg-broker.socket wg-broker@.service wg-broker@.socket'

systemctl stop systemd-udevd{,-control.socket,-kernel.socket} 2>/dev/null
key=$(new_pubkey)

diag 'an earlier version'
await 60 install_older
ok 'a package is installed' install_package
first=$(port)
like "$first" '^4' 'the earlier version serves'
is "$(pidof broker-accept)" '' 'without broker-accept'
tests/client.py -u line -d 10 -s port -x "{\"version\":1,\n\"pubkey\":\"$key\"}" >"$work/held" &
client=$!
await 60 one_handler
inode=$(socket_inode)
switch systemd 'broker-accept systemd' $'wg-broker-prune.timer wg-broker.socket\nwg-broker-resync@babeld.service' \
	"wg-broker-local.service $socket_files"
is "$(left_over)" "$packaged" "in the distribution's folders is what a package has there, and nothing else"
like "$(socket_inode)" "^${inode:-none}\$" 'the socket is the same: no connection was turned away'
dpkg -P local >"$work/output" 2>&1
ok 'broker-accept serves' pidof broker-accept
wait "$client"
is "$(<"$work/held")" "$first" 'a node in the midst of its request was answered'
is "$(systemctl is-active wg-broker-socat.service)" inactive 'the service with socat is stopped'

diag 'from each to the next'
switch systemd-inetd systemd $'wg-broker-inetd.socket wg-broker-prune.timer\nwg-broker-resync@babeld.service' \
	'wg-broker-inetd.socket wg-broker-inetd@.service wg-broker-metrics wg-broker-metrics.service wg-broker-metrics.timer wg-broker-prune.service wg-broker-prune.timer wg-broker-resync@.service wg-broker.slice'
is "$(pidof broker-accept)" '' 'broker-accept is gone'
switch xinetd xinetd '' 'wg-broker wg-broker-metrics wg-broker-prune'
switch socat socat '' 'wg-broker-metrics wg-broker-prune wg-broker-socat'
# What started it is for the operator to stop.
stop_broker
await 60 is_gone
switch systemd 'broker-accept systemd' 'wg-broker-prune.timer wg-broker.socket' "$socket_files"
is "$(pidof xinetd socat)" "$(pidof xinetd)" 'socat is gone'
is "$(systemctl --failed --no-legend)" '' 'no failed units'
systemctl enable wg-broker-resync@babeld.service 2>/dev/null
systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
make -s uninstall SUPERVISOR=systemd >"$work/output" 2>&1
like "$(<"$work/output")" 'first: systemctl disable wg-broker-resync@babeld.service' 'uninstall asks for what is still enabled'
systemctl disable wg-broker-resync@.service 2>/dev/null
ok 'without that, it uninstalls' make -s uninstall SUPERVISOR=systemd
is "$(enabled)$(starters)" '' 'and leaves nothing'
done_testing
