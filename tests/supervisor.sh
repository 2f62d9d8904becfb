# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2317,SC2329 # many functions are called by wait_for and ok
# What the tests under real supervisors share. Set $supervisor to systemd, systemd-inetd, xinetd or
# socat and source this; it needs systemd as process 1, if only for the journal.

# shellcheck source=tests/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

: "${supervisor:?}"

user_and_key() {
	getent passwd wg-broker
	find "$etc" -type f ! -name config
}

# install_broker: as an operator does, with the very lines that `make install` prints.
install_broker() {
	local printed before
	before=$(user_and_key)
	printed=$(make -s install "SUPERVISOR=$supervisor") || return
	[[ $(user_and_key) == "$before" ]] || {
		echo 'make install has made a user or a key'
		return 1
	}
	sed -n '/^To be done/,/# see that it works/p' <<<"$printed" | sed -n 's/^  \([^# ]\)/\1/p' \
		>"$work/steps"
	diag "the steps that make install printed:"
	sed 's/^/#   /' "$work/steps"
	# shellcheck source=/dev/null
	source "$work/steps" >"$work/output" 2>&1 </dev/null
}

# settings KEY=VALUE...: into the configuration. Many nodes of a test have one address.
settings() { printf '%s\n' MAXPENDING=0 "$@" >"$etc/config"; }

start_broker() {
	case $supervisor in
	systemd) systemctl start wg-broker.socket ;;
	systemd-inetd) systemctl start wg-broker-inetd.socket ;;
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
	systemd-inetd) systemctl stop wg-broker-inetd.socket ;;
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
# One, which is what it will be: no more what the supervisor started it from.
one_handler() { [[ $(readlink "/proc/$(handlers)/exe") == */broker-handler ]]; }

supervisor_pid() {
	case $supervisor in
	# The oldest: its children have this name, too, until they are handlers.
	systemd) pgrep -xo broker-accept ;;
	systemd-inetd) echo 1 ;;
	xinetd) pidof xinetd ;;
	socat) socat_pid ;;
	esac
}

