# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2317,SC2329 # many functions are called by wait_for and ok
# The load that each supervisor must bear. Set $supervisor and source this, then test_load.

# shellcheck source=tests/supervisor.sh
source "${BASH_SOURCE[0]%/*}/supervisor.sh"

: "${TEST_NODES:=1000}" "${TEST_SILENT:=2000}"
# A node waits 10 s for its reply, and so it does here under systemd. The machine is one processor at
# 1 ns an instruction, and the nodes run on it, too: under the others, where a request costs more, it
# counts as half as fast as a real one. The service's own times are as they are installed.
patience=2
[[ $supervisor != systemd ]] || patience=1

# As README has it for a gateway with hundreds of nodes, and a babeld. That needs an interface of
# its own to start.
prepare_gateway() {
	install -m 0644 contrib/gateway/60-wg-broker.conf /etc/sysctl.d
	install -m 0644 contrib/gateway/70-wg-broker.rules /etc/udev/rules.d
	udevadm control --reload
	sysctl -q -p /etc/sysctl.d/60-wg-broker.conf
	ip link add mesh0 type dummy
	ip link set mesh0 up
	printf '%s\n' 'local-port-readwrite 33123' 'skip-kernel-setup true' \
		'redistribute local deny' 'interface mesh0' >/etc/babeld.conf
	systemctl restart babeld
	await 20 eval 'dump | grep -qx ok'
}

dump() { { printf 'dump\n' && sleep 0.5; } | socat -t 5 - 'TCP6:[::1]:33123'; }
babel_knows() { dump | grep -c "^add interface ${prefix}[0-9]* up true"; }
babel_knows_all() { [[ $(babel_knows) == "$(count_interfaces)" ]]; }

# Two namespaces: crowd, in which each of 10.9.0.0/16 and 2001:db8:9::/48 is a node's address, and
# flood, with one address.
add_crowd() {
	add_node crowd 1
	add_node flood 2
	ip -n crowd route add local 10.9.0.0/16 dev lo
	ip -n crowd -6 route add local 2001:db8:9::/48 dev lo
	ip netns exec crowd sysctl -qw net.ipv6.ip_nonlocal_bind=1
	ip route add 10.9.0.0/16 via 192.0.2.11
	ip -6 route add 2001:db8:9::/48 via 2001:db8::11
}

# by_crowd FIRST OPTION...: what load.py does, half by IPv4 and half by IPv6. The sources of two
# runs do not meet if FIRST differs by 8.
by_crowd() {
	local first=$1
	shift
	ip netns exec crowd tests/load.py -H 192.0.2.1 -s "10.9.$first.0" -H 2001:db8::1 \
		-s "2001:db8:9:$(printf %x $((first * 256)))::1" "$@"
}

# Samples, until killed: the most tasks there were, and the least memory available in kB.
sample() {
	exec python3 - "$work/peaks" <<-'END'
		import sys, time
		tasks, memory = 0, 1 << 40
		while True:
		    now = int(open("/proc/loadavg").read().split()[3].split("/")[1])
		    available = next(int(line.split()[1]) for line in open("/proc/meminfo")
		                     if line.startswith("MemAvailable"))
		    if now > tasks or available < memory:
		        tasks, memory = max(tasks, now), min(memory, available)
		        with open(sys.argv[1], "w") as out:
		            print(tasks, memory, file=out)
		    time.sleep(0.05)
	END
}

sample_start() {
	rm -f "$work/peaks"
	sample &
	sampler=$!
	await 60 test -s "$work/peaks"
	read -r tasks_before memory_before <"$work/peaks"
}

# sample_end WHAT: prints the peaks, and leaves them in tasks_peak and memory_peak.
sample_end() {
	local tasks memory
	kill "$sampler"
	wait "$sampler"
	read -r tasks memory <"$work/peaks"
	tasks_peak=$((tasks - tasks_before)) memory_peak=$(((memory_before - memory) / 1024))
	diag "$1: at most $tasks_peak tasks and $memory_peak MiB more than before"
}

# These nodes never shake hands, and so would be pruned in the midst of it: no timer.
configure_broker() {
	settings MAXCONNECTIONS=2000 ENDPORT=42000
	[[ $supervisor != systemd* ]] || systemctl stop wg-broker-prune.timer
}

field() { jq -r ".$1" "$work/result"; }
distinct_ports() { cut -d ' ' -f 2 "$@" | sort -u | wc -l; }

# flood_start COMMAND...: connections that send nothing. flood_end waits for their end, which is the
# service's doing.
flood_start() {
	"$@" -S "$TEST_SILENT" >"$work/flood" 2>&1 &
	flood_pid=$!
	await 60 grep -q begun "$work/flood"
}

