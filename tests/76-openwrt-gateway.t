#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# OpenWrt's gateway: the init script, the configuration that it makes, and what procd then runs. The
# scripts run under busybox's shell, with its tools, on functions that stand in for OpenWrt's own, see
# tests/openwrt/; procd and ujail are played by setpriv.

supervisor=procd
source tests/supervisor.sh

# What OpenWrt has, besides the package and its user.
make -s -C contrib/openwrt/wg-broker TOPDIR="$PWD/tests/openwrt" PKG_BUILD_DIR="$PWD" \
	install-wg-broker ROOT=/
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin wg-broker
cp tests/openwrt/functions.sh /lib/functions.sh
install -m 755 tests/openwrt/rc.common /etc/rc.common
mkdir -p /var/etc "$work/bin"
for each in cat chmod chown echo grep logger mkdir mv rm sed tr; do
	ln -s /bin/busybox "$work/bin/$each"
done
printf '#!/bin/sh\necho "$@" >>%s\n' "$work/cron" >/etc/init.d/cron
printf '#!/bin/sh\numask >>%s\nexec /usr/bin/wg "$@"\n' "$work/umask" >"$work/bin/wg"
chmod +x /etc/init.d/cron "$work/bin/wg"

init() { PATH=$work/bin:$PATH busybox sh /etc/rc.common /etc/init.d/wg-broker "$@"; }
procd=/run/procd/wg-broker
instances() { (cd "$procd" && find . -mindepth 1 -type d -printf '%P\n' | sort | xargs); }
# configuration [OPTION=VALUE...]: of the section main, which is enabled.
configuration() {
	{
		echo "config broker 'main'"
		printf "\toption %s '%s'\n" enabled 1
		for each; do printf "\toption %s '%s'\n" "${each%%=*}" "${each#*=}"; done
	} >/etc/config/wg-broker
}
# run_instance NAME: as procd does. Without a jail a service has no capabilities there.
run_instance() {
	local dir=$procd/$1 rights=-all command
	mapfile -t command <"$dir/command"
	[[ ! -e $dir/jail ]] || rights=$(jq -r '"-all,+" + (.ambient[0] | ascii_downcase | ltrimstr("cap_"))' \
		"$(<"$dir/capabilities")")
	setpriv --reuid="$(<"$dir/user")" --regid="$(<"$dir/group")" --clear-groups --inh-caps="$rights" \
		--ambient-caps="$rights" --bounding-set="$rights" --no-new-privs "${command[@]}" </dev/null \
		>/dev/null 2> >(logger -t "${command[0]##*/}" -p daemon.err) &
	pid=$!
	jobs+=("$pid")
}

diag 'as it is installed'
ok 'start' init start
is "$(instances)" '' 'nothing runs unless it is enabled'
ok 'no key is made' test ! -e "$etc/secret"
is "$(<"$procd/triggers")" wg-broker 'a change of its configuration is noticed'

diag 'enabled'
configuration maxconnections=2 mtu=1300 handlers=100 handlers_per_source=8
cat >>/etc/config/wg-broker <<'END'
	list allowedips '0.0.0.0/0'
	list allowedips '::/0'
	option babeloptions 'type tunnel'
	option denykeys '/etc/no "such" #list $HOME'
	option logaddress ''
config other 'thing'
	option brokerport '1'
END
ok 'start' init start
is "$(instances)" main 'a section is an instance'
is "$(xargs <"$procd/main/command")" "/usr/sbin/broker-accept -c /var/etc/wg-broker/main.conf -l 40000 -m 100 -s 8 /usr/sbin/broker-handler -c /var/etc/wg-broker/main.conf" \
	'of this command'
is "$(</var/etc/wg-broker/main.conf)" "BABELPORT=
MAXCONNECTIONS='2'
MTU='1300'
ALLOWEDIPS='0.0.0.0/0 ::/0'
BABELOPTIONS='type tunnel'
DENYKEYS='/etc/no \"such\" #list \$HOME'" 'the configuration'
checked=$(broker-admin check)
like "$checked" 'ok *configuration: ' 'it is well-formed, says broker-admin check'
like "$checked" 'WRONG .*/etc/no "such" #list \$HOME' 'and a value is what it was'
configuration mtus=1300
init start
like "$(broker-admin check)" 'WRONG *configuration: .*/etc/wg-broker/config:[0-9]*: unknown key MTUS' \
	'an option that there is not: broker-admin check tells'
