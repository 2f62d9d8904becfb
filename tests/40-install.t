#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make install and uninstall: what they place, spare and print; the firewall example; no supervisor runs.

source tests/lib.sh

dest=$work/dest
installed() { (cd "$dest" && find . ! -type d -printf '%m %P\n' | sort -k 2 | paste -sd ' '); }
programs='755 usr/local/sbin/broker-admin 755 usr/local/sbin/broker-connect 755 usr/local/sbin/broker-handler'

check() {
	local supervisor=$1 wanted=$2
	ok "$supervisor: make install" make -s install "DESTDIR=$dest" "SUPERVISOR=$supervisor" MANDIR=/man
	is "$(installed | sed 's/ 644 man[^ ]*//g')" "$wanted" "$supervisor: these files"
	echo MTU=1300 >"$dest/etc/wg-broker/config"
	make -s install "DESTDIR=$dest" "SUPERVISOR=$supervisor" MANDIR=/man >"$work/output"
	is "$(<"$dest/etc/wg-broker/config")" MTU=1300 "$supervisor: a configuration is not written over"
	ok "$supervisor: make uninstall" make -s uninstall "DESTDIR=$dest" "SUPERVISOR=$supervisor" MANDIR=/man
	is "$(installed)" '644 etc/wg-broker/config' "$supervisor: only a changed configuration is left"
	rm -r "$dest"
	make -s install "DESTDIR=$dest" "SUPERVISOR=$supervisor" MANDIR=/man >"$work/output"
	make -s uninstall "DESTDIR=$dest" "SUPERVISOR=$supervisor" MANDIR=/man >"$work/output"
	is "$(installed)" '' "$supervisor: nothing is, if it was not changed"
	rm -rf "$dest"
}

units=lib/systemd/system/wg-broker
check systemd "644 etc/wg-broker/config 644 $units-prune.service 644 $units-prune.timer 644 $units.socket 644 $units@.service 644 usr/lib/sysusers.d/wg-broker.conf $programs"
check socat-service "644 etc/wg-broker/config 644 $units-prune.service 644 $units-prune.timer 644 $units-socat.service 644 usr/lib/sysusers.d/wg-broker.conf $programs 755 usr/local/sbin/wg-broker-socat"
check xinetd "644 etc/cron.d/wg-broker-prune 644 etc/wg-broker/config 644 etc/xinetd.d/wg-broker $programs"
check socat "644 etc/cron.d/wg-broker-prune 644 etc/wg-broker/config $programs 755 usr/local/sbin/wg-broker-socat"

make -s install "DESTDIR=$dest" SUPERVISOR=systemd PREFIX=/usr >"$work/output"
is "$(grep -h ^ExecStart "$dest"/lib/systemd/system/*.service | sort | paste -sd ' ')" \
	'ExecStart=/usr/sbin/broker-admin prune ExecStart=/usr/sbin/broker-handler' \
	'the units name the programs where PREFIX puts them'
like "$(make -s install SUPERVISOR=inetd 2>&1)" 'must be systemd, socat-service, xinetd or socat' 'another supervisor is refused'

make -s install SUPERVISOR=socat >"$work/output"
is "$(sed -n 's/^  \([a-z][^ ]*\) .*/\1/p' "$work/output" | paste -sd ' ')" 'groupadd useradd wg echo' \
	'it prints what remains to be done'
is "$(getent passwd wg-broker; find "$etc" -type f)" "$etc/config" 'it makes no user and no key'

ok 'the firewall example loads' nft -f contrib/nftables/wg-broker.nft
ok 'and again' nft -f contrib/nftables/wg-broker.nft
is "$(nft list tables | grep -c wg_broker)" 1 'it is one table'
ok 'the OpenWrt files are well-formed' sh -c 'sh -n contrib/openwrt/wg-broker.init && jq . contrib/openwrt/wg-broker.json'
done_testing
