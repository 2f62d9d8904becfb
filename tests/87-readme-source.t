#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
# A gateway from source, by the lines of README alone: under systemd, an upgrade, under xinetd, by socat.
supervisor=systemd
source tests/supervisor.sh
source tests/readme.sh

# serves: the node gets a port.
serves() { port_of "$(ask_from node "$key")"; }
# begin_anew: as on a machine that never had a broker.
begin_anew() {
	make -s uninstall "SUPERVISOR=$1" && userdel wg-broker && rm -r "$etc"
}

add_node node 1
key=$(make_key node)
babeld -D -I "$work/babeld.pid" -L "$work/babeld.log" -S '' -G 33123 gw0

ok 'installed from source' follow 'From source' 'apt-get install' 'apt-get=echo apt-get'
ok 'started, and nothing is wrong' follow 'From source' 'systemd-sysusers'
diag "$(<"$work/output")"
ok 'it serves' serves
ok 'upgraded' follow 'From source' 'make'
ok 'it serves' serves
systemctl disable --now wg-broker.socket wg-broker-prune.timer
systemctl stop wg-broker.service
ok 'uninstalled' begin_anew systemd

# under SUPERVISOR COMMAND...: which installs and starts it.
under() {
	supervisor=$1
	ok "$supervisor: a user and a key" follow 'Other supervisors' 'groupadd'
	ok "$supervisor: started" "${@:2}"
	ok "$supervisor: it listens" wait_for 60 listens
	ok "$supervisor: it serves" serves
	ok "$supervisor: nothing is wrong" broker-admin check
	stop_broker
	ok "$supervisor: stopped" wait_for 60 is_gone
	ok "$supervisor: uninstalled" begin_anew "$supervisor"
}
under xinetd follow 'Other supervisors' 'make install SUPERVISOR=xinetd'
under socat follow 'Other supervisors' 'make install SUPERVISOR=socat'
done_testing