configuration maxconnections=2
init start
is "$(stat -c '%U:%G %a %s' "$etc/secret")" 'wg-broker:wg-broker 400 45' 'the key is made, for its user alone'
is "$(<"$work/umask")" 0077 'and never was another'\''s'
is "$(find "$etc" | sort | xargs)" "$etc $etc/config $etc/secret" 'and nothing else'
is "$(find "$etc" /var/etc/wg-broker -maxdepth 0 -printf '%m ')" '755 755 ' 'which its user can reach'
key=$(<"$etc/secret")
run_instance main
ok 'it listens' wait_for 60 listens
test_tunnel a 1 192.0.2.1
test_tunnel b 2 2001:db8::1
sysctl -q net.ipv6.conf.all.forwarding=1
is "$(broker-admin check | grep -v '^ok')" 'note    room: all 2 slots are used: raise MAXCONNECTIONS or ENDPORT' \
	'broker-admin check finds nothing wrong'
mark_log
is "$(ask_from a "$(new_pubkey)")" '{"version":1,"error":{"code":1,"reason":"Remote peer is not accepting additional connections"}}' \
	'one too many is refused'
like "$(log_since)" '^4 refused .*: ' 'the log has a line, with its priority'
exec {held}<>/dev/tcp/127.0.0.1/40000
await 30 one_handler
is "$(awk '/^(Uid|Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)/ { print $2 }' "/proc/$(handlers)/status" | sort -u | xargs)" \
	"0000000000001000 1 $(id -u wg-broker)" 'a handler is its user'\''s, with CAP_NET_ADMIN alone'
exec {held}>&-

diag 'again'
cp -r "$procd" "$work/procd"
init restart
ok 'procd sees no difference' diff -r "$procd" "$work/procd"
is "$(<"$etc/secret")" "$key" 'the key stays'
configuration maxconnections=3
init reload
ok 'with another configuration, neither' diff -r "$procd" "$work/procd"
like "$(ask_from a "$(new_pubkey)")" '"port":' 'but handlers know it'
chown root: "$etc/secret"
init start
is "$(stat -c %U "$etc/secret")" wg-broker 'the key is its user'\''s, whatever number that has'
echo "	option mtu \"1300'\"" >>/etc/config/wg-broker
mark_log
init start 2>"$work/words"
is "$(instances)" '' 'a quote in a value: it does not start'
like "$(<"$work/words")" 'option mtu of main: a value cannot have a' 'and says why'
is "$(journal_since '.SYSLOG_IDENTIFIER == "wg-broker"' | wc -l)" 1 'in the log, too'

diag 'prune'
is "$(cat /etc/crontabs/root)" '*/5 * * * * /etc/init.d/wg-broker prune' 'cron is to prune, once'
is "$(<"$work/cron")" restart 'it is told so once'
# As cron runs it. Nobody has had a handshake by then.
line=$(cut -d ' ' -f 6- /etc/crontabs/root)
prune() { PATH=$work/bin:$PATH later "$1" busybox sh /etc/rc.common "${line%% *}" "${line#* }"; }
configuration enabled=0
init start
is "$(instances)" '' 'it is disabled'
mark_log
prune 0
is "$(journal_since '.SYSLOG_IDENTIFIER == "broker-admin"')" \
	'5 broker-admin: pruned: 0 removed, 3 kept, 0 told to routing daemons' 'prune, after that: none is dead'
prune 700
is "$(count_interfaces)" 0 'all are, 700 s later'
echo '0 4 * * * reboot' >>/etc/crontabs/root
make -s -C contrib/openwrt/wg-broker TOPDIR="$PWD/tests/openwrt" BUILD_DIR=/ show SHOW=wg-broker/prerm |
	sed 's|/etc/init.d/wg-broker|busybox sh /etc/rc.common &|' >"$work/prerm"
PATH=$work/bin:$PATH busybox sh "$work/prerm"
is "$(cat /etc/crontabs/root)" '0 4 * * * reboot' 'the package is removed: so is its line of cron, and no other'
is "$(xargs <"$work/cron")" 'restart restart' 'which cron is told'

diag 'two of them'
configuration
cat >>/etc/config/wg-broker <<'END'
config broker 'mesh2'
	option enabled 'yes'
	option brokerport '40100'
	option startport '42000'
	option endport '42999'
	option ifprefix 'mesh2-'
	option ifgroup '40100'
	option privatekey '/etc/wg-broker/mesh2/secret'
END
init start
is "$(instances)" 'main mesh2' 'two instances'
is "$(find "$etc" -name secret -printf '%P %m %u\n' | sort | paste -sd ' ')" 'mesh2/secret 400 wg-broker secret 400 wg-broker' \
	'two keys'
kill "$pid"
await 30 is_gone
run_instance main
run_instance mesh2
await 30 listens
await 30 eval '[[ $(ss -Hltn "sport = :40100") ]]'
like "$(request_of "$(new_pubkey)" | nc -q 5 127.0.0.1 40100)" '"port":42[0-9]{3},' 'the second serves a node'
like "$(request_of "$(new_pubkey)" | nc -q 5 127.0.0.1 40000)" '"port":4[01][0-9]{3},' 'and the first'
prune 700
is "$(ip -o link show type wireguard)" '' 'both are pruned'
done_testing
