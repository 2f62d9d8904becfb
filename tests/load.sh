# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The load that each supervisor must bear. Set $supervisor and source this, then test_load.

# shellcheck source=tests/supervisor.sh
source "${BASH_SOURCE[0]%/*}/supervisor.sh"

: "${TEST_NODES:=1000}" "${TEST_SILENT:=2000}"

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

# by_crowd KEYS FIRST [OPTION...]: the nodes of these keys ask at once, half of them by IPv6.
by_crowd() {
	local keys=$1 first=$2
	shift 2
	ip netns exec crowd tests/load.py -H 192.0.2.1 -s "10.9.$first.0" -H 2001:db8::1 \
		-s "2001:db8:9:$(printf %x $((first * 256)))::1" -f "$factor" -k "$keys" "$@"
}

# Samples, until killed: the most tasks there were, and handlers, and the least memory available in
# kB. Rests ten times as long as it works, since with a thousand handlers that is a lot.
sample() {
	exec python3 - "$work/peaks" <<-'END'
		import glob, sys, time
		tasks = handlers = 0
		memory = 1 << 40
		while True:
		    begun = time.monotonic()
		    tasks = max(tasks, int(open("/proc/loadavg").read().split()[3].split("/")[1]))
		    names = []
		    for path in glob.glob("/proc/[0-9]*/comm"):
		        try:
		            names.append(open(path).read().strip())
		        except OSError:
		            pass
		    handlers = max(handlers, names.count("broker-handler"))
		    available = next(int(line.split()[1]) for line in open("/proc/meminfo")
		                     if line.startswith("MemAvailable"))
		    memory = min(memory, available)
		    with open(sys.argv[1], "w") as out:
		        print(tasks, handlers, memory, file=out)
		    time.sleep(10 * (time.monotonic() - begun))
	END
}

sample_start() {
	sample &
	sampler=$!
	wait_for 60 test -s "$work/peaks"
	read -r tasks_before _ memory_before <"$work/peaks"
}

# sample_end WHAT: prints the peaks, and leaves them in tasks_peak, handlers_peak, memory_peak.
sample_end() {
	kill "$sampler"
	wait "$sampler"
	local tasks memory
	read -r tasks handlers_peak memory <"$work/peaks"
	tasks_peak=$((tasks - tasks_before)) memory_peak=$(((memory_before - memory) / 1024))
	diag "$1: at most $tasks_peak tasks, of these $handlers_peak handlers, and $memory_peak MiB more than before"
	rm "$work/peaks"
}

# scale_limits: what the service allows, as much longer as the machine is slower. These nodes never
# shake hands, and so would be pruned in the midst of it: no timer.
scale_limits() {
	settings MAXCONNECTIONS=2000 ENDPORT=42000 "TIMEOUT=$((10 * factor))"
	case $supervisor in
	systemd)
		systemctl stop wg-broker-prune.timer
		mkdir -p /etc/systemd/system/wg-broker@.service.d
		printf '[Service]\nRuntimeMaxSec=%d\nTimeoutStopSec=%d\n' $((30 * factor)) "$factor" \
			>/etc/systemd/system/wg-broker@.service.d/slow.conf
		systemctl daemon-reload
		;;
	xinetd)
		sed -i "s/rlimit_cpu.*/rlimit_cpu = $((10 * factor))/" /etc/xinetd.d/wg-broker
		service xinetd restart
		;;
	esac
}

field() { jq -r ".$1" "$work/result"; }
distinct_ports() { cut -d ' ' -f 2 "$@" | sort -u | wc -l; }

# test_flood: connections that send nothing, from one address, while others ask. Goes on in the
# background; test_flood_end waits for its end.
test_flood() {
	random_pubkeys 50 >"$work/honest"
	ip netns exec flood tests/load.py -H 192.0.2.1 -s 192.0.2.12 -S "$TEST_SILENT" >"$work/flood" 2>&1 &
	flood_pid=$!
	wait_for 60 grep -q begun "$work/flood"
	by_crowd "$work/honest" 200 -a "$work/answered" >"$work/result"
	diag "50 honest nodes in the flood: $(<"$work/result")"
	is "$(field answered)" 50 "50 honest nodes are served while $TEST_SILENT silent connections come"
	is "$(distinct_ports "$work/answered")" 50 'each with a port of its own'
}

test_flood_end() {
	wait "$flood_pid"
	is $? 0 'all silent connections were ended'
	diag "the silent connections: $(tail -n 1 "$work/flood")"
}

# test_crowd: all ask at once. Nodes in the field ask again after five minutes, when there is no
# handler left of the first try; that is waited for instead of the time.
test_crowd() {
	random_pubkeys "$TEST_NODES" >"$work/crowd"
	by_crowd "$work/crowd" 0 -a "$work/first" >"$work/result"
	diag "$TEST_NODES nodes at once, the machine $factor times slower: $(<"$work/result")"
	diag "$(jq -r '"in the first try \(.answered), \(.answered / .seconds * 10 | round / 10) a second"' \
		"$work/result")"
	ok 'the first try is over before the next' wait_for $((290 * factor)) no_handlers
	: >"$work/second"
	grep -vFf <(cut -d ' ' -f 1 "$work/first") "$work/crowd" >"$work/again"
	if [[ -s $work/again ]]; then
		by_crowd "$work/again" 0 -a "$work/second" >"$work/result"
		diag "the others once more: $(<"$work/result")"
	fi
	is "$(cat "$work/first" "$work/second" | wc -l)" "$TEST_NODES" \
		"each of $TEST_NODES nodes has its answer in the first or second try"
	is "$(distinct_ports "$work/first" "$work/second")" "$(cat "$work/first" "$work/second" | wc -l)" \
		'no port is given twice'
}

test_load() {
	ok 'it is installed' install_broker
	[[ $supervisor != socat* ]] || ok 'the firewall example is loaded' nft -f contrib/nftables/wg-broker.nft
	ok 'it listens' wait_for 60 listens
	scale_limits
	wait_for 60 listens
	add_crowd
	sample_start
	test_flood
	sample_end 'flood'
	ok 'the handlers were no more than 32 for the flood and 50 for the honest' \
		test "$handlers_peak" -le 82
	ok 'all tasks were less than 300 more' test "$tasks_peak" -lt 300
	ok 'memory was less than 200 MiB more' test "$memory_peak" -lt 200
	sample_start
	test_crowd
	sample_end 'crowd'
	ok 'the handlers were within the limit' test "$handlers_peak" -le 1024
	test_flood_end
	ok 'no handler remains' wait_for $((20 * factor)) no_handlers
	is "$(count_interfaces)" $((TEST_NODES + 50)) 'no interface is missing or left over'
	is "$(ip -j link show group 40000 | jq '[.[] | select(.ifname and (.altnames | length != 1))] | length')" 0 \
		'each bears one key'
	is "$(wg show all listen-port | cut -f 2 | sort -u | wc -l)" $((TEST_NODES + 50)) \
		'each has a port of its own'
	by_crowd <(head -n 2 "$work/crowd") 0 >"$work/result"
	is "$(field answered)" 2 'the service is up'
	[[ $supervisor != socat-service ]] || diag "memory that counts for the service," \
		"with the interfaces: $(systemctl show -P MemoryCurrent wg-broker-socat) bytes"
	if [[ $supervisor == systemd ]]; then
		is "$(systemctl --failed --no-legend)" '' 'no failed units'
		is "$(systemctl is-active wg-broker.socket)" active 'the socket is active'
		diag "control groups that died but are held: $(sed -n 's/nr_dying_descendants //p' /sys/fs/cgroup/cgroup.stat)"
	fi
}
