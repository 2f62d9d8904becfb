#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-admin check: a gateway that is as it should be, and then each thing that can be wrong.
# shellcheck disable=SC2317,SC2329 # functions that wait_for calls
source tests/lib.sh

# check [ARG...]: what it says is $said, the code $status.
check() {
	said=$("$admin" "$@" check 2>&1)
	status=$?
}
# wrong SUBJECT PATTERN DESCRIPTION: it finds this wrong, and nothing else.
wrong() {
	check
	is "$status $(grep -c ^WRONG <<<"$said")" '78 1' "$3: wrong, and nothing else is"
	like "$(grep ^WRONG <<<"$said")" "^WRONG   $1: $2" "$3: what to do"
}
# fine PATTERN DESCRIPTION: nothing is wrong, and this is one of its lines.
fine() {
	check
	is "$status $(grep -c ^WRONG <<<"$said")" '0 0' "$2: nothing is wrong"
	like "$said" "(^|"$'\n'")$1("$'\n'"|\$)" "$2: it says so"
}

# as_handler COMMAND [ARG...]: with the rights that every supervisor gives to a handler.
as_handler() {
	setpriv --reuid=wg-broker --regid=wg-broker --clear-groups --inh-caps=-all,+net_admin \
		--ambient-caps=-all,+net_admin "$@"
}
ask() { request_of "$1" | as_handler "$handler" 2>>"$work/log"; }

groupadd --system wg-broker
useradd --system --gid wg-broker --no-create-home --shell /usr/sbin/nologin wg-broker
configure
chown wg-broker:wg-broker "$etc/secret"
chmod 400 "$etc/secret"
start_socat
sysctl -q net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=0

diag 'a gateway that serves'
modprobe -r wireguard
check
is "$said" "ok      user: files are checked as the user wg-broker, as handlers run
ok      configuration: $etc/config
ok      private key: $etc/secret
ok      lock: free
ok      supervisor: somebody listens on TCP port 40000
ok      forwarding: net.ipv6.conf.all.forwarding is on
ok      capability: CAP_NET_ADMIN
ok      kernel: Linux $(uname -r), with WireGuard
ok      room: 0 of 150 slots used, 150 free
ok      UDP ports: no other program holds one of 40000 to 40149" 'all is well, before the first node'
is "$status" 0 'exit code 0'
key=$(new_pubkey)
ask "$key" >"$work/reply"
name=$(interface_of "$key")
before=$(ip -d link show; ip -6 addr show; wg show all dump)
fine 'ok      room: 1 of 150 slots used, 149 free' 'a node is there'
like "$said" 'ok      UDP ports: no other program holds' 'its own port is not held by another program'
like "$said" 'ok      prune: it runs' 'prune had no time to run yet'
is "$(ip -d link show; ip -6 addr show; wg show all dump)" "$before" 'nothing was changed'

diag 'each thing that can be wrong'
configure MTU=1 PORT=2
check
is "$status $(grep -c ^WRONG <<<"$said")" '78 2' 'two mistakes in the configuration: two are wrong'
like "$said" "WRONG   configuration: $etc/config:3: MTU must be a number" 'the first, with its line'
like "$said" "WRONG   configuration: $etc/config:4: unknown key PORT" 'the second'
like "$said" 'ok      private key: ' 'and it goes on'
check -c /nowhere
like "$status $said" '^78 .*WRONG   configuration: /nowhere: unable to open .*: No such file' 'no configuration'

configure BROKERPORT=1
chmod 600 "$etc/config"
check
like "$said" "WRONG   configuration: $etc/config: unable to open .*: Permission denied" 'one of root alone'
chmod 644 "$etc/config"

configure PRIVATEKEY=/nowhere
wrong 'private key' 'unable to read .* /nowhere: No such file or directory .make one: wg genkey . install .* /nowhere.$' 'no private key'
configure
chown root:root "$etc/secret"
wrong 'private key' 'unable to read .*: Permission denied.*.let the user wg-broker read it' 'one of root alone'
chown nobody:wg-broker "$etc/secret"
chmod 440 "$etc/secret"
wrong 'private key' 'unable to read .*: it belongs to another user; chown it' 'one of nobody'
chown wg-broker "$etc/secret"
chmod 444 "$etc/secret"
wrong 'private key' 'unable to read .*: others can read or write it; chmod' 'one that others can read'
chmod 400 "$etc/secret"
cp -p "$etc/secret" "$work/secret"
echo nonsense >"$etc/secret"
wrong 'private key' 'unable to read .*: it holds no private key; make one' 'one that is none'
unlike "$said" nonsense 'which is not shown'
cat "$work/secret" >"$etc/secret"

