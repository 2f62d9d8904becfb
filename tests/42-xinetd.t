#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 2048 --timeout 600
# xinetd: installation, a tunnel by IPv4 and IPv6, privileges, syslog, exit codes.

supervisor=xinetd
source tests/supervisor.sh

test_installation
diag 'log lines, exit codes'
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

diag 'restart, upgrade, stop'
test_survival
test_uninstall
done_testing
