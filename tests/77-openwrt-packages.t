#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# OpenWrt's packages: the Makefile of the feed builds and installs what it should, in a buildroot that
# is played by tests/openwrt/. It shows that the recipes work, not that OpenWrt's make likes them.
source tests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

package() { make -s -C contrib/openwrt/wg-broker TOPDIR="$PWD/tests/openwrt" BUILD_DIR="$work/build" "$@"; }
# quietly COMMAND [ARG...]: what it says matters only if it fails.
quietly() { "$@" >"$work/output" 2>&1 || { cat "$work/output" && false; }; }
installed() { (cd "$work/$1" && find . ! -type d -printf '%m %P %l\n' | sed 's/ $//' | sort -k 2); }
# install_package PACKAGE: into a folder of its name.
install_package() { quietly package "install-$1" ROOT="$work/$1"; }
field() { package show SHOW="$1"; }

ok 'it builds' quietly package compile
ok 'a gateway is installed' install_package wg-broker
is "$(installed wg-broker)" "$(sort -k 2 <<-'END'
	644 etc/capabilities/wg-broker.json
	600 etc/config/wg-broker
	755 etc/init.d/wg-broker
	777 etc/wg-broker/config /var/etc/wg-broker/main.conf
	644 lib/upgrade/keep.d/wg-broker
	755 usr/sbin/broker-accept
	755 usr/sbin/broker-admin
	755 usr/sbin/broker-handler
	644 usr/share/wg-broker/wg-broker-accept.nft
END
)" 'with these files'
ok 'a node is installed' install_package wg-broker-node
is "$(installed wg-broker-node)" "$(sort -k 2 <<-'END'
	644 etc/hotplug.d/iface/60-wgbroker
	755 lib/netifd/proto/wgbroker.sh
	755 lib/netifd/wgbroker-run
	644 lib/upgrade/keep.d/wg-broker-node
	755 usr/sbin/broker-connect
END
)" 'with these files'
is "$(cd "$work" && sort wg-broker/lib/upgrade/keep.d/* wg-broker-node/lib/upgrade/keep.d/* | uniq)" /etc/wg-broker/ \
	'the keys outlive a sysupgrade'
is "$("$work/wg-broker/usr/sbin/broker-handler" -V)" "broker-handler $(sed -n 's/^VERSION := //p' Makefile)" \
	'the programs run'

# All that is linked to is in a package that they depend on.
libraries=$(readelf -d "$work"/wg-broker*/usr/sbin/* | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' | sort -u | xargs)
is "$libraries" 'libc libjson-c' 'these are the libraries'
like "$(field wg-broker-node)" 'DEPENDS:=@IPV6 \+kmod-wireguard \+libjson-c\s' \
	'which a node depends on'
like "$(field wg-broker)" '\+libjson-c\s.*DEPENDS\+=\+procd-ujail \+wireguard-tools\s.*USERID:=wg-broker:wg-broker$' \
	'and a gateway, which has a user'
is "$(field wg-broker/conffiles)" /etc/config/wg-broker 'its configuration is the operator'\''s'
ok 'its rights are well-formed' quietly \
	jq -e '[.[]] | all(. == ["CAP_NET_ADMIN"])' "$work/wg-broker/etc/capabilities/wg-broker.json"
done_testing