exec {lock}<"$etc/secret"
flock -x "$lock"
wrong lock "unable to lock $etc/secret: another process holds it" 'another process has the lock'
exec {lock}<&-

configure BROKERPORT=40001
wrong supervisor 'nobody listens on TCP port 40001: start it' 'nobody listens'

configure 'ALLOWEDIPS="0.0.0.0/0 ::/0"'
fine 'ok      forwarding: net.ipv6.conf.all.forwarding is on' 'a mesh with IPv4, too'
like "$said" 'note    forwarding: net.ipv4.ip_forward is off: nodes reach this machine, and not each other' 'which is not forwarded'
sysctl -q net.ipv6.conf.all.forwarding=0 net.ipv4.ip_forward=1
fine 'ok      forwarding: net.ipv4.ip_forward is on' 'one that forwards only IPv4'
like "$said" 'note    forwarding: net.ipv6.conf.all.forwarding is off' 'says so'
configure ALLOWEDIPS=0.0.0.0/0
fine 'ok      forwarding: net.ipv4.ip_forward is on' 'a mesh with IPv4 alone'
unlike "$said" 'ipv6.conf' 'does not care for IPv6'
configure
fine 'note    forwarding: net.ipv6.conf.all.forwarding is off: .*' 'a mesh with IPv6 alone that is not forwarded'
unlike "$said" 'ip_forward' 'does not care for IPv4'
sysctl -q net.ipv6.conf.all.forwarding=1

configure "CHECK=$etc/may-join"
wrong CHECK "unable to run $etc/may-join: No such file" 'a program that is not there'
install -m 700 /bin/true "$etc/may-join"
wrong CHECK "unable to run $etc/may-join: Permission denied.*let the user wg-broker run it" 'one that only root can run'
chmod 755 "$etc/may-join"
fine "ok      CHECK: $etc/may-join" 'one that wg-broker can run'

configure "CHECK=$etc"
wrong CHECK "unable to run $etc: Is a directory" 'a directory'

configure "DENYKEYS=$etc/deny"
wrong 'lists of keys' "unable to look up keys in $etc/deny: No such file.*make that directory" 'a list that is not there'
mkdir -m 700 "$etc/deny"
wrong 'lists of keys' "unable to look up keys in $etc/deny: Permission denied" 'one that only root can look into'
chmod 711 "$etc/deny"
"$admin" deny "$(new_pubkey)"
fine "ok      DENYKEYS: $etc/deny has 1 key" 'one that wg-broker can look into: root counts'
touch "$etc/deny/.gitignore" "$etc/deny/${key//\//_}+"
fine 'note    DENYKEYS: 1 of its names is no key: write - for .*' 'a name that denies nobody'

diag 'the kernel'
configure
echo /bin/false >/proc/sys/kernel/modprobe
ip link delete "$name"
modprobe -r wireguard
wrong kernel 'unable to find the generic family wireguard: .*modprobe wireguard' 'no WireGuard'
echo /sbin/modprobe >/proc/sys/kernel/modprobe
ask "$key" >"$work/reply"
name=$(interface_of "$key")
said=$(setarch --uname-2.6 "$admin" check)
is "$? $(grep -c ^WRONG <<<"$said")" '78 1' 'an old kernel: wrong'
like "$said" 'WRONG   kernel: it is Linux 2.6.*: run 5.9 or later' 'and what to do'
said=$(setpriv --reuid=wg-broker --regid=wg-broker --clear-groups --inh-caps=-all "$admin" check 2>&1)
is "$?" 78 'as wg-broker without CAP_NET_ADMIN: wrong'
like "$said" 'WRONG   capability: CAP_NET_ADMIN is missing: run it as root' 'and what to do'
like "$said" 'note    user: files are checked as the user of this command' 'which user looks at files'
like "$said" 'ok      private key: ' 'who can read them'
said=$(as_handler "$admin" check 2>&1)
is "$?" 0 'as wg-broker with it, as a handler is: nothing is wrong'
like "$said" 'ok      room: 1 of 150 slots used' 'and it sees the interfaces'
said=$(later 2000 "$admin" check)
is "$? $(grep -c ^WRONG <<<"$said")" '78 1' 'half an hour without prune: wrong'
like "$said" "WRONG   prune: it has not looked at $name for 3[34] min: have it run" 'and what to do'

