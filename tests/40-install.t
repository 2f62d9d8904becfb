#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# make install and uninstall into DESTDIR: what they place and spare. What they print is followed to
# the letter by the tests of the supervisors.
source tests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dest=$work/dest
# Not the flags of a make that runs this test.
unset MAKEFLAGS MFLAGS MAKELEVEL

installed() { (cd "$dest" && find . ! -type d -printf '%m %P\n' | sort -k 2); }
# run ACTION SUPERVISOR [VARIABLE=VALUE...]
run() { make -s "$1" "DESTDIR=$dest" "SUPERVISOR=$2" "${@:3}" >"$work/output" 2>&1; }

# check SUPERVISOR MODE FILE...: these are installed, and what is for all supervisors.
check() {
	local supervisor=$1
	shift
	printf '%s %s\n' "$@" 644 etc/wg-broker/config \
		644 usr/local/lib/systemd/network/10-wg-broker.network \
		644 usr/local/lib/udev/rules.d/70-wg-broker.rules \
		755 usr/local/sbin/broker-accept 755 usr/local/sbin/broker-admin \
		755 usr/local/sbin/broker-connect 755 usr/local/sbin/broker-handler \
		755 usr/local/sbin/wg-broker-metrics \
		644 usr/local/share/bash-completion/completions/broker-accept \
		644 usr/local/share/bash-completion/completions/broker-admin \
		644 usr/local/share/bash-completion/completions/broker-connect \
		644 usr/local/share/bash-completion/completions/broker-handler \
		644 usr/local/share/man/man5/wg-broker.conf.5 \
		644 usr/local/share/man/man7/wg-broker.7 \
		644 usr/local/share/man/man8/broker-accept.8 \
		644 usr/local/share/man/man8/broker-admin.8 644 usr/local/share/man/man8/broker-connect.8 \
		644 usr/local/share/man/man8/broker-handler.8 \
		644 usr/local/share/man/man8/wg-broker-metrics.8 | sort -k 2 >"$work/wanted"
	ok "$supervisor: make install" run install "$supervisor"
	is "$(installed)" "$(<"$work/wanted")" "$supervisor: these files"
	echo MTU=1300 >"$dest/etc/wg-broker/config"
	ok "$supervisor: make install again" run install "$supervisor"
	is "$(<"$dest/etc/wg-broker/config")" MTU=1300 "$supervisor: keeps a changed configuration"
	ok "$supervisor: make uninstall" run uninstall "$supervisor"
	is "$(installed)" '644 etc/wg-broker/config' "$supervisor: and leaves nothing else"
	rm -r "$dest"
	ok "$supervisor: make install once more" run install "$supervisor"
	ok "$supervisor: make uninstall at once" run uninstall "$supervisor"
	is "$(installed)" '' "$supervisor: takes an unchanged configuration, too"
	rm -r "$dest"
}

# hardened PROGRAM TYPE: a memory error in an installed program is hard to exploit. Its type is "DYN" if
# its code may be anywhere in memory.
hardened() {
	local file=$dest/usr/sbin/$1 headers symbols
	headers=$(readelf -hlW "$file")
	symbols=$(readelf -sW "$file")
	like "$headers" "Type: +$2 " "$1: of type $2"
	like "$headers" 'GNU_STACK .* RW ' "$1: its stack is not executable"
	is "$(grep -c ' RWE ' <<<"$headers")" 0 "$1: nothing is writable and executable"
	# In the list of segments: what is loaded, and what is read-only after the start.
	is "$(grep -cE '^ +[0-9]+ .* \.got ' <<<"$headers")" 2 "$1: addresses are read-only"
	like "$(grep -cE '^ +[0-9]+ .* \.got\.plt ' <<<"$headers")" '^[02]$' "$1: those of functions, too"
	like "$symbols" ' __stack_chk_fail' "$1: its stack has a protector"
	like "$symbols" ' __vsnprintf_chk' "$1: is built with _FORTIFY_SOURCE"
}