# ask_from NODE PUBKEY [HOST]: what the service replies to a node.
ask_from() {
	ip netns exec "$1" tests/client.py -t 100 -H "${3:-192.0.2.1}" -s reply "$2"
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

# log_since: the handlers' lines. systemd is told what to call them.
log_since() {
	journal_since '.SYSLOG_IDENTIFIER == "broker-handler" or .SYSLOG_IDENTIFIER == "wg-broker"'
}

# ping_start NODE ADDRESS, ping_loss: packets lost until now of a ping that runs on, or "none sent".
ping_start() {
	ip netns exec "$1" ping -i 0.05 "$2%wg0" >"$work/ping" 2>&1 &
	ping_pid=$!
}

ping_loss() {
	# Some more after all that happened.
	local last
	last=$(grep -c 'bytes from' "$work/ping")
	wait_for 30 eval "((\$(grep -c 'bytes from' '$work/ping') > $last + 9))"
	kill -INT "$ping_pid"
	# Not wait: in a command substitution it is no child of the shell.
	wait_for 30 grep -q 'packets transmitted' "$work/ping"
	sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$work/ping" |
		awk '{ print ($1 > 9 ? $1 - $2 : "none sent"); sent = $1 } END { if (!NR) print "no result" }'
	sed -n 's/^\([0-9]* packets.*\)/# \1/p' "$work/ping" >&2
}

# test_tunnel NODE NUMBER HOST: a node asks at the host and gets a working tunnel.
test_tunnel() {
	local node=$1 host=$3 key port name
	add_node "$node" "$2"
	key=$(make_key "$node")
	port=$(port_of "$(ask_from "$node" "$key" "$host")")
	like "$port" '^4[0-9]{4}$' "a node that asks at $host gets a port"
	name=$(interface_of "$key")
	tunnel "$node" "$port" "$host"
	ok "its tunnel works" wait_for 60 ip netns exec "$node" ping -c 1 -W 2 "$(address_of "$name")%wg0"
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
	sysctl -q net.ipv6.conf.all.forwarding=1
	is "$(BABELPORT='' broker-admin check | grep -v '^ok')" \
		'note    room: all 2 slots are used: raise MAXCONNECTIONS or ENDPORT' \
		'broker-admin check finds nothing wrong'
	test_process
}

# end_briefly: with TEST_BRIEFLY the installation, its tunnels and its end were all.
end_briefly() {
	[[ ${TEST_BRIEFLY-} ]] || return
	stop_broker
	ok 'stopped, it does not listen' wait_for 60 is_gone
	test_uninstall
	done_testing
	exit
}

# Answers as babeld does, and prints what it is told.
babel_listener='
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

# test_babel: the handler of node a, whose interface is new, speaks to a babeld on ::1. $name is that
# interface.
test_babel() {
	local babel port
	python3 -c "$babel_listener" >"$work/babel" &
	babel=$!
	await 30 grep -q ready "$work/babel"
	port=$(port_of "$(ask_from a "$(wg pubkey <"$work/a.key")")")
	tunnel a "$port"
	name=$(interface_of "$(wg pubkey <"$work/a.key")")
	ok 'the sandbox lets the handler speak to babeld on ::1' wait_for 60 grep -qE "^interface $name( |\$)" "$work/babel"
	kill "$babel"
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
	local pid id group client
	id=$(id -u wg-broker) group=$(id -g wg-broker)
	ok 'no handler runs without a node' wait_for 60 no_handlers
	ip netns exec a tests/client.py -H 192.0.2.1 -t 60 -x '{' >"$work/held" &
	client=$!
	ok 'a handler waits for its node' wait_for 60 one_handler
	pid=$(handlers)
	is "$(status_of "$pid" Uid)" "$id $id $id $id" 'the handler is the user wg-broker, nothing of it is root'
	is "$(status_of "$pid" Gid)" "$group $group $group $group" 'its group, too'
	like "$(status_of "$pid" Groups)" "^($group)? *\$" 'it has no other groups'
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$(status_of "$pid" "$set")" 0000000000001000 "its $set is CAP_NET_ADMIN and nothing else"
	done
	is "$(status_of "$pid" NoNewPrivs)" 1 'it can gain no privileges'
	is "$(find "/proc/$pid/fd" -type l -printf '%f %l\n' | sed 's/:.*//' | sort -n)" \
		$'0 socket\n1 socket\n2 socket\n3 socket\n4 /etc/wg-broker/secret' \
		'it has these descriptors and no others: the node, the log, its parser, the key'
	is "$(status_of "$(pgrep -P "$pid")" Name)" broker-parser 'its child is the parser'
	like "$(status_of "$(pgrep -P "$pid")" Seccomp)" '^[12]$' 'which is confined'
	diag "memory of a handler that waits: $(awk '/^(Pss|Private_Dirty):/ { printf "%s %s kB ", $1, $2 }' "/proc/$pid/smaps_rollup")"
	kill "$client"
	ok 'it ends when its node has gone' wait_for 60 no_handlers
}

# trace_start, trace_end: the latter prints the exit codes of the handlers meanwhile.
trace_start() {
	strace -qq -f -e trace=exit_group,execve -e signal=none -o "$work/trace" -p "$(supervisor_pid)" &
	tracer=$!
	await 30 grep -q '^TracerPid:.[1-9]' "/proc/$(supervisor_pid)/status"
}

trace_end() {
	await 60 no_handlers
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
	is "$(ip netns exec a tests/client.py -t 100 -H 192.0.2.1 -s code -x "$5")" "$1" "$4: code $1"
	is "$(trace_end)" "$2" "$4: the handler ends with $2"
	like "$(log_since)" "$3" "$4: what it logged"
}

# bad_key_line ADDRESS: a pattern of all that is logged of a request when others can read the key.
bad_key_line() {
	local cause='unable to read the private key /etc/wg-broker/secret: [^\n]*chmod[^\n]*'
	printf '^(3 %b\n3 failed %s: the line before says why|3 failed %s: %b, key .{8})$' \
		"$cause" "$1" "$1" "$cause"
}

# test_outcomes: all of them, where two slots are taken by the nodes a and b.
test_outcomes() {
	local key
	key=$(wg pubkey <"$work/a.key")
	test_outcome none 0 '^5 accepted 192.0.2.11: interface '"$prefix"'[12], port 4000[01], known(, key .{8})?$' \
		accepted "$(request_of "$key")"
	test_outcome none 0 '^6 told 192.0.2.11: 100 % used$' 'how full it is' '{"usage":true}'
	test_outcome 1 0 '^4 refused 192.0.2.11: all slots are taken(, key .{8})?$' refused "$(request_of "$(new_pubkey)")"
	test_outcome 2 0 '^5 refused 192.0.2.11: malformed request: not a request$' malformed 'nonsense\n'
	settings MAXCONNECTIONS=3
	chmod 444 "$etc/secret"
	test_outcome 6 78 "$(bad_key_line 192.0.2.11)" \
		'bad key file' "$(request_of "$(new_pubkey)")"
	chmod 400 "$etc/secret"
	test_access
	settings MAXCONNECTIONS=2
	ok 'the service is up' listens
}

# test_access: lists, the operator's own program, and quotas, by an address that nobody has told.
test_access() {
	local key
	key=$(new_pubkey)
	install -d "$etc/deny"
	settings MAXCONNECTIONS=3 "DENYKEYS=$etc/deny"
	broker-admin deny "$key"
	test_outcome 5 0 '^5 refused 192.0.2.11: public key not permitted(, key .{8})?$' \
		'on the list of those that are denied' "$(request_of "$key")"
	install -m 755 tests/check.sh /usr/local/sbin/may-join
	settings MAXCONNECTIONS=3 CHECK=/usr/local/sbin/may-join
	test_outcome 5 0 '^5 refused 192.0.2.11: public key not permitted(, key .{8})?$' \
		'denied by a program' "$(request_of "$key")"
	is "$(journal_since '.SYSLOG_IDENTIFIER == "may-join"')" "5 192.0.2.11 asks with $key" \
		'which was told the key and the address'
	rm -r "$etc/deny" /usr/local/sbin/may-join
}

# ask_on KEYS: nodes that ask again and again, see tests/keep-asking.py, from now on.
ask_on() {
	tests/keep-asking.py -k "$1" >"$work/asked" &
	asker=$!
	jobs+=("$asker")
	await 60 grep -q begun "$work/asked"
}

# ask_off WHAT: no more. What came of it meanwhile is told.
ask_off() {
	kill "$asker"
	wait "$asker"
	diag "$1: $(tail -n 1 "$work/asked")"
}
# of_asked FIELD
of_asked() { tail -n 1 "$work/asked" | jq -c ".$1"; }

# all_answered WHAT: each time that a node asked, it had its reply.
all_answered() {
	ask_off "$1"
	is "$(of_asked other) $(of_asked answered)" "{} $(of_asked asked)" \
		"$1: no connection is reset, none unanswered"
}

# connect COUNT ADDRESS: so many connections of one source, one after the other, which send nothing.
# Prints how many of them are open afterwards, and how many closed.
connect() {
	python3 - "$@" <<-'END'
		import socket, sys, time
		socks = []
		closed = 0
		for _ in range(int(sys.argv[1])):
		    try:
		        socks.append(socket.create_connection(("127.0.0.1", 40000), source_address=(sys.argv[2], 0)))
		    except ConnectionError:
		        closed += 1
		time.sleep(2)
		for sock in socks:
		    sock.setblocking(False)
		    try:
		        sock.recv(1)
		        closed += 1
		    except BlockingIOError:
		        pass
		    except ConnectionError:
		        closed += 1
		print(int(sys.argv[1]) - closed, closed)
	END
}

# test_survival: a ping through the tunnel of the node a, which has the key file's name, loses
# nothing while the service is restarted, upgraded and stopped.
test_survival() {
	local key name port inode
	key=$(wg pubkey <"$work/a.key")
	name=$(interface_of "$key")
	ping_start a "$(address_of "$name")"
	await 60 grep -q 'bytes from' "$work/ping"
	stop_broker
	ok 'stopped, it does not listen' wait_for 60 is_gone
	start_broker
	ok 'started again, it listens' wait_for 60 listens
	port=$(wg show "$name" listen-port)
	is "$(port_of "$(ask_from a "$key")")" "$port" \
		'after a restart it answers, with the same port'
	inode=$(stat -c %i /usr/local/sbin/broker-handler)
	make -s install "SUPERVISOR=$supervisor" >"$work/output"
	like "$inode $(stat -c %i /usr/local/sbin/broker-handler)" '^[0-9]+ [0-9]+$' 'there is a binary before and after'
	unlike "$(stat -c %i /usr/local/sbin/broker-handler)" "^$inode\$" 'upgraded, the binary is another one'
	is "$(port_of "$(ask_from a "$key")")" "$port" \
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