diag 'ports and room'
configure STARTPORT=41000 ENDPORT=41001
hold 41000 127.0.0.1
fine 'note    UDP ports: other programs hold 1 of 41000 to 41001, .*' 'another program holds a port'
like "$said" 'note    room: MAXCONNECTIONS=150, but STARTPORT to ENDPORT are only 2 ports' 'fewer ports than slots'
hold 41001 ::1
ip link delete "$name"
wrong 'UDP ports' 'other programs hold 2 of 41000 to 41001' 'other programs hold all of them'
kill "${jobs[@]:1}"
configure MAXCONNECTIONS=1
ask "$key" >"$work/reply"
fine 'note    room: all 1 slots are used: raise MAXCONNECTIONS or ENDPORT' 'a full gateway'
configure MAXCONNECTIONS=0
fine 'note    room: MAXCONNECTIONS=0: no new node gets in; 1 are there' 'one that goes out of service'

diag 'routing daemons'
configure BABELPORT=33123
wrong 'routing daemon' 'unable to talk to babeld at 33123: Connection refused .start it, or empty' 'no babeld'
sysctl -q net.core.optmem_max=1
babeld -D -G 33123 -I "$work/babeld.pid" -S "$work/babel-state" -C 'interface lo' \
	-C 'skip-kernel-setup true' 2>"$work/babeld.log"
await 20 listens 33123
"$admin" resync -w 20 2>"$work/log"
wrong 'routing daemon' 'babeld cannot use 1 of its 1 interfaces: raise net.core.optmem_max' 'one that cannot use an interface'
kill "$(<"$work/babeld.pid")"
await 20 test ! -e "$work/babeld.pid"
sysctl -q net.core.optmem_max=131072
babeld -D -G 33123 -I "$work/babeld.pid" -S "$work/babel-state" -C 'interface lo' \
	-C 'skip-kernel-setup true' 2>"$work/babeld.log"
await 20 listens 33123
"$admin" resync -w 20 2>"$work/log"
# It takes it up a moment later.
can_use_it() { "$admin" check | grep '^ok      routing daemon: babeld knows 1 interface$'; }
ok 'one that knows the interface: that is fine' wait_for 60 can_use_it
is "$("$admin" check | grep -c ^WRONG)" 0 'and nothing is wrong any more'

# l3roamd's socket is root's, unless somebody changes that.
tests/meshd.py l3roamd /run/l3roamd.sock "$work/l3roamd.log" &
jobs+=($!)
await 20 test -e "$work/l3roamd.log.state"
configure L3ROAMDSOCK=/run/l3roamd.sock
chmod 755 /run/l3roamd.sock
wrong 'routing daemon' 'unable to write to /run/l3roamd.sock: Permission denied .*let the user wg-broker write to it' \
	'one that only root can talk to'
chgrp wg-broker /run/l3roamd.sock
chmod g+w /run/l3roamd.sock
fine 'ok      routing daemon: l3roamd knows 0 interfaces' 'one that wg-broker can talk to'

diag 'what it looks like'
# on_terminal [NAME=VALUE...]: what it says on a terminal.
on_terminal() { env TERM=xterm "$@" script -qec "$admin check" /dev/null </dev/null; }
like "$(on_terminal)" $'^\033\\[32mok   \033\\[0m   user: ' 'on a terminal it has colours'
unlike "$(on_terminal NO_COLOR=1)" $'\033' 'with NO_COLOR it has none'
unlike "$(on_terminal TERM=dumb)" $'\033' 'nor on a dumb one'
unlike "$(TERM=xterm "$admin" check)" $'\033' 'nor in a pipe'
"$admin" check >/dev/full 2>"$work/said"
is $? 71 'a full disk: exits with 71'
done_testing