units=usr/local/lib/systemd/system
prune=(644 "$units/wg-broker-prune.service" 644 "$units/wg-broker-prune.timer"
	644 "$units/wg-broker-metrics.service" 644 "$units/wg-broker-metrics.timer"
	644 "$units/wg-broker-resync@.service" 644 usr/local/lib/sysusers.d/wg-broker.conf)
check systemd "${prune[@]}" 644 "$units/wg-broker.socket" 644 "$units/wg-broker.service" \
	644 "$units/wg-broker@.socket" 644 "$units/wg-broker@.service" \
	644 "$units/wg-broker-prune@.service" 644 "$units/wg-broker-prune@.timer" \
	644 "$units/wg-broker-metrics@.service" 644 "$units/wg-broker-metrics@.timer"
check systemd-inetd "${prune[@]}" 644 "$units/wg-broker-inetd.socket" \
	644 "$units/wg-broker-inetd@.service" 644 "$units/wg-broker.slice"
check xinetd 644 etc/cron.d/wg-broker-prune 644 etc/xinetd.d/wg-broker
check socat 644 etc/cron.d/wg-broker-prune 755 usr/local/sbin/wg-broker-socat

ok 'make install with other folders' run install systemd PREFIX=/usr
for program in accept admin connect; do hardened "broker-$program" DYN; done
hardened broker-handler EXEC
is "$(grep -h ^ExecStart "$dest"/usr/lib/systemd/system/*.service | sort | paste -sd ' ')" \
	'ExecStart=/usr/sbin/broker-accept -c /etc/wg-broker/%i/config -m 1024 -s 64 /usr/sbin/broker-handler -c /etc/wg-broker/%i/config ExecStart=/usr/sbin/broker-accept -m 1024 -s 64 /usr/sbin/broker-handler ExecStart=/usr/sbin/broker-admin -c /etc/wg-broker/%i/config prune ExecStart=/usr/sbin/broker-admin prune ExecStart=/usr/sbin/broker-admin resync -w 60 ExecStart=/usr/sbin/wg-broker-metrics /var/lib/prometheus/node-exporter/wg-broker-%i.prom -c /etc/wg-broker/%i/config status --prometheus=%i ExecStart=/usr/sbin/wg-broker-metrics /var/lib/prometheus/node-exporter/wg-broker.prom status --prometheus' \
	'the units name the programs where PREFIX puts them'
is "$(installed | grep -E '(sysusers|rules|network)' | paste -sd ' ')" \
	'644 usr/lib/systemd/network/10-wg-broker.network 644 usr/lib/sysusers.d/wg-broker.conf 644 usr/lib/udev/rules.d/70-wg-broker.rules' \
	'and what is for the system is in the folders of the distribution'
rm -r "$dest"
ok 'make install elsewhere' run install systemd PREFIX=/opt/mesh
is "$(installed | sed -nE 's#^644 (.*)/.*wg-broker.*\.(service|conf|rules|network)$#\1#p' | sort -u | paste -sd ' ')" \
	'usr/local/lib/systemd/network usr/local/lib/systemd/system usr/local/lib/sysusers.d usr/local/lib/udev/rules.d' \
	'what is for the system is where the system looks'
rm -r "$dest"
ok 'make install with folders for its pages' run install systemd MANDIR=/man
is "$(installed | sed -n 's|^644 \(man/\)|\1|p' | paste -sd ' ')" \
	'man/man5/wg-broker.conf.5 man/man7/wg-broker.7 man/man8/broker-accept.8 man/man8/broker-admin.8 man/man8/broker-connect.8 man/man8/broker-handler.8 man/man8/wg-broker-metrics.8' \
	'the pages are where MANDIR says'
status=0
run install inetd || status=$?
is "$status" 2 'another supervisor is refused'
like "$(<"$work/output")" 'must be systemd, systemd-inetd, xinetd or socat' 'with a reason'
done_testing
