#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# xinetd: installation, a tunnel by IPv4 and IPv6, privileges, syslog, exit codes, limits, upgrades.

supervisor=xinetd
source tests/supervisor.sh

test_installation
diag 'log lines, exit codes'
end_briefly
test_outcomes
test_cron

diag 'a burst'
python3 - >"$work/output" <<'END'
import socket
socks = [socket.create_connection(("127.0.0.1", 40000), source_address=("127.0.0.%d" % (2 + i), 0)) for i in range(150)]
for sock in socks:
    sock.sendall(b"{}\n")
print(sum(sock.makefile("rb").readline().startswith(b"{") for sock in socks))
END
is "$(<"$work/output")" 150 'a burst of 150 is answered to the last'
ok 'and does not switch the service off' listens

diag 'limits'
mark_log
is "$(connect 70 127.0.9.1)" '64 6' 'of 70 connections of one source 64 are served, and 6 closed'
await 60 no_handlers
is "$(journal_since '.SYSLOG_IDENTIFIER == "xinetd"')" '' 'xinetd says nothing of them: no flood of lines'

diag 'restart, upgrade, stop'
settings MAXCONNECTIONS=500 BABELPORT=
random_pubkeys 50 >"$work/keys"
ask_on "$work/keys"
for _ in 1 2 3; do
	make -s install SUPERVISOR=xinetd >"$work/output"
	service xinetd reload >"$work/output"
	sleep 0.5
done
all_answered '50 nodes, while it was upgraded and reloaded'
# xinetd holds the socket itself: whoever comes between its end and its start is refused.
ask_on "$work/keys"
service xinetd restart >"$work/output"
sleep 0.5
ask_off '50 nodes, while it was restarted'
like "$(of_asked other)" '^\{("Connection(Refused|Reset)Error":[0-9]+,?)*\}$' \
	'restarted, it sends away who comes at that moment, but leaves nobody waiting'
test_survival
test_uninstall
done_testing
