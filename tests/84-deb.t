#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# needs: deb
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# The packages for Debian: installation, upgrade, removal and purge, a node that is served meanwhile,
# and what was there before: the shell broker's files, and what `make install` has put into /usr/local.
supervisor=systemd
source tests/supervisor.sh

# package NAME [VERSION]: its file; of another version, one that differs in nothing else.
package() {
	local file
	file=$(echo "build/deb/$1_"*.deb)
	[[ ${2-} ]] || { echo "$file" && return; }
	dpkg-deb -R "$file" "$work/$1"
	sed -i "s/^Version: .*/Version: $2/" "$work/$1/DEBIAN/control"
	dpkg-deb -Znone -b "$work/$1" "$work/$1-$2.deb" >/dev/null
	echo "$work/$1-$2.deb"
}
# dpkg_i FILE...: what it says is in $work/output. A question would be an error: it gets no answer.
dpkg_i() { dpkg -i "$@" >>"$work/output" 2>&1 </dev/null || { cat "$work/output" && return 1; }; }
states() {
	local unit
	for unit in wg-broker.socket wg-broker-prune.timer wg-broker-metrics.timer; do
		echo "$(systemctl is-enabled $unit 2>/dev/null || true)/$(systemctl is-active $unit)"
	done | paste -sd ' '
}
# printed_lines TEXT: what the package's installation told an operator to do, behind that.
printed_lines() {
	sed -n "/$1/,\$s/^  //p" "$work/output" >"$work/steps"
	sed 's/^/#   /' "$work/steps"
}
owner() { stat -c '%U:%G %a' "$etc/secret"; }
sums() { (cd "$etc" && sha256sum config secret); }
# left: what is there of ours beside the tunnels.
left() {
	find / -xdev \( -name '*wg-broker*' -o -name 'broker-*' \) ! -path '/wg-broker*' ! -path '/tmp/*' \
		! -path '/proc/*' ! -path '/sys/*' ! -path '/run/*' ! -path '/var/log/*' | sort | paste -sd ' '
}
port() { port_of "$(ask_from a "$key")"; }
accept_exe() { readlink "/proc/$(supervisor_pid)/exe"; }
gateway=$(package wg-broker)
older=$(package wg-broker 1.0.0)
: >"$work/output"

diag 'the private key, whatever command of the first installation is killed'
mkdir -p "$work/bin"
ok 'unpacked' dpkg --unpack "$older"
for command in wg chown chmod sha256sum sync mv; do
	printf '#!/bin/sh\nprintf AAAA\nkill -KILL "$PPID"\n' >"$work/bin/$command"
	chmod +x "$work/bin/$command"
	PATH=$work/bin:$PATH dpkg --configure wg-broker >>"$work/output" 2>&1 </dev/null
	is "$(find "$etc" -name secret)" '' "killed at $command: there is no key"
	rm "$work/bin/$command"
done
is "$(states)" 'disabled/inactive disabled/inactive disabled/inactive' 'without a key nothing is enabled'
ok 'it is installed' dpkg_i "$older" "$(package wg-broker-node)"
is "$(owner)" 'wg-broker:wg-broker 400' 'the key is readable to its user alone'
is "$(wg pubkey <"$etc/secret" | wc -c)" 45 'and whole'
is "$(grep -cF -e "$(<"$etc/secret")" "$work/output")" 0 'nobody has printed it'
is "$(find "$etc" ! -name secret)" "$etc" 'nothing else is beside it'
is "$(states)" 'enabled/active enabled/active disabled/inactive' 'the socket and the timer are enabled and started'

diag 'served'
is "$(systemd-analyze verify --man=no wg-broker.socket wg-broker.service wg-broker-prune.timer wg-broker@1.socket broker-connect@wgmesh.service 2>&1 | grep -E 'wg-broker|broker-connect')" '' \
	'systemd-analyze verify has nothing to say'
