#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# systemd: broker-accept is killed, stopped, restarted and upgraded while 200 nodes ask at once and
# go on asking. Each has its reply within the 10 s that nodes wait.

supervisor=systemd
source tests/supervisor.sh

is_another() { [[ $(supervisor_pid) && $(supervisor_pid) != "$before" ]]; }
# another COMMAND [ARG...]: by this command, a new process takes the place of the old.
another() {
	before=$(supervisor_pid)
	"$@"
	wait_for 60 is_another
}
upgrade() {
	make -s install SUPERVISOR=systemd >"$work/output"
	systemctl daemon-reload
	systemctl try-restart wg-broker.service
}

await 60 install_broker
settings MAXCONNECTIONS=500 BABELPORT=
await 60 listens
# It would cost more than all the rest.
systemctl stop systemd-udevd{,-control.socket,-kernel.socket} 2>/dev/null
random_pubkeys 200 >"$work/keys"

ask_on "$work/keys"
for _ in 1 2; do
	ok 'killed, it comes again by itself' another kill -KILL "$(supervisor_pid)"
	sleep 0.2
done
for _ in 1 2; do
	ok 'stopped, it comes again with the next node' another systemctl stop wg-broker.service
	sleep 0.2
done
for _ in 1 2; do
	ok 'it is restarted' another systemctl restart wg-broker.service
	sleep 0.2
done
ok 'it is upgraded, as make install says' another upgrade
all_answered '200 nodes, while it was killed, stopped, restarted and upgraded'
is "$(count_interfaces)" 200 'each has its interface'

diag 'a handler that is at work'
# held WHAT COMMAND [ARG...]: a node that has sent half of its request has the rest of it answered,
# though by this command another process takes the place of the one that accepted it.
held() {
	local what=$1 key
	shift
	key=$(head -n 1 "$work/keys")
	tests/client.py -u line -d 4 -s port -x "{\"version\":1,\n\"pubkey\":\"$key\"}" >"$work/held" &
	client=$!
	await 60 one_handler
	ok "$what: another takes its place" another "$@"
	ok "$what: its handler is still at work" handlers
	wait "$client"
	is "$(<"$work/held")" "$(wg show "$(interface_of "$key")" listen-port)" "$what: and answers"
	await 60 no_handlers
}
held killed kill -KILL "$(supervisor_pid)"
held restarted systemctl restart wg-broker.service
is "$(systemctl --failed --no-legend)" '' 'no failed units'
done_testing
