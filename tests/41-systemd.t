#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# systemd: installation, a tunnel by IPv4 and IPv6, the sandbox, the journal.

supervisor=systemd
source tests/supervisor.sh

status_text() { systemctl show -P StatusText wg-broker.service; }
is_status() { [[ $(status_text) == "$1" ]]; }
are_active() { systemctl -q is-active wg-broker.socket && systemctl -q is-active wg-broker.service; }

test_installation
is "$(systemctl is-active wg-broker.socket wg-broker.service wg-broker-prune.timer | paste -sd ' ')" \
	'active active active' 'the socket, the service and the timer are active'
like "$(systemctl list-timers --no-legend wg-broker-prune.timer)" '^[A-Z][a-z]{2} [0-9]{4}-' \
	'and the next prune has its time'
is "$(stat -c %U "/proc/$(supervisor_pid)")" wg-broker 'broker-accept is not root'

diag 'systemd-analyze'
is "$(systemd-analyze verify --man=no /usr/local/lib/systemd/system/wg-broker{.socket,.service,-prune.service,-prune.timer} 2>&1)" \
	'' 'systemd-analyze verify has nothing to say'
for unit in wg-broker.service wg-broker-prune.service; do
	ok "the exposure of $unit is 1.5 or less" systemd-analyze security --threshold=15 "$unit"
	diag "$(systemd-analyze security "$unit" | tail -n 1)"
done
ok 'prune runs in its sandbox' systemctl start wg-broker-prune.service
is "$(count_interfaces)" 2 'prune left the live interfaces'

[[ ! ${TEST_BRIEFLY-} ]] || systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
end_briefly
diag 'log lines, states, exit codes'
test_outcomes
is "$(journalctl -u wg-broker -n 1 -o json | jq -r '"\(.SYSLOG_IDENTIFIER) \(._UID)"')" \
	"wg-broker $(id -u wg-broker)" 'the fields of a line name the broker and the user'
is "$(systemctl --failed --no-legend)" '' 'no failed units'
ip netns exec a tests/client.py -H 192.0.2.1 -t 60 -x '{' >"$work/held" &
client=$!
ok 'systemctl status shows how many handlers run' \
	wait_for 60 is_status 'handlers running: 1 of 1024; connections turned away: 0'
kill "$client"
await 60 no_handlers

settings MAXCONNECTIONS=2
delete_interfaces
test_babel

diag 'restart, upgrade, stop'
await 60 has_handshake "$name"
test_survival

diag 'what may befall the service'
start_broker
settings MAXCONNECTIONS=500 BABELPORT=
new_pubkey >"$work/keys"
mv /usr/local/sbin/broker-accept "$work"
systemctl restart wg-broker.service 2>/dev/null
sleep 10
is "$(systemctl is-active wg-broker.socket)" active 'the socket outlives a service that cannot start'
mv "$work/broker-accept" /usr/local/sbin
is "$(port_of "$(ask_from a "$(head -n 1 "$work/keys")")")" "$(wg show "$(interface_of "$(head -n 1 "$work/keys")")" listen-port)" \
	'which serves as soon as it can'
ok 'the socket can be restarted' systemctl restart wg-broker.socket
ok 'and the service with it' wait_for 60 are_active

systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
test_uninstall
done_testing