ok "the packages' own test: a node's service, and pings" debian/tests/tunnel
settings MAXCONNECTIONS=2 BABELPORT=
test_tunnel a 1 192.0.2.1
key=$(wg pubkey <"$work/a.key") name=$(interface_of "$(wg pubkey <"$work/a.key")")
test_process
is "$(broker-admin check | grep ^WRONG)" '' 'broker-admin check finds nothing wrong'
mkdir -p /var/lib/prometheus/node-exporter
ok 'the metrics can be written' systemctl start wg-broker-metrics.service

diag 'an upgrade under way'
first=$(port) socket=$(systemctl show -P InvocationID wg-broker.socket)
pid=$(supervisor_pid)
await 60 has_handshake "$name"
ping_start a "$(address_of "$name")"
await 60 grep -q 'bytes from' "$work/ping"
settings MAXCONNECTIONS=100 BABELPORT=
before=$(sums)
random_pubkeys 20 >"$work/keys"
ask_on "$work/keys"
ok 'upgraded' dpkg_i "$gateway"
is "$(port)" "$first" 'it answers, with the same port'
unlike "$(supervisor_pid)" "^$pid\$" 'by another process'
is "$(accept_exe)" /usr/sbin/broker-accept 'of the new program'
is "$(systemctl show -P InvocationID wg-broker.socket)" "$socket" 'behind the same socket'
all_answered 'upgraded'
is "$(sums)" "$before" 'the changed configuration and the key are the same'

diag 'removed, and installed again'
systemctl --quiet enable --now wg-broker-metrics.timer
mkdir -p "$etc/40100"
echo PRIVATEKEY=$etc/secret >"$etc/40100/config"
systemctl --quiet start wg-broker@40100.socket
ok 'removed' dpkg -r wg-broker
ok 'nobody listens any more' is_gone
is "$(systemctl list-units --plain --no-legend --state=active 'wg-broker*')" '' 'no unit is active'
is "$(ss -Hltn 'sport = :40100')" '' 'nor is the second broker'
is "$(sums)" "$before" 'the configuration and the key are the same'
ok 'installed again' dpkg_i "$gateway"
is "$(states)" 'enabled/active enabled/active enabled/active' 'enabled and started again'
is "$(port)" "$first" 'it answers, with the same port'
is "$(ping_loss)" 0 'not one packet of a running ping was lost in all that'
systemctl --quiet disable --now wg-broker-metrics.timer
rm -r "$etc/40100"

diag 'purged'
ok 'purged' dpkg -P wg-broker wg-broker-node
is "$(count_interfaces)" 21 'the tunnels stay'
is "$(left)" "$etc" 'nothing is left but the folder of the configuration'
is "$(find "$etc" -type f)" "$etc/config" "which is the operator's"
is "$(systemctl --failed --no-legend)" '' 'no failed units'
delete_interfaces

diag "the shell broker's configuration and key"
(umask 077 && wg genkey >"$etc/secret" && chown root: "$etc/secret")
printf '%s\n' $'BROKERPORT=40000\t\t# tcp port' BABELPORT= 'WG=/usr/bin/wg' 'WAN="gw0"' >"$etc/config"
before=$(sums)
socat TCP6-LISTEN:40000,reuseaddr PIPE &
await 10 listens
: >"$work/output"
ok 'installed while that still listens' dpkg_i "$gateway"
kill %%
await 10 is_gone
printed_lines 'it serves nobody yet'
ok 'when it is stopped, the printed line starts ours' bash -e "$work/steps"
is "$(sums)" "$before" 'both are as they were'
is "$(owner)" 'wg-broker:wg-broker 400' 'the key is readable to the broker'
like "$(port)" '^4[0-9]{4}$' 'a node is served'
ok 'purged' dpkg -P wg-broker
is "$(sums)" "$before" 'both are still there'
delete_interfaces

