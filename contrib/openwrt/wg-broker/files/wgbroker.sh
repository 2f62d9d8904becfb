#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# netifd's protocol "wgbroker", as /lib/netifd/proto/wgbroker.sh, with wgbroker-run beside netifd, as
# /lib/netifd/wgbroker-run. In /etc/config/network:
#
#	config interface 'mesh_vpn'
#		option proto 'wgbroker'
#		list gateway 'gw1.example.net,<its public key>'
#		list gateway 'gw2.example.net,<its public key>'
#		option macaddr_of 'br-lan'	# optional: where the link-local address comes from
#		option mtu '1374'		# optional
#		list allowed_ips '::/0'		# optional: what may pass through the tunnel
#		option fwmark '0x64'		# optional: of the packets to gateways, for `config rule`
#
# The private key is made on first use, in /etc/wg-broker/node.key, which outlives a sysupgrade. The
# interface is named after the section. netifd watches wgbroker-run, which connects, says when the
# interface is up and when not, and moves to another gateway when a session is dead.
# `ubus call network.interface.mesh_vpn renew` has it try at once.

CONNECT=${CONNECT:-/usr/sbin/broker-connect}
RUN=${RUN:-/lib/netifd/wgbroker-run}

[ -n "$INCLUDE_ONLY" ] || {
	# shellcheck source=/dev/null
	. /lib/functions.sh
	# shellcheck source=/dev/null
	. ../netifd-proto.sh
	init_proto "$@"
}

proto_wgbroker_init_config() {
	# netifd reads these.
	# shellcheck disable=SC2034
	no_device=1 available=1 lasterror=1 renew_handler=1
	proto_config_add_array 'gateway:list(string)'
	proto_config_add_string 'public_key'
	proto_config_add_string 'private_key_file'
	proto_config_add_string 'macaddr_of'
	proto_config_add_int 'mtu'
	proto_config_add_string 'fwmark'
	proto_config_add_array 'allowed_ips:list(string)'
	proto_config_add_boolean 'set_clock'
}

# The words of what broker-connect is to be run with, one a line: netifd's lists are no arrays.
wgbroker_options() {
	local public_key private_key_file macaddr_of mtu fwmark set_clock addresses=''

	json_get_vars public_key private_key_file macaddr_of mtu fwmark set_clock
	printf '%s\n' -g -i "$1"
	[ -z "$private_key_file" ] || printf '%s\n' -k "$private_key_file"
	[ -z "$public_key" ] || printf '%s\n' -p "$public_key"
	[ -z "$macaddr_of" ] || printf '%s\n' -m "$macaddr_of"
	[ -z "$mtu" ] || printf '%s\n' -M "$mtu"
	[ -z "$fwmark" ] || printf '%s\n' -f "$fwmark"
	json_for_each_item wgbroker_address allowed_ips
	[ -z "$addresses" ] || printf '%s\n' -A "$addresses"
	# A router has no clock that runs without power: this is the default.
	[ "$set_clock" = 0 ] || printf '%s\n' -t
	json_for_each_item wgbroker_gateway gateway
}

wgbroker_gateway() {
	printf '%s\n' "$1"
}

# Adds what the list has, or an option with blanks, to one word.
wgbroker_address() {
	local each

	for each in $1; do
		addresses="$addresses${addresses:+,}$each"
	done
}

# All else is wgbroker-run's: this must not keep netifd waiting.
proto_wgbroker_setup() {
	local config="$1" options

	# No word of them has a blank in it.
	options=$(wgbroker_options "$config")
	# shellcheck disable=SC2086
	proto_run_command "$config" "$RUN" "$config" "$CONNECT" $options
}

proto_wgbroker_renew() {
	# Its number is not the same on every processor.
	proto_kill_command "$1" "$(kill -l USR1)"
}

# ERROR is what wgbroker-run ended with, if it did by itself.
proto_wgbroker_teardown() {
	local config="$1"

	case ${ERROR:-} in
	64 | 78)
		# Nothing but another configuration helps.
		proto_notify_error "$config" CONFIG
		proto_block_restart "$config"
		;;
	esac
	proto_kill_command "$config"
	# What one that was killed has left.
	"$RUN" -d "$config"
}

[ -n "$INCLUDE_ONLY" ] || add_protocol wgbroker
