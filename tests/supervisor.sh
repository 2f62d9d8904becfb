# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2317,SC2329 # many functions are called by wait_for and ok
# What the tests under real supervisors share. Set $supervisor to systemd, socat-service, xinetd
# or socat and source this; it needs systemd as process 1, if only for the journal.

# shellcheck source=tests/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

: "${supervisor:?}"
# The machine is emulated, and so many times slower than what it stands for: by so much all the
# times are longer, those that the nodes wait and those that the service allows them. A host that
# has other work needs more: TEST_FACTOR=60.
# shellcheck disable=SC2034 # for the tests
factor=${TEST_FACTOR:-20}

# install_broker: as an operator does, with the very lines that `make install` prints.
install_broker() {
	local printed
	printed=$(make -s install "SUPERVISOR=$supervisor") || return
	sed -n '/^To be done/,/# see that it works/p' <<<"$printed" | sed -n 's/^  \([^# ]\)/\1/p' \
		>"$work/steps"
	diag "the steps that make install printed:"
	sed 's/^/#   /' "$work/steps"
	# shellcheck source=/dev/null
	source "$work/steps" >"$work/output" 2>&1 </dev/null
}

# settings KEY=VALUE...: into the configuration.
settings() { printf '%s\n' "$@" >"$etc/config"; }

start_broker() {
	case $supervisor in
	systemd) systemctl start wg-broker.socket ;;
	socat-service) systemctl start wg-broker-socat.service ;;
	xinetd) service xinetd start ;;
	socat)
		wg-broker-socat &
		disown
		;;
	esac
}

stop_broker() {
	case $supervisor in
	systemd) systemctl stop wg-broker.socket ;;
	socat-service) systemctl stop wg-broker-socat.service ;;
	xinetd) service xinetd stop ;;
	# Its parent alone; the children finish what they do.
	socat) kill "$(socat_pid)" ;;
	esac
}

socat_pid() { ss -Hltnp 'sport = :40000' | sed -n 's/.*"socat",pid=\([0-9]*\).*/\1/p'; }
listens() { [[ $(ss -Hltn 'sport = :40000') ]]; }
is_gone() { ! listens; }
handlers() { pgrep -x broker-handler; }
no_handlers() { ! handlers; }

supervisor_pid() {
	case $supervisor in
	systemd) echo 1 ;;
	xinetd) pidof xinetd ;;
	socat*) socat_pid ;;
	esac
}

# ask_from NODE PUBKEY [HOST]: what the service replies to a node.
ask_from() {
	ip netns exec "$1" tests/client.py -t 100 -H "${3:-192.0.2.1}" "$2" | jq -r .reply
}

mark_log() {
	journalctl --sync
	cursor=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
}

# journal_since FILTER: the entries since mark_log that a filter of jq lets through, as "PRIORITY
# TEXT". (journalctl itself, given a match, leaves out the first entry after a cursor.)
journal_since() {
	journalctl --sync
	journalctl --after-cursor="$cursor" -o json | jq -r "select($1) | \"\(.PRIORITY) \(.MESSAGE)\""
}

# log_since: the handlers' lines.
log_since() { journal_since '.SYSLOG_IDENTIFIER == "broker-handler"'; }

# ping_start NODE ADDRESS, ping_loss: packets lost until now of a ping that runs on, or "none sent".
ping_start() {
	ip netns exec "$1" ping -i 0.2 "$2%wg0" >"$work/ping" 2>&1 &
	ping_pid=$!
}

ping_loss() {
	# One more after all that happened.
	local last
	last=$(grep -c 'bytes from' "$work/ping")
	wait_for 30 eval "((\$(grep -c 'bytes from' '$work/ping') > $last + 2))"
	kill -INT "$ping_pid"
	wait "$ping_pid"
	sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$work/ping" |
		awk '{ print ($1 > 9 ? $1 - $2 : "none sent"); sent = $1 } END { if (!NR) print "no result" }'
	sed -n 's/^\([0-9]* packets.*\)/# \1/p' "$work/ping" >&2
}

