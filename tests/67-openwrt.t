#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The protocol handler for OpenWrt's netifd, installed where that expects it, under busybox's shell.
# netifd is played: it runs the handler with the same words, runs what it is told to, and when that
# has ended tears the interface down, as netifd's proto-shell.c does. It shows what the handler does
# and says, not that netifd likes it.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1
replies refuses 2 <<EOT
read -r _ || exit
echo asked >>$work/refused
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted"}}'
EOT
add_node node 30

# What OpenWrt has there: functions that write down what they are told.
make -s -C contrib/openwrt/wg-broker TOPDIR="$PWD/tests/openwrt" PKG_BUILD_DIR="$PWD" \
	install-wg-broker-node ROOT=/
sed -i '1s|.*|#!/usr/bin/env -S busybox sh|' /lib/netifd/wgbroker-run
cp tests/openwrt/functions.sh /lib/functions.sh
cat >/lib/netifd/netifd-proto.sh <<'EOT'
say() { echo "$*" >>"$CALLS"; }
for name in proto_config_add_array proto_config_add_string proto_config_add_int \
	proto_config_add_boolean proto_notify_error proto_block_restart proto_init_update \
	proto_add_ipv6_address proto_send_update proto_kill_command; do
	eval "$name() { say $name \"\$@\"; }"
done
proto_run_command() {
	say proto_run_command "$1"
	shift
	printf '%s\0' "$@" >"$CALLS.command"
}
json_load() { JSON=$1; }
json_get_var() { eval "$1=\$(printf %s \"\$JSON\" | jq -r \".\$2 |
	if . == true then 1 elif . == false then 0 else . // empty end\")"; }
json_get_vars() { for each; do json_get_var "$each" "$each"; done; }
json_for_each_item() {
	for each in $(printf %s "$JSON" | jq -r ".$2 // [] | .[]"); do "$1" "$each"; done
}
init_proto() {
	proto=$1 cmd=$2 interface=$3 data=$4
	add_protocol() {
		case $cmd in
		dump)
			proto_wgbroker_init_config &&
				say "no_device=$no_device available=$available" &&
				say "lasterror=$lasterror renew_handler=$renew_handler"
			;;
		*) json_load "$data" && "proto_$1_$cmd" "$interface" ;;
		esac
	}
}
EOT

calls=$work/calls
# handler ACTION [VARIABLE=VALUE...]: as netifd runs it, for the interface vpn with the configuration
# $config.
handler() {
	local action=$1
	shift
	: >"$calls"
	(cd /lib/netifd/proto && at node env CALLS="$calls" CONNECT="$connect" "$@" \
		busybox ash ./wgbroker.sh wgbroker "$action" vpn "$config")
}
# start: sets the interface up, and runs in $loop what the handler has netifd run, faster than usual.
start() {
	handler setup || return
	mapfile -d '' -t command <"$calls.command"
	# Not by at(): that is a shell of its own, which would end without the loop.
	CALLS=$calls INTERVAL=${interval-1} RETRY=${retry-1} SPREAD=0 ip netns exec node "${command[@]}" >"$work/words" 2>&1 &
	loop=$!
	jobs+=("$loop")
}
# stop: as netifd does on `ifdown`.
stop() {
	kill "$loop"
	wait "$loop"
	handler teardown
}
# renew: as netifd does on `ubus call network.interface.vpn renew`.
renew() {
	local words
	handler renew
	read -ra words < <(grep -x 'proto_kill_command vpn .*' "$calls")
	kill -"${words[2]}" "$loop"
}
# ends: waits for the loop to end by itself, and tears down as netifd does then.
ends() {
	wait "$loop"
	status=$?
	handler teardown ERROR="$status"
}
told() { [[ $(<"$calls") == *"$1"* ]]; }
there() { ip -n node link show "${1:-vpn}"; }
option() { jq -c ". + $1" <<<"$config"; }