diag 'the package of the node beside it'
package wg-broker-node 1.0.0 >/dev/null
find "$work/wg-broker-node" -name 'broker-connect@.service' -exec sed -i 's/-T 170/-T 171/' {} +
dpkg-deb -Znone -b "$work/wg-broker-node" "$work/older.deb" >/dev/null
rm -r "$etc"
ok 'both are installed' dpkg_i "$gateway" "$work/older.deb"
echo "GATEWAYS=192.0.2.99,$key" >"$etc/node-wgmesh.conf"
systemctl start broker-connect@wgmesh
process=$(systemctl show -P MainPID broker-connect@wgmesh)
ok "the node's is upgraded" dpkg_i "$(package wg-broker-node)"
is "$(systemctl show -P MainPID broker-connect@wgmesh)" "$process" 'what runs is left alone'
systemctl restart broker-connect@wgmesh
like "$(systemctl show -P ExecStart broker-connect@wgmesh)" ' -T 170 ' 'restarted, it is of the new unit'
systemctl stop broker-connect@wgmesh
rm "$etc"/node*
ok "the gateway's is purged" dpkg -P wg-broker
ok "the node's still has its folder" test -d "$etc"
ok "the node's is purged" dpkg -P wg-broker-node
is "$(left)" '' 'nothing is left'

# over_make FOLDER: over what `make install` has put into /usr/local, with its units below FOLDER.
over_make() {
	export SYSTEMDUNITDIR=$1/systemd/system UDEVRULESDIR=$1/udev/rules.d NETWORKDIR=$1/systemd/network
	export SYSUSERSDIR=/usr/${1#/usr/}/sysusers.d
	diag "over make install, with units in $SYSTEMDUNITDIR"
	ok 'installed by make' install_broker
	tunnel a "$(port)"
	name=$(interface_of "$key")
	await 60 has_handshake "$name"
	ping_start a "$(address_of "$name")"
	await 60 grep -q 'bytes from' "$work/ping"
	is "$(accept_exe)" /usr/local/sbin/broker-accept 'it is that which serves'
	: >"$work/output"
	ok 'the package is installed' dpkg_i "$gateway"
	printed_lines 'come before those of this package'
	ok 'its printed lines work' bash -e "$work/steps"
	hash -r
	is "$(accept_exe)" /usr/sbin/broker-accept 'now it is the package that serves'
	is "$(type -p broker-admin)" /usr/sbin/broker-admin 'and of the package is what the shell finds'
	is "$(find /etc/systemd/system -name 'wg-broker*' \( -xtype l -o -lname '*local*' \))" '' \
		'what is enabled is of the package'
	is "$(port)" "$(wg show "$name" listen-port)" 'the node has the same port'
	is "$(ping_loss)" 0 'not one packet of a running ping was lost'
	ok 'purged' dpkg -P wg-broker
	is "$(find /usr/local/{sbin,lib} /lib/systemd/system \( -name '*wg-broker*' -o -name 'broker-[ah]*' \))" '' \
		'nothing is left of either'
	delete_interfaces
}
over_make /usr/local/lib

diag 'over make install SUPERVISOR=systemd-inetd'
supervisor=systemd-inetd
ok 'installed by make' install_broker
supervisor=systemd
: >"$work/output"
ok 'the package is installed' dpkg_i "$gateway"
printed_lines 'come before those of this package'
ok 'its printed lines work' bash -e "$work/steps"
hash -r
# As at boot.
systemctl stop wg-broker.socket wg-broker.service sockets.target
systemctl start sockets.target
like "$(port)" '^4[0-9]{4}$' 'at the next boot a node is served'
is "$(accept_exe)" /usr/sbin/broker-accept 'by the package'
ok 'purged' dpkg -P wg-broker
is "$(find /usr/local/{sbin,lib} /etc/systemd \( -name '*wg-broker*' -o -name 'broker-[ah]*' \))" '' \
	'nothing is left of either'
delete_interfaces

# As earlier versions had it.
[[ ! ${TEST_MORE-} ]] || over_make /lib
done_testing
