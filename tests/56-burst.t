#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many new nodes at once: the routing daemons learn every interface, also if they are slow, stopped
# or restarted in the midst of it; and a daemon that cannot use what it knows is told of.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
source tests/lib.sh

count=${TEST_BURST:-40} away=${TEST_AWAY:-20}
control=/run/babel.sock

start_babeld() {
	rm -f "$control"
	babeld -G "$control" -S '' -I '' -L "$work/babeld.log" \
		-C 'router-id 02:00:00:00:00:00:00:01' -C 'redistribute local deny' mesh0 &
	babeld=$!
	wait_for 20 answers || {
		echo 'Bail out! babeld does not answer'
		exit 1
	}
}

answers() { dump | grep -qx ok; }
dump() { { printf 'dump\n' && sleep 0.5; } | socat -t 5 - "UNIX-CONNECT:$control" 2>/dev/null; }
known() { dump | grep -c "^add interface ${prefix}[0-9]* up true"; }

# learns COUNT SECONDS WHAT: babeld knows all of them, so long after the last reply.
learns() {
	local start=$SECONDS
	ok "$3: babeld knows all $1" wait_for "$2" knows "$1" $(($2 / 100))
	diag "$3: $(known) known $((SECONDS - start)) s after the last reply"
	ok "$3: no handler is left" wait_for 120 no_handler
	"$admin" flush 2>>"$work/log"
}
# knows COUNT REST: rests so many seconds if not. To ask is not for free.
knows() { [[ $(known) == "$1" ]] || { sleep "$2" && return 1; }; }
no_handler() { ! pgrep -x broker-handler; }

handlers() { pgrep -cx broker-handler; }
# What the handlers that there are have used of the processor, in instructions.
used_by_handlers() {
	pgrep -x broker-handler | sed 's|.*|/proc/&/schedstat|' | xargs cat | awk '{ sum += $1 } END { print sum + 0 }'
}

# babeld needs one to start. For one that does not exist, each change of any link would have the
# kernel start modprobe.
ip link add mesh0 type dummy
ip link set mesh0 up

sysctl -qw net.core.optmem_max=1048576
configure BABELPORT=$control MAXCONNECTIONS=1000 TIMEOUT=100
start_babeld

burst "$count" 'at once'
learns "$count" 15 'at once'

kill -STOP "$babeld"
burst "$count" 'babeld is stopped'
sleep 3
waiting=$(handlers)
ok "few handlers wait for it: $waiting" test "$waiting" -ge 1 -a "$waiting" -le 3
before=$(used_by_handlers)
sleep $((away - 3))
diag "each second that it is away costs $((($(used_by_handlers) - before) / (away - 3))) instructions"
kill -CONT "$babeld"
learns "$count" 15 "stopped for $away s"

burst "$count" 'babeld is killed' >"$work/burst" &
bursting=$!
wait_for 60 eval '[[ $(count_interfaces) -gt 20 ]]'
kill -KILL "$babeld"
wait "$babeld" 2>/dev/null
sleep 1
start_babeld
"$admin" resync -w 30 2>>"$work/log"
wait "$bursting"
like "$(<"$work/burst")" '^ok' 'in the midst of it they are served'
learns "$count" 20 'killed in a burst, and started again'

tests/slow-proxy.py /run/slow.sock "$control" 1 2>"$work/proxy.log" &
jobs+=($!)
wait_for 10 test -S /run/slow.sock
configure BABELPORT=/run/slow.sock MAXCONNECTIONS=1000 TIMEOUT=100
burst "$count" 'one second an answer'
learns "$count" $((3 * count)) 'one second an answer'

configure BABELPORT=$control MAXCONNECTIONS=1000 TIMEOUT=100
# A fifth of Debian 12's, so that 90 interfaces are too many.
sysctl -qw net.core.optmem_max=4096
kill "$babeld"
wait "$babeld"
start_babeld
burst 90 'too many for optmem_max'
ok 'no handler is left' wait_for 60 no_handler
used=$(known)
ok "babeld cannot use all of them: $used" test "$used" -gt 20 -a "$used" -lt 90
is "$("$admin" status | tail -n 1)" \
	"babeld knows 90 interfaces, but cannot use $((90 - used)) of them: raise net.core.optmem_max and restart it" \
	'status says so, and what to do'
done_testing