flood_end() {
	wait "$flood_pid"
	is $? 0 "$1: all silent connections were ended"
	diag "the silent connections: $(tail -n 1 "$work/flood")"
	ok "$1: no handler remains" wait_for 60 no_handlers
}

# test_flood_of_one: from one address. Meanwhile honest nodes ask one after the other.
test_flood_of_one() {
	random_pubkeys 25 >"$work/honest"
	flood_start ip netns exec flood tests/load.py -o -H 192.0.2.1 -s 192.0.2.12
	by_crowd 200 -k "$work/honest" -q -r 0.2 >"$work/result"
	diag "25 nodes while one source has $TEST_SILENT silent connections: $(<"$work/result")"
	is "$(field answered)" 25 "one silent source: 25 of 25 nodes are answered"
	ok 'one silent source: half of them within 0.2 s' jq -e '.median <= 0.2' "$work/result"
	flood_end 'one silent source'
}

# test_flood_of_many: each from a source of its own, half IPv4 and half IPv6, and all are there
# when honest nodes ask. broker-accept has them wait until a handler has given up a silent one; the
# other supervisors turn them away, or have them wait for longer than they do.
test_flood_of_many() {
	random_pubkeys 25 >"$work/honest"
	flood_start by_crowd 100
	sleep 3
	by_crowd 208 -k "$work/honest" >"$work/result"
	diag "25 nodes while as many sources have $TEST_SILENT silent connections: $(<"$work/result")"
	[[ $supervisor != systemd ]] ||
		is "$(field answered)" 25 "$TEST_SILENT silent sources: 25 of 25 nodes are answered within 10 s"
	flood_end "$TEST_SILENT silent sources"
	is "$(tail -n 1 "$work/flood" | jq .open)" "$TEST_SILENT" 'so many there were'
	by_crowd 208 -k "$work/honest" >"$work/result"
	is "$(field answered)" 25 'afterwards 25 of 25 nodes are answered'
}

# test_rest: nothing failed, nothing is left over or missing, and it goes on.
test_rest() {
	local expected=$TEST_NODES
	ok 'no handler remains' wait_for 60 no_handlers
	is "$(count_interfaces)" "$expected" 'no interface is missing or left over'
	# An altname of a key is longer than what else there may be.
	is "$(ip -j link show group 40000 | jq '[.[] | select(.ifname and
		([.altnames[] | select(length > 50)] | length != 1))] | length')" 0 \
		'each bears one key'
	is "$(wg show all listen-port | cut -f 2 | sort -u | wc -l)" "$expected" 'each has a port of its own'
	by_crowd 0 -k <(head -n 2 "$work/crowd") >"$work/result"
	is "$(field answered)" 2 'the service is up'
	is "$(systemctl --failed --no-legend)" '' 'no failed units'
}

# test_crowd TRIES: all ask at once. In the field those without an answer ask again five minutes
# later, when no handler is left of the first try; that is waited for instead of the time.
test_crowd() {
	local try
	random_pubkeys "$TEST_NODES" >"$work/crowd"
	cp "$work/crowd" "$work/waiting"
	: >"$work/answered"
	for ((try = 1; try <= $1; try++)); do
		by_crowd 0 -k "$work/waiting" -f "$patience" -a "$work/now" >"$work/result"
		diag "try $try of $TEST_NODES nodes at once: $(<"$work/result")"
		cat "$work/now" >>"$work/answered"
		grep -vFf <(cut -d ' ' -f 1 "$work/answered") "$work/crowd" >"$work/waiting" || break
		await 290 no_handlers
	done
	is "$(wc -l <"$work/answered")" "$TEST_NODES" "$TEST_NODES of $TEST_NODES nodes are answered, tries: $1"
	is "$(distinct_ports "$work/answered")" "$TEST_NODES" 'no port is given twice'
	local begun=$SECONDS
	ok 'babeld knows all interfaces within 30 s' wait_for 30 babel_knows_all
	diag "babeld knows $(babel_knows), $((SECONDS - begun)) s after the last reply"
}

# test_load [TRIES]: in how many tries all nodes must have their answer.
test_load() {
	prepare_gateway
	ok 'it is installed' install_broker
	[[ $supervisor != socat ]] || ok 'the firewall example is loaded' nft -f contrib/nftables/wg-broker.nft
	ok 'it listens' wait_for 60 listens
	configure_broker
	add_crowd
	sample_start
	test_flood_of_one
	sample_end 'one silent source'
	test_flood_of_many
	# As after a reboot: babeld has none.
	/usr/local/sbin/broker-admin flush 2>"$work/output"
	await 60 eval '[[ $(count_interfaces) == 0 ]]'
	sample_start
	test_crowd "${1:-1}"
	sample_end "$TEST_NODES nodes"
	test_rest
}