# The gateway's address in the tunnel of an interface.
link_local() { ip -j -6 addr show dev "$1" scope link | jq -r '.[0].addr_info[0].local'; }

# test_tunnel NODE NUMBER HOST: a node asks at the host and gets a working tunnel.
test_tunnel() {
	local node=$1 host=$3 key port name
	add_node "$node" "$2"
	key=$(make_key "$node")
	port=$(port_of "$(ask_from "$node" "$key" "$host")")
	like "$port" '^4[0-9]{4}$' "a node that asks at $host gets a port"
	name=$(interface_of "$key")
	tunnel "$node" "$port" "$host"
	ok "its tunnel works" wait_for 60 ip netns exec "$node" ping -c 1 -W 2 "$(link_local "$name")%wg0"
	ok "the gateway saw its handshake" wait_for 30 has_handshake "$name"
}

# test_installation: by the printed lines in a bare machine; then the nodes a and b have tunnels, one
# by IPv4 and one by IPv6, and what their handlers are is what it should be.
test_installation() {
	modprobe -r wireguard
	ok 'it is installed and started by the lines that make install prints' install_broker
	settings MAXCONNECTIONS=2
	is "$(stat -c '%U %a' "$etc/secret")" 'wg-broker 400' 'the key is readable to its user alone'
	ok 'it listens' wait_for 60 listens
	is "$(lsmod | grep -c '^wireguard ')" 0 'the module wireguard is not loaded yet'
	test_tunnel a 1 192.0.2.1
	is "$(lsmod | grep -c '^wireguard ')" 1 'the kernel has loaded it'
	test_tunnel b 2 2001:db8::1
	test_process
}

# test_cron: the line that prunes, without a timer of systemd's.
test_cron() {
	local prune
	prune=$(sed -n 's/^\*.* root //p' /etc/cron.d/wg-broker-prune)
	ok 'the line of cron works' sh -c "set -e; $prune"
	is "$(count_interfaces)" 2 'prune left the live interfaces'
}

# status_of PID FIELD
status_of() { awk -v field="$2:" '$1 == field { $1 = ""; print substr($0, 2) }' "/proc/$1/status"; }

# test_process: what a handler is while it waits for its node.
test_process() {
	local pid id
	id=$(id -u wg-broker)
	ok 'no handler runs without a node' wait_for 60 no_handlers
	ip netns exec a tests/client.py -H 192.0.2.1 -t 60 -x '{' >"$work/held" &
	wait_for 60 handlers || return
	# shellcheck disable=SC2016 # eval expands it
	wait_for 60 eval '[[ $(readlink /proc/$(pgrep -x broker-handler)/exe) == */broker-handler ]]'
	pid=$(handlers)
	is "$(status_of "$pid" Uid)" "$id $id $id $id" 'the handler is the user wg-broker, nothing of it is root'
	is "$(status_of "$pid" Gid)" "$(id -g wg-broker | sed 's/.*/& & & &/')" 'its group, too'
	is "$(status_of "$pid" Groups | tr -d ' ')" "$(id -g wg-broker | grep -Fx "$(status_of "$pid" Groups | tr -d ' ')")" \
		'it has no other groups'
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$(status_of "$pid" "$set")" 0000000000001000 "its $set is CAP_NET_ADMIN and nothing else"
	done
	is "$(status_of "$pid" NoNewPrivs)" 1 'it can gain no privileges'
	is "$(find "/proc/$pid/fd" -type l -printf '%f %l\n' | sed 's/:.*//' | sort -n)" \
		$'0 socket\n1 socket\n2 socket' 'it has these descriptors and no others'
	diag "memory of a handler that waits: $(awk '/^(Pss|Private_Dirty):/ { printf "%s %s kB ", $1, $2 }' "/proc/$pid/smaps_rollup")"
	# With the end of the test client the handler ends, too.
	kill "$(jobs -p %%)" 2>/dev/null
	wait_for 60 no_handlers
}