base=$(jq -cn --arg key "$work/node.key" '{private_key_file: $key}')
config=$(jq -c --arg gateway "192.0.2.11,${gateway_key[gw1]}" '. + {gateway: [$gateway]}' <<<"$base")
handler dump
is "$(cut -d ' ' -f 2 "$calls" | xargs)" \
	'gateway:list(string) public_key private_key_file macaddr_of mtu fwmark allowed_ips:list(string) set_clock available=1 renew_handler=1' 'its options'

start
is "$?" 0 'setup'
is "$(head -n 1 "$calls")" 'proto_run_command vpn' 'netifd gets a program to watch'
is "${command[*]}" \
	"/lib/netifd/wgbroker-run vpn $connect -g -i vpn -k $work/node.key -t 192.0.2.11,${gateway_key[gw1]}" \
	'with the options'
ok 'netifd is told that the interface is up' wait_for 30 told 'proto_send_update vpn'
address=$(addresses_at node vpn)
is "$(tail -n +2 "$calls")" $'proto_init_update vpn 1 1\nproto_add_ipv6_address '"$address"$' 64\nproto_send_update vpn' \
	'with its address, which netifd is to leave alone'
is "$(at node wg show vpn latest-handshakes | cut -f 2 | sed 's/[1-9].*/some/')" some 'after a handshake'
: >"$calls"
sleep 5
is "$(<"$calls")" '' 'once'

# It is down as long as there is no way to the gateway, and netifd knows.
ip -n node link set eth0 down
ip -n node link delete vpn
ok 'no way to the gateway: netifd is told that it is down' wait_for 60 told 'proto_init_update vpn 0'
ok 'and why' wait_for 60 told 'proto_notify_error vpn NO_ANSWER'
sleep 10
is "$(grep -c NO_ANSWER "$calls")" 1 'once'
: >"$calls"
ip -n node link set eth0 up
ok 'a way again: it is up' wait_for 60 told 'proto_init_update vpn 1 1'
ok 'there it is' there
stop
is "$(<"$calls")" 'proto_kill_command vpn' 'teardown ends the program'
ok 'the interface is gone' eval '! there'
ok 'no run goes on' eval '! pgrep -x broker-connect'
ok 'nor anything else' eval '! pgrep -f "sleep 1$"'
is "$(find /tmp -maxdepth 1 -name 'tmp.*' -type f)" '' 'and no file is left'

# It waits long for its next look, or its next try, and is told to do that at once.
retry=3600 interval=3600
ip -n node link set eth0 down
start
ok 'no way to the gateway' wait_for 60 told 'proto_notify_error vpn NO_ANSWER'
ip -n node link set eth0 up
sleep 100
ok 'it waits' eval '! there || ! told "proto_send_update vpn"'
renew
ok 'told to, it tries at once: it is up' wait_for 30 told 'proto_send_update vpn'
ip -n node link delete vpn
: >"$calls"
sleep 100
ok 'it waits' eval '! there'
renew
ok 'told to, it looks at once: it is up' wait_for 30 there
for _ in 1 2 3 4 5 6 7 8 9 10; do renew; done
ok 'told so many times, it goes on' kill -0 "$loop"
unlike "$(<"$calls")" 'link-up 0|proto_notify_error' 'and is not down meanwhile'
stop
ok 'nor is it left' eval '! there'
is "$(pgrep -f "sleep 3600$")" '' 'nothing goes on'
unset retry interval

# Another interface comes up.
mkdir -p /etc/config "$work/bin"
cat >/etc/config/network <<'EOT'
config interface 'wan'
	option proto 'dhcp'
config interface 'vpn'
	option proto 'wgbroker'
	list gateway 'gw1.example.net'
config device
	option name 'br-lan'
config interface 'vpn2'
	option proto 'wgbroker'
