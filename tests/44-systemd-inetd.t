#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# systemd with an instance for each connection: installation, a tunnel by IPv4 and IPv6, the journal.

supervisor=systemd-inetd
source tests/supervisor.sh

instances() { systemctl list-units --all --no-legend --plain 'wg-broker-inetd@*' | awk '{print $1}'; }
no_instances() { [[ ! $(instances) ]]; }
# What systemd itself says of instances.
systemd_since() { journal_since '(.UNIT // "" | startswith("wg-broker-inetd@")) and ._PID == "1"'; }

test_installation
is "$(systemctl is-active wg-broker-inetd.socket wg-broker-prune.timer | paste -sd ' ')" 'active active' \
	'the socket and the timer are active'
like "$(systemctl list-timers --no-legend wg-broker-prune.timer)" '^[A-Z][a-z]{2} [0-9]{4}-' \
	'and the next prune has its time'

diag 'systemd-analyze'
is "$(systemd-analyze verify --man=no /usr/local/lib/systemd/system/wg-broker{-inetd.socket,-inetd@.service,.slice} 2>&1)" \
	'' 'systemd-analyze verify has nothing to say'
diag "$(systemd-analyze security wg-broker-inetd@1.service | tail -n 1)"
ok 'prune runs in its sandbox' systemctl start wg-broker-prune.service
is "$(count_interfaces)" 2 'prune left the live interfaces'

diag 'log lines, states, exit codes'
mark_log
ask_from a "$(wg pubkey <"$work/a.key")" >"$work/reply"
await 60 no_instances
like "$(log_since)" '^5 accepted 192.0.2.11: interface '"$prefix"'[12], port 4000[01], known(, key .{8})?$' \
	'an accepted request is one line of priority notice'
is "$(journalctl -u 'wg-broker-inetd@*' -n 1 -o json | jq -r '"\(.SYSLOG_IDENTIFIER) \(._UID)"')" \
	"wg-broker $(id -u wg-broker)" 'its fields name the program and the user'
is "$(code_of "$(ask_from a "$(new_pubkey)" 2001:db8::1)")" 1 'a node too many is refused'
await 60 no_instances
like "$(log_since | tail -n +2)" '^4 refused 2001:db8::11: all slots are taken(, key .{8})?$' \
	'a refused request is one line of priority warning'
ip netns exec a tests/client.py -t 100 -H 192.0.2.1 -x 'nonsense\n' >"$work/reply"
await 60 no_instances
is "$(log_since | tail -n +3)" '5 refused 192.0.2.11: malformed request: not a request' \
	'a malformed request is one line of priority notice'
is "$(systemd_since)" '' 'systemd itself says nothing of these three: all ended with 0'

mark_log
delete_interfaces
chmod 444 "$etc/secret"
is "$(code_of "$(ask_from b "$(new_pubkey)")")" 6 'with a key file that others can read, a node gets code 6'
chmod 400 "$etc/secret"
await 60 no_instances
like "$(log_since)" "$(bad_key_line 192.0.2.12)" \
	'the log says what to do, with priority err'
like "$(systemd_since)" 'code=exited, status=78/CONFIG' 'systemd tells the exit code'
ok 'no instance remains, failed or not' no_instances
is "$(systemctl --failed --no-legend)" '' 'no failed units'
is "$(systemctl is-active wg-broker-inetd.socket)" active 'the socket is active'

settings MAXCONNECTIONS=2
test_babel

diag 'restart, upgrade, stop'
await 60 has_handshake "$name"
test_survival
systemctl disable --now wg-broker-inetd.socket wg-broker-prune.timer 2>/dev/null
test_uninstall
done_testing
