#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# socat: installation, a tunnel by IPv4 and IPv6, privileges, syslog, exit codes, upgrades.

supervisor=socat
source tests/supervisor.sh

test_installation
is "$(stat -c %U "/proc/$(socat_pid)")" wg-broker 'socat itself is not root either'
diag 'log lines, exit codes'
end_briefly
test_outcomes
test_cron
diag 'restart, upgrade, stop'
settings MAXCONNECTIONS=500 BABELPORT=
random_pubkeys 50 >"$work/keys"
ask_on "$work/keys"
for _ in 1 2 3; do
	make -s install SUPERVISOR=socat >"$work/output"
	sleep 0.5
done
all_answered '50 nodes, while it was upgraded'
# socat holds the socket itself: whoever comes between its end and its start is refused.
ask_on "$work/keys"
stop_broker
await 60 is_gone
sleep 0.5
start_broker
ask_off '50 nodes, while it was restarted'
like "$(of_asked other)" '^\{("Connection(Refused|Reset)Error":[0-9]+,?)*\}$' \
	'restarted, it sends away who comes at that moment, but leaves nobody waiting'
test_survival
test_uninstall
done_testing