EOT
printf '#!/bin/sh\necho "$*"\n' >"$work/bin/ubus"
chmod +x "$work/bin/ubus"
# hotplug ACTION INTERFACE
hotplug() { PATH=$work/bin:$PATH ACTION=$1 INTERFACE=$2 busybox sh /etc/hotplug.d/iface/60-wgbroker; }
is "$(hotplug ifup wan)" $'call network.interface.vpn renew\ncall network.interface.vpn2 renew' \
	'an interface comes up: the tunnels are told to try'
is "$(hotplug ifup vpn)" '' 'not so if it is one of them'
is "$(hotplug ifdown wan)" '' 'nor if one goes down'

# SIGTERM while it asks: what it was about to make is not left. And SIGUSR1: it starts anew.
replies slow 3 <<'EOT'
sleep 100
EOT
good=$config
config=$(option '{gateway: ["192.0.2.13,'"${gateway_key[gw1]}"'"]}')
start
await 10 pgrep -x broker-connect
first=$(pgrep -xo broker-connect)
another() { [[ $(pgrep -xo broker-connect) == [1-9]* && $(pgrep -xo broker-connect) != "$first" ]]; }
kill -USR1 "$loop"
ok 'told to try again while it asks: it does' wait_for 4 another
unlike "$(<"$calls")" proto_notify_error 'and that is no failure'
stop
ok 'ended while it asks: no run goes on' eval '! pgrep -x broker-connect'

# One that is killed. netifd then tears the interface down.
config=$good
start
await 30 told 'proto_send_update vpn'
kill -KILL "$loop"
ends 2>/dev/null
ok 'a program that was killed: its interface is gone' eval '! there'
pkill -x broker-connect

# Another program's interface of that name.
ip -n node link add vpn type bridge
ip -n node addr add 2001:db8:5::1/64 dev vpn nodad
ip -n node link set vpn up
start
ok 'a bridge of that name: no success' wait_for 30 told 'proto_notify_error vpn FAILED'
stop
ok 'the bridge is there' there
like "$(addresses_at node vpn)" '2001:db8:5::1' 'with its address'
ip -n node link delete vpn

# Mistakes, and what only looks like one.
config=$(option '{gateway: ["192.0.2.11:9,no-key"]}')
start
ends
is "$status" 64 'a bad configuration ends it'
is "$(<"$calls")" $'proto_notify_error vpn CONFIG\nproto_block_restart vpn\nproto_kill_command vpn' 'for good'
config=$(jq -c '. + {macaddr_of: "br-lan", mtu: 1300, fwmark: "0x64", allowed_ips: ["0.0.0.0/0", "::/0"], set_clock: false}' <<<"$good")
start
ok 'macaddr_of is not there yet: no success' wait_for 30 told 'proto_notify_error vpn FAILED'
ip -n node link add br-lan type bridge
ip -n node link set br-lan up
ok 'it comes: up' wait_for 30 told 'proto_send_update vpn'
is "$(at node wg show vpn allowed-ips | cut -f 2)" '0.0.0.0/0 ::/0' 'what may pass'
is "$(mtu_at node vpn) $(at node wg show vpn fwmark)" '1300 0x64' 'MTU and mark'
like "$(addresses_at node vpn)" '^fe80::[0-9a-f:]*ff:fe[0-9a-f:]*$' 'the address is from a MAC'
like " $(addresses_at node br-lan) " " $(addresses_at node vpn) " 'that of br-lan'
unlike "${command[*]}" ' -t' 'set_clock'
stop
config=$(jq -c --arg key "${gateway_key[gw1]}" '. + {gateway: ["192.0.2.11:9", "192.0.2.11"], public_key: $key}' <<<"$base")
start
ok 'one of two is enough' wait_for 30 told 'proto_send_update vpn'
stop

# Refused by all.
config=$(option '{gateway: ["192.0.2.12"]}')
start
ok 'a gateway that refuses' wait_for 30 told 'proto_notify_error vpn REFUSED'
sleep 100
is "$(wc -l <"$work/refused")" 1 'is not asked again for some minutes'
stop

done_testing