# trace_start, trace_end: the latter prints the exit codes of the handlers meanwhile.
trace_start() {
	strace -qq -f -e trace=exit_group,execve -e signal=none -o "$work/trace" -p "$(supervisor_pid)" &
	tracer=$!
	wait_for 30 grep -q '^TracerPid:.[1-9]' "/proc/$(supervisor_pid)/status"
}

trace_end() {
	wait_for 60 no_handlers
	kill -INT "$tracer"
	wait "$tracer"
	awk '/execve\(".*broker-handler/ && !/ENOENT/ { ours[$1] = 1 }
		/exit_group\(/ && ours[$1] { gsub(/.*exit_group\(|\).*/, ""); print }' "$work/trace"
}

# test_outcome CODE EXIT PATTERN DESCRIPTION TEXT: what the node a sends, the code it gets, the
# exit code of the handler, and all that it logged, to syslog.
test_outcome() {
	mark_log
	trace_start
	ip netns exec a tests/client.py -t 100 -H 192.0.2.1 -x "$5" >"$work/reply"
	is "$(jq -r '.code' "$work/reply")" "$1" "$4: code $1"
	is "$(trace_end)" "$2" "$4: the handler ends with $2"
	like "$(log_since)" "$3" "$4: what it logged"
}

# test_outcomes: all of them, where two slots are taken by the nodes a and b.
test_outcomes() {
	local key
	key=$(wg pubkey <"$work/a.key")
	test_outcome null 0 '^5 accepted 192.0.2.11: interface wgpeer[12], port 4000[01], known$' \
		accepted "$(request_of "$key")"
	test_outcome 1 0 '^4 refused 192.0.2.11: all slots are taken$' refused "$(request_of "$(new_pubkey)")"
	test_outcome 2 0 '^5 refused 192.0.2.11: malformed request: not a request$' malformed 'nonsense\n'
	settings MAXCONNECTIONS=3
	chmod 444 "$etc/secret"
	test_outcome 6 78 $'^3 unable to read the private key /etc/wg-broker/secret: [^\n]*chmod[^\n]*\n3 failed 192.0.2.11' \
		'bad key file' "$(request_of "$(new_pubkey)")"
	chmod 400 "$etc/secret"
	settings MAXCONNECTIONS=2
	ok 'the service is up' listens
}

# test_survival: a ping through the tunnel of the node a, which has the key file's name, loses
# nothing while the service is restarted, upgraded and stopped.
test_survival() {
	local key name inode
	key=$(wg pubkey <"$work/a.key")
	name=$(interface_of "$key")
	ping_start a "$(link_local "$name")"
	wait_for 60 grep -q 'bytes from' "$work/ping"
	stop_broker
	ok 'stopped, it does not listen' wait_for 60 is_gone
	start_broker
	ok 'started again, it listens' wait_for 60 listens
	is "$(port_of "$(ask_from a "$key")")" "$(wg show "$name" listen-port)" \
		'after a restart it answers, with the same port'
	inode=$(stat -c %i /usr/local/sbin/broker-handler)
	make -s install "SUPERVISOR=$supervisor" >"$work/output"
	unlike "$(stat -c %i /usr/local/sbin/broker-handler)" "^$inode\$" 'upgraded, the binary is another one'
	is "$(port_of "$(ask_from a "$key")")" "$(wg show "$name" listen-port)" \
		'after an upgrade it answers, with the same port'
	stop_broker
	ok 'stopped again' wait_for 60 is_gone
	is "$(ping_loss)" 0 'not one packet of a running ping was lost'
}

# test_uninstall
test_uninstall() {
	ok 'make uninstall' make -s uninstall "SUPERVISOR=$supervisor"
	is "$(find / -xdev -name '*wg-broker*' ! -path '/wg-broker*' ! -path '/etc/wg-broker' \
		! -path '/tmp/*' ! -path '/var/*' ! -path '/sys/*' ! -path '/run/*')" '' 'nothing is left of it'
	is "$(find "$etc" -type f | sort | paste -sd ' ')" "$etc/config $etc/secret" \
		'but the key and the changed configuration'
}
