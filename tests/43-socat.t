#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 2048 --timeout 600
# socat: installation, a tunnel by IPv4 and IPv6, privileges, syslog, exit codes.

supervisor=socat
source tests/supervisor.sh

test_installation
is "$(stat -c %U "/proc/$(socat_pid)")" wg-broker 'socat itself is not root either'
diag 'log lines, exit codes'
test_outcomes
test_cron
diag 'restart, upgrade, stop'
test_survival
test_uninstall
done_testing
