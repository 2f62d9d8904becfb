#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The protocol handler for OpenWrt's netifd, under busybox's shell, with netifd's functions played:
# it shows what the handler does, not that netifd likes it.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1
add_node node 30
cat >"$work/netifd" <<'EOT'
# The functions of netifd-proto.sh and jshn.sh that are used, writing down what they are told.
say() { echo "$*" >>"$CALLS"; }
for name in proto_config_add_array proto_config_add_string proto_config_add_int \
	proto_config_add_boolean proto_notify_error proto_block_restart proto_setup_failed \
	proto_init_update proto_send_update proto_kill_command; do
	eval "$name() { say $name \"\$@\"; }"
done
json_get_vars() { for each; do eval "$each=\$CONFIG_$each"; done; }
json_for_each_item() { for each in $CONFIG_gateway; do "$1" "$each"; done; }
hexdump() { echo 0; }
sleep() { say sleep "$@"; }
# As netifd does: what follows the name is run as it is, word by word.
proto_run_command() {
	say proto_run_command "$@"
	shift
	printf '%s\0' "$@" >"$CALLS.command"
}
INCLUDE_ONLY=1
. contrib/openwrt/wgbroker.sh
EOT
# netifd FUNCTION [ARG...]: what the handler's function does, in $work/calls; its exit code.
netifd() {
	: >"$work/calls"
	at node env CALLS="$work/calls" CONNECT="$connect" CONFIG_private_key_file="$work/node.key" \
		"${config[@]}" busybox ash -eu -c '. "$0"; "$@"' "$work/netifd" "$@" 2>"$work/words"
}
base=(CONFIG_public_key= CONFIG_macaddr_of= CONFIG_mtu= CONFIG_set_clock=)
config=("${base[@]}" "CONFIG_gateway=192.0.2.11,${gateway_key[gw1]}")

ok 'its options' netifd proto_wgbroker_init_config
is "$(cut -d ' ' -f 2 "$work/calls" | xargs)" \
	'gateway:list(string) public_key private_key_file macaddr_of mtu set_clock' 'six of them'
ok 'setup' netifd proto_wgbroker_setup vpn
is "$(head -n 2 "$work/calls")" $'proto_init_update vpn 1\nproto_send_update vpn' 'netifd is told'
like "$(at node wg show vpn endpoints)" '192.0.2.11:4' 'the interface is there'
loop=$(grep '^proto_run_command vpn /bin/sh -c' "$work/calls")
like "$loop" "wgbroker 60 $connect -g -i vpn -k $work/node.key -t 192.0.2.11," \
	'netifd gets a loop to watch'
ok 'teardown' netifd proto_wgbroker_teardown vpn
is "$(<"$work/calls")" 'proto_kill_command vpn' 'ends the loop'
ok 'and the interface' eval '! ip -n node link show vpn'

# The loop that netifd got, under busybox's shell, and faster: it makes the interface again and again,
# and goes on when that was in vain.
INTERVAL=0.2 netifd proto_wgbroker_setup vpn
ip -n node link delete vpn
mapfile -d '' -t loop <"$work/calls.command"
is "${loop[0]} ${loop[1]}" '/bin/sh -c' 'a shell runs the loop'
# Not by at(): that is a shell of its own, which would end without the loop.
ip netns exec node busybox sh "${loop[@]:1}" 2>>"$work/words" &
looping=$!
jobs+=("$looping")
ok 'the loop makes the interface' wait_for 20 ip -n node link show vpn
ip -n node link delete vpn
ok 'and again' wait_for 20 ip -n node link show vpn
ip -n node link set eth0 down
ip -n node link delete vpn
: >"$work/words"
ok 'without a way to the gateway it tries' wait_for 60 grep -q unreachable "$work/words"
ip -n node link set eth0 up
ok 'and makes the interface when there is one' wait_for 60 ip -n node link show vpn
ok 'it goes on for ever' kill "$looping"
wait "$looping" 2>/dev/null
# A run that it has begun would make the interface anew.
await 60 eval '! pgrep -x broker-connect >/dev/null'
ip -n node link delete vpn

config=("${base[@]}" 'CONFIG_gateway=192.0.2.11:9,no-key')
ok 'a bad configuration is an error' eval '! netifd proto_wgbroker_setup vpn'
is "$(<"$work/calls")" $'proto_notify_error vpn CONFIG\nproto_block_restart vpn' 'for good'
config=("${base[@]}" CONFIG_set_clock=0 CONFIG_mtu=1300 CONFIG_macaddr_of=eth0
	"CONFIG_public_key=${gateway_key[gw1]}" 'CONFIG_gateway=192.0.2.11:9 192.0.2.11:10')
ok 'no gateway is a failure' eval '! netifd proto_wgbroker_setup vpn'
is "$(<"$work/calls")" $'sleep 5\nproto_setup_failed vpn' 'which netifd tries again'
config[-1]='CONFIG_gateway=192.0.2.11:9 192.0.2.11'
ok 'one of two is enough' netifd proto_wgbroker_setup vpn
is "$(mtu_at node vpn)" 1300 'MTU'
like "$(addresses_at node vpn)" '^fe80::[0-9a-f:]*ff:fe[0-9a-f:]*$' 'the address is from a MAC'
like " $(addresses_at node eth0) " " $(addresses_at node vpn) " 'that of eth0'

done_testing
