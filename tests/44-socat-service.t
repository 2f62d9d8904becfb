#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 2048 --timeout 600
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# socat as a service of systemd: installation, a tunnel by IPv4 and IPv6, the sandbox, exit codes.

supervisor=socat-service
source tests/supervisor.sh

is_another() { [[ $(socat_pid) && $(socat_pid) != "$before" ]]; }

test_installation
is "$(stat -c %U "/proc/$(socat_pid)")" wg-broker 'socat itself is not root either'
is "$(systemctl is-active wg-broker-socat.service wg-broker-prune.timer | paste -sd ' ')" \
	'active active' 'the service and the timer are active'
is "$(systemd-analyze verify --man=no /lib/systemd/system/wg-broker-{socat,prune}.service 2>&1)" '' \
	'systemd-analyze verify has nothing to say'
ok 'its exposure is 1.5 or less' systemd-analyze security --threshold=15 wg-broker-socat.service
diag "$(systemd-analyze security wg-broker-socat.service | tail -n 1)"
diag 'log lines, exit codes'
test_outcomes
is "$(systemctl --failed --no-legend)" '' 'no failed units'
diag 'restart, upgrade, stop'
test_survival
start_broker
wait_for 60 listens
before=$(socat_pid)
kill "$before"
ok 'killed, it comes again by itself' wait_for 60 is_another
systemctl disable --now wg-broker-socat.service wg-broker-prune.timer 2>/dev/null
test_uninstall
done_testing
