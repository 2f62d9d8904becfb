#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# The file for node_exporter's textfile collector: from the timer, whole at any moment, and kept when
# broker-admin fails. With what cron would run, too.

supervisor=systemd
source tests/supervisor.sh

# As Debian's prometheus-node-exporter has it.
folder=/var/lib/prometheus/node-exporter
file=$folder/wg-broker.prom

# value FILE SAMPLE: what node_exporter's parser, that of Prometheus, would read.
value() {
	python3 - "$@" <<-'END'
		import sys
		from prometheus_client.parser import text_string_to_metric_families
		with open(sys.argv[1], encoding="ascii") as file:
		    families = list(text_string_to_metric_families(file.read()))
		for family in families:
		    for sample in family.samples:
		        labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
		        if f"{sample.name}{{{labels}}}" == sys.argv[2]:
		            print(int(sample.value))
	END
}
waiting_is() { [[ $(value "$file" 'wg_broker_peers{state="waiting"}') == "$1" ]]; }
# run_now: the service; systemd starts one no more than five times in ten seconds.
run_now() { systemctl reset-failed wg-broker-metrics.service 2>/dev/null; systemctl start wg-broker-metrics.service; }
inode() { stat -c %i "$file"; }
is_another() { [[ $(inode) != "$1" ]]; }
# What reads the file again and again, until there is a file "stop"; prints how often it was another
# one, and each that was not whole.
reader='
import os, sys
seen = set()
while not os.path.exists(sys.argv[2]):
    with open(sys.argv[1], encoding="ascii") as file:
        seen.add(os.fstat(file.fileno()).st_ino)
        text = file.read()
    if not text.startswith("# HELP wg_broker_info ") or "\nwg_broker_daemon_interfaces_down{" not in text \
            or not text.endswith("\n"):
        print(f"not whole: {text!r}")
print("replaced" if len(seen) > 1 else "the same")'
# run_failing: the service, with a configuration that is a mistake.
run_failing() {
	settings MAXCONNECTIONS=x
	! run_now
}

ok 'it is installed by the lines that make install prints' install_broker
settings MAXCONNECTIONS=3 BABELPORT=33123
is "$(systemctl is-enabled wg-broker-metrics.timer 2>&1)" disabled 'nothing of it runs before it is asked for'
is "$(systemd-analyze verify --man=no /usr/local/lib/systemd/system/wg-broker-metrics.{service,timer} 2>&1)" '' \
	'systemd-analyze verify has nothing to say'
# 0.2 of it for root.
ok 'the exposure of the service is 1.7 or less' systemd-analyze security --threshold=17 wg-broker-metrics.service
diag "$(systemd-analyze security wg-broker-metrics.service | tail -n 1)"

mark_log
ok 'without the folder it fails' eval '! systemctl start wg-broker-metrics.service'
like "$(journal_since '._SYSTEMD_UNIT == "wg-broker-metrics.service"')" "^3 .*cannot create $file.new: " \
	'and the log says why'
systemctl reset-failed
install -d "$folder"

diag 'the timer'
python3 -c "$babel_listener" >"$work/babel" &
jobs+=($!)
await 30 grep -q ready "$work/babel"
systemctl enable --now wg-broker-metrics.timer 2>/dev/null
ok 'the file appears' wait_for 60 test -e "$file"
is "$(value "$file" 'wg_broker_slots{}')" 3 'and has the metrics of this gateway'
is "$(value "$file" 'wg_broker_daemon_up{daemon="babeld"}')" 1 'the sandbox lets it ask babeld'
is "$(stat -c '%U %a' "$file")" 'root 644' 'node_exporter may read it'
add_node a 1
ask_from a "$(make_key a)" >"$work/reply"
ok 'within a minute a new node is in it' wait_for 75 waiting_is 1
is "$(ls "$folder")" wg-broker.prom 'there is no other file'

diag 'a reader meanwhile'
python3 -c "$reader" "$file" "$work/stop" >"$work/read" 2>&1 &
reading=$!
for _ in {1..15}; do run_now; done
touch "$work/stop"
wait "$reading"
is "$(<"$work/read")" replaced 'the file is replaced, and whole whenever it is read'

diag 'failures'
before=$(inode) content=$(<"$file")
mark_log
ok 'a mistake in the configuration: the service fails' run_failing
is "$(inode) $(<"$file")" "$before $content" 'the old file stays as it was, and so tells its age'
is "$(ls "$folder")" wg-broker.prom 'nothing else is left'
like "$(journal_since '._SYSTEMD_UNIT == "wg-broker-metrics.service"')" '^3 .*MAXCONNECTIONS must be' 'the log says why'
settings MAXCONNECTIONS=3 BABELPORT=33123
ok 'the mistake is gone: the timer writes again' wait_for 75 is_another "$before"
systemctl stop wg-broker-metrics.timer

diag 'the sandbox'
mkdir /etc/systemd/system/wg-broker-metrics.service.d
cat >/etc/systemd/system/wg-broker-metrics.service.d/try.conf <<END
[Service]
ExecStart=
ExecStart=/bin/sh -c '{ grep ^Cap /proc/self/status; cat $etc/secret; touch /var/lib/x /etc/x; } >$folder/said 2>&1'
SuccessExitStatus=1
END
systemctl daemon-reload
systemctl start wg-broker-metrics.service
is "$(sed -n 's/^Cap\(Prm\|Eff\|Bnd\|Amb\):\t/\1 /p' "$folder/said" | sort | paste -sd ' ')" \
	'Amb 0000000000000000 Bnd 0000000000001000 Eff 0000000000001000 Prm 0000000000001000' \
	'root has CAP_NET_ADMIN and nothing else'
is "$(grep -c "$etc/secret: Permission denied" "$folder/said")" 1 'and cannot read the private key'
is "$(grep -cE "touch: .*'/(var/lib|etc)/x': Read-only file system" "$folder/said")" 2 'nor write elsewhere'
rm -r /etc/systemd/system/wg-broker-metrics.service.d "$folder/said"
systemctl daemon-reload

diag 'another broker, and cron'
mkdir "$etc/40100"
printf '%s\n' MAXCONNECTIONS=7 BABELPORT= IFPREFIX=mesh2- IFGROUP=40100 >"$etc/40100/config"
systemctl start wg-broker-metrics@40100.timer
ok 'it has a file of its own' wait_for 60 test -e "$folder/wg-broker-40100.prom"
is "$(value "$folder/wg-broker-40100.prom" 'wg_broker_slots{broker="40100"}')" 7 'with a label that tells them apart'
rm "$file"
ok 'the line of cron works' sh -c "set -e; $(sed -n 's/^\* .* root //p' contrib/prometheus/wg-broker-metrics.cron)"
is "$(value "$file" 'wg_broker_slots{}')" 3 'and writes the same'

diag 'the end'
systemctl disable --now wg-broker.socket wg-broker-prune.timer 2>/dev/null
systemctl stop wg-broker.service
ok 'make uninstall says what still runs' eval '! make -s uninstall SUPERVISOR=systemd 2>"$work/said"'
like "$(<"$work/said")" 'systemctl disable --now wg-broker-metrics@40100.timer' 'in a line to run'
systemctl disable --now wg-broker-metrics@40100.timer wg-broker-metrics.timer 2>/dev/null
rm -r "$etc/40100"
test_uninstall
done_testing
