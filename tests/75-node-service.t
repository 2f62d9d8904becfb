#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# A laptop as a node, under systemd: as long as broker-connect@wgmesh runs there is a tunnel, and none
# once it is stopped; what fails is tried again, and not in haste.

# shellcheck disable=SC2317 # functions that are called by name
source tests/lib.sh
source tests/gateways.sh

unit=broker-connect@wgmesh
add_gateway gw1 1
gateway=192.0.2.11,${gateway_key[gw1]}
install -D "$connect" /usr/local/sbin/broker-connect
install -D -m 644 -t /etc/systemd/system contrib/systemd-node/broker-connect@.service
mkdir -p /etc/wg-broker
# node GATEWAY [OPTIONS]
node() { printf '%s="%s"\n' GATEWAYS "$1" OPTIONS "${2-}" >/etc/wg-broker/node-wgmesh.conf; }
there() { ip link show "${1:-wgmesh}"; }
connected() { [[ $(wg show "${1:-wgmesh}" latest-handshakes) == *$'\t'[1-9]* ]]; }
state() { systemctl show -P "$1" "$unit"; }
running() { pgrep -x 'sh|sleep|broker-connect' -g "$(cut -d ' ' -f 5 "/proc/$(state MainPID)/stat")"; }
failures() { journalctl -q -u "$unit" -o cat --grep 'unable to connect' | wc -l; }

ok 'the unit is sound' systemd-analyze verify --man=no "/etc/systemd/system/broker-connect@.service"
exposure=$(systemd-analyze security --no-pager "$unit" 2>/dev/null | tail -n 1)
diag "systemd-analyze security: ${exposure#*: }"
like "$exposure" ' [0-2]\.[0-9] OK' 'and its sandbox'
ok 'enabled' systemctl --quiet enable "$unit"
ok 'it is to start at boot' test -L "/etc/systemd/system/multi-user.target.wants/$unit.service"

node "$gateway" '-M 1300'
ok 'start' systemctl start "$unit"
ok 'it is connected' wait_for 30 connected
is "$(<"/sys/class/net/wgmesh/mtu")" 1300 'as OPTIONS says'
is "$(stat -c %a /etc/wg-broker/node.key)" 600 'with a private key of its own'
index=$(index_of wgmesh)
systemctl restart "$unit"
ok 'restarted, it is connected' wait_for 30 connected
unlike "$(index_of wgmesh)" "^$index\$" 'by a new interface'
systemctl kill --kill-whom=main --signal=KILL "$unit"
ok 'killed, it comes again' wait_for 60 eval '[[ $(state NRestarts) == 1 ]] && connected'
ok 'stop' systemctl stop "$unit"
ok 'the interface is gone' eval '! there'
is "$(state Result)" success 'and that is no failure'
ip link add wgmesh type bridge
systemctl start "$unit"
await 30 eval '(($(failures) > 0)) || journalctl -q -u "$unit" --grep "not an interface of ours"'
systemctl stop "$unit"
ok 'a bridge of that name is not ours to remove' there
ip link delete wgmesh

diag 'the gateway is full'
replies full 5 <<EOT
read -r _ || exit
echo asked >>$work/asked
echo '{"version":1,"error":{"code":1,"reason":"Remote peer is not accepting additional connections"}}'
EOT
node "192.0.2.15,${gateway_key[gw1]}"
systemctl start "$unit"
sleep 200
tries=$(wc -l <"$work/asked")
diag "$tries tries in 200 s"
ok 'it is asked again' test "$tries" -ge 4
ok 'but not in haste' test "$tries" -le 8
is "$(state ActiveState)" active 'which is no failure of the service'
systemctl stop "$unit"

diag 'no gateway answers'
node "$gateway"
ip -n gw1 link set eth0 down
systemctl start "$unit"
sleep 20
ip -n gw1 link set eth0 up
ok 'one answers: connected' wait_for 90 connected
systemctl stop "$unit"

diag 'all refuse'
replies refuses 4 <<EOT
read -r _ || exit
echo asked >>$work/refused
echo '{"version":1,"error":{"code":5,"reason":"public key not permitted"}}'
EOT
node "192.0.2.14,${gateway_key[gw1]}"
systemctl start "$unit"
ok 'a gateway refuses the node' wait_for 60 test -s "$work/refused"
sleep 150
is "$(wc -l <"$work/refused")" 1 'which is not asked again for some minutes'
systemctl restart "$unit"
ok 'but is at once if an operator says so' wait_for 30 eval '[[ $(wc -l <"$work/refused") == 2 ]]'
systemctl stop "$unit"

diag 'a mistake'
node 192.0.2.11,no-key
systemctl start "$unit"
ok 'it fails' wait_for 30 systemctl is-failed "$unit"
sleep 100
is "$(state NRestarts) $(state ExecMainStatus)" '0 64' 'and is not tried again'

diag 'two tunnels'
node "$gateway"
printf '%s\n' "GATEWAYS=$gateway" 'OPTIONS="-k /etc/wg-broker/node-mesh2.key"' >/etc/wg-broker/node-mesh2.conf
systemctl start "$unit" broker-connect@mesh2
ok 'both are connected' wait_for 60 eval 'connected && connected mesh2'
systemctl stop broker-connect@mesh2
ok 'one is stopped: it is gone' eval '! there mesh2'
ok 'the other is not' connected
systemctl stop "$unit"
done_testing
