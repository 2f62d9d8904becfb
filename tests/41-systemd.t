#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 2048 --timeout 600
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# systemd's socket activation: installation, a tunnel by IPv4 and IPv6, the sandbox, the journal.

supervisor=systemd
source tests/supervisor.sh

instances() { systemctl list-units --all --no-legend --plain 'wg-broker@*' | awk '{print $1}'; }
no_instances() { [[ ! $(instances) ]]; }
# What systemd itself says of instances.
systemd_since() { journal_since '(.UNIT // "" | startswith("wg-broker@")) and ._PID == "1"'; }

test_installation
is "$(systemctl is-active wg-broker.socket wg-broker-prune.timer | paste -sd ' ')" 'active active' \
	'the socket and the timer are active'
like "$(systemctl list-timers --no-legend wg-broker-prune.timer)" '^[A-Z][a-z]{2} [0-9]{4}-' \
	'and the next prune has its time'

diag 'systemd-analyze'
is "$(systemd-analyze verify --man=no /lib/systemd/system/wg-broker{.socket,@.service,-prune.service,-prune.timer} 2>&1)" \
	'' 'systemd-analyze verify has nothing to say'
for unit in wg-broker@1.service wg-broker-prune.service; do
	ok "the exposure of $unit is 1.5 or less" systemd-analyze security --threshold=15 "$unit"
	diag "$(systemd-analyze security "$unit" | tail -n 1)"
done
ok 'prune runs in its sandbox' systemctl start wg-broker-prune.service
is "$(count_interfaces)" 2 'prune left the live interfaces'

diag 'log lines, states, exit codes'
mark_log
ask_from a "$(wg pubkey <"$work/a.key")" >"$work/reply"
wait_for 60 no_instances
like "$(log_since)" '^5 accepted 192.0.2.11: interface wgpeer[12], port 4000[01], known$' \
	'an accepted request is one line of priority notice'
is "$(journalctl -u 'wg-broker@*' -n 1 -o json | jq -r '"\(.SYSLOG_IDENTIFIER) \(._UID)"')" \
	"broker-handler $(id -u wg-broker)" 'its fields name the program and the user'
is "$(code_of "$(ask_from a "$(new_pubkey)" 2001:db8::1)")" 1 'a node too many is refused'
wait_for 60 no_instances
is "$(log_since | tail -n +2)" '4 refused 2001:db8::11: all slots are taken' \
	'a refused request is one line of priority warning'
ip netns exec a tests/client.py -t 100 -H 192.0.2.1 -x 'nonsense\n' >"$work/reply"
wait_for 60 no_instances
is "$(log_since | tail -n +3)" '5 refused 192.0.2.11: malformed request: not a request' \
	'a malformed request is one line of priority notice'
is "$(systemd_since)" '' 'systemd itself says nothing of these three: all ended with 0'

mark_log
delete_interfaces
chmod 444 "$etc/secret"
is "$(code_of "$(ask_from b "$(new_pubkey)")")" 6 'with a key file that others can read, a node gets code 6'
chmod 400 "$etc/secret"
wait_for 60 no_instances
like "$(log_since)" $'^3 unable to read the private key /etc/wg-broker/secret: [^\n]*chmod[^\n]*\n3 failed 192.0.2.12' \
	'the log says what to do, with priority err'
like "$(systemd_since)" 'code=exited, status=78/CONFIG' 'systemd tells the exit code'
ok 'no instance remains, failed or not' no_instances
is "$(systemctl --failed --no-legend)" '' 'no failed units'
is "$(systemctl is-active wg-broker.socket)" active 'the socket is active'

settings MAXCONNECTIONS=2
listener='
import socket
server = socket.create_server(("::1", 33123), family=socket.AF_INET6)
print("ready", flush=True)
while True:
    peer = server.accept()[0]
    peer.sendall(b"BABEL 1.0\nversion x\nok\n")
    for line in peer.makefile():
        print(line, end="", flush=True)
        peer.sendall(b"ok\n")
'
python3 -c "$listener" >"$work/babel" &
babel=$!
wait_for 30 grep -q ready "$work/babel"
port=$(port_of "$(ask_from a "$(wg pubkey <"$work/a.key")")")
tunnel a "$port"
name=$(interface_of "$(wg pubkey <"$work/a.key")")
ok 'the sandbox lets the handler speak to babeld on ::1' wait_for 60 grep "interface $name" "$work/babel"
kill "$babel"

diag 'restart, upgrade, stop'
wait_for 60 has_handshake "$name"
test_survival
systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
test_uninstall
done_testing
