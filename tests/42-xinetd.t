#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 2048 --timeout 600
# xinetd: installation, a tunnel by IPv4 and IPv6, privileges, syslog, exit codes.

supervisor=xinetd
source tests/supervisor.sh

modprobe -r wireguard
ok 'it is installed and started by the lines that make install prints' install_broker
settings MAXCONNECTIONS=2
is "$(stat -c '%U %a' "$etc/secret")" 'wg-broker 400' 'the key is readable to its user alone'
ok 'it listens' wait_for 60 listens
is "$(lsmod | grep -c '^wireguard ')" 0 'the module wireguard is not loaded yet'
test_tunnel a 1 192.0.2.1
is "$(lsmod | grep -c '^wireguard ')" 1 'the kernel has loaded it'
test_tunnel b 2 2001:db8::1
test_process $'0 socket\n1 socket\n2 socket'
diag 'log lines, exit codes'
test_outcomes
prune=$(sed -n 's/^\*.* root //p' /etc/cron.d/wg-broker-prune)
ok 'the line of cron works' sh -c "set -e; $prune"
is "$(count_interfaces)" 2 'prune left the live interfaces'

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
