#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many new nodes at once: l3roamd and mmfd, which serve one client at a time and let five wait, learn
# every interface, also if they are slow, stopped or restarted in the midst of it.
# shellcheck disable=SC2317,SC2329 # functions that ok and wait_for call
source tests/meshds.sh

count=${TEST_BURST:-20}
# An entry is NAME=NUMBER of the interface that was joined.
known() { sed -n "s/\($prefix.*\)=.*/\1/p" "$work/$1.log.state" | sort; }
knows() { [[ $(wc -l <"$work/$1.log.state") == "$count" && $(known "$1") == "$existing" ]]; }
no_handler() { ! pgrep -x broker-handler; }

# learn SECONDS WHAT: both know exactly what exists, so long after the last reply.
learn() {
	local start=$SECONDS daemon existing
	existing=$(interfaces | sort)
	for daemon in "${daemons[@]}"; do
		ok "$2: $daemon knows all $count" wait_for "$1" knows "$daemon"
		diag "$2: $daemon knows $(known "$daemon" | wc -l), $((SECONDS - start)) s after the last reply"
	done
	ok "$2: no handler is left" wait_for 60 no_handler
	"$admin" flush 2>>"$work/log"
}

# As many clients as may wait: who comes next gets EAGAIN.
fill_queues() {
	local daemon
	for daemon in "${daemons[@]}"; do
		for _ in 1 2 3 4 5 6; do
			printf 'get_meshifs\n' | socat -t 60 - "UNIX-CONNECT:$work/$daemon.sock" >/dev/null &
		done
		await 10 has_waiting 6 "$work/$daemon.sock"
	done
}

has_waiting() { [[ $(ss -Hlx src "$2" | awk '{ print $3 }') == "$1" ]]; }

configure "L3ROAMDSOCK=$work/l3roamd.sock" "MMFDSOCK=$work/mmfd.sock" MAXCONNECTIONS=1000 TIMEOUT=100
start_all
burst "$count" 'at once'
# Whoever has waited tells them when no more come.
learn 10 'at once'

kill -STOP "${pid[@]}"
fill_queues
burst "$count" 'stopped'
waiting=$(pgrep -cx broker-handler)
ok "few handlers wait for them: $waiting" test "$waiting" -ge 1 -a "$waiting" -le 3
sleep 20
ok 'the log says why' grep -q 'unable to talk to l3roamd at .*: Resource temporarily unavailable' "$work/log"
kill -CONT "${pid[@]}"
learn 8 'stopped for 20 s, others waiting'

burst "$count" 'killed' >"$work/burst" &
bursting=$!
await 60 eval '[[ $(count_interfaces) -gt $((count / 2)) ]]'
end_all
sleep 1
start_all
"$admin" resync -w 30 2>>"$work/log"
wait "$bursting"
like "$(<"$work/burst")" '^ok' 'in the midst of it they are served'
learn 10 'killed in a burst, and started again'

end_all
start_all 1
# A handler goes on for ten minutes, and leaves the rest to prune.
count=${TEST_SLOW:-$count}
burst "$count" 'one second an answer'
learn $((3 * count)) 'one second an answer'
is "$(<"$work/err")" '' 'none of them complained'
done_testing
