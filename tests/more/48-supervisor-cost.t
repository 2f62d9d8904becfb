#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --icount --memory 2048 --timeout 900
# What a request costs in all under each supervisor, in guest instructions, which are nanoseconds of
# the machine's clock. The node's own part, in python, is in it, the waits for the kernel's RCU, and
# what udev and systemd make of a new interface: that is told apart by stopping udev.

supervisor=none
source tests/supervisor.sh

requests=10

now() { awk '{ print $1 * 1000 }' /proc/uptime; }

# cost KEYS: asks for them, one after the other, until udev is quiet, too. The instructions for
# each are left in $cost, in millions. (The start of python is not in it.)
cost() {
	local begun
	udevadm settle
	tests/load.py -H 127.0.0.1 -q -f 10 -k "$1" >"$work/result"
	begun=$(now)
	udevadm settle
	cost=$(jq -r "(.seconds * 1000 + $(now) - $begun) / .nodes | round" "$work/result")
}

measure() {
	supervisor=$1
	install_broker || return
	settings MAXCONNECTIONS=500
	wait_for 60 listens
	# Warm up.
	random_pubkeys 2 >"$work/keys"
	cost "$work/keys"
	random_pubkeys "$requests" >"$work/keys"
	cost "$work/keys"
	is "$(jq .answered "$work/result")" "$requests" "$1: $requests new nodes are answered"
	diag "$1: a new node costs $cost million instructions"
	cost "$work/keys"
	diag "$1: a known node costs $cost million instructions"
	ok "$1: less than $2 million for a known node" test "$cost" -lt "$2"
	systemctl stop systemd-udevd systemd-udevd-control.socket systemd-udevd-kernel.socket
	random_pubkeys "$requests" >"$work/keys"
	cost "$work/keys"
	diag "$1: a new node costs $cost million instructions without udev"
	systemctl start systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd
	stop_broker
	wait_for 60 is_gone
	delete_interfaces
}

measure systemd 150
measure xinetd 20
measure socat 20
measure socat-service 20
done_testing
