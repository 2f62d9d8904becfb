#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# needs: bench
# What a request costs the whole machine under each supervisor: all instructions that are executed
# from the first request until nothing is left to do, but the node's own. That is the supervisor, the
# handler, the log, and for a new node what udev and systemd do with its interface.

supervisor=none
source tests/supervisor.sh

requests=200
rule=/usr/local/lib/udev/rules.d/70-wg-broker.rules

# cost: for each key in $work/keys a request, one after the other; what each costs, in thousands.
cost() {
	local begun answered own
	sleep 5
	begun=$(busy)
	read -r answered own < <(build/bench/ask <"$work/keys")
	sleep 5
	# Each limit is then missed.
	[[ $answered == "$requests" ]] || own=-1000000000000
	echo $((($(busy) - begun - own) / requests / 1000))
}

# cost_of_new, cost_of_known: the known nodes were set up a moment before, and need nothing.
cost_of_new() {
	delete_interfaces
	udevadm settle
	random_pubkeys "$requests" >"$work/keys"
	cost
}
cost_of_known() {
	build/bench/ask <"$work/keys" >"$work/output"
	cost
}

millions() { printf '%d.%d' $((($1 + 50) / 1000)) $((($1 + 50) % 1000 / 100)); }

# remove_rule, restore_rule: moves udev's rule away, or back. udev looks for that every three seconds.
remove_rule() { mv "$rule" "$work/rule" && sleep 4; }
restore_rule() { mv "$work/rule" "$rule" && sleep 4; }

# measure SUPERVISOR KNOWN NEW: the limits are in thousands.
measure() {
	supervisor=$1
	ok "$1: it is installed" install_broker
	measure_installed "$@"
	stop_broker
	await 60 is_gone
}

# measure_installed NAME KNOWN NEW
measure_installed() {
	local known new slow
	settings MAXCONNECTIONS=500 BABELPORT=
	await 60 listens
	# So that all is in the page cache.
	random_pubkeys 2 >"$work/keys"
	build/bench/ask <"$work/keys" >"$work/output"
	new=$(cost_of_new)
	known=$(cost_of_known)
	remove_rule
	slow=$(cost_of_new)
	restore_rule
	printf '%-15s %15s %15s %15s\n' "$1" "$(millions "$known")" "$(millions "$new")" \
		"$(millions "$slow")" >>"$work/table"
	ok "$1: a known node costs at most $(millions "$2") million" test "$known" -le "$2"
	ok "$1: a new node costs at most $(millions "$3") million" test "$new" -le "$3"
	ok "$1: the rule for udev saves 15 million or more" test $((slow - new)) -ge 15000
}

# measure_accept_fd KNOWN NEW: socat 1.8 in the place, and in the sandbox, of broker-accept.
measure_accept_fd() {
	supervisor=systemd
	install_broker
	mkdir -p /run/systemd/system/wg-broker.service.d
	printf '%s\n' '[Service]' Type=simple ExecStart= \
		'ExecStart=/usr/bin/socat ACCEPT-FD:0,fork,max-children=1024 EXEC:/usr/local/sbin/broker-handler,nofork' \
		>/run/systemd/system/wg-broker.service.d/socat.conf
	systemctl daemon-reload
	systemctl restart wg-broker.socket
	measure_installed 'socat ACCEPT-FD' "$@"
	is "$(connect 70 127.0.9.1)" '70 0' 'socat ACCEPT-FD: one source may hold any number of connections'
	rm -r /run/systemd/system/wg-broker.service.d
	systemctl daemon-reload
	stop_broker
	await 60 is_gone
}

printf '%-15s %15s %15s %15s\n' '' 'a known node' 'a new node' 'without rule' >"$work/table"
measure systemd 2000 12000
case $(source /etc/os-release && echo "$VERSION_CODENAME") in
bookworm)
	measure systemd-inetd 25000 30000
	measure xinetd 7000 15000
	measure socat 4000 12000
	;;
# VM_SUITE=trixie. Its systemd does twice as much for a unit; its socat has ACCEPT-FD.
*)
	measure systemd-inetd 45000 60000
	measure xinetd 7000 19000
	measure socat 4000 14000
	measure_accept_fd 4000 14000
	;;
esac
diag 'what a request costs, in millions of instructions:'
diag "$(<"$work/table")"
done_testing
