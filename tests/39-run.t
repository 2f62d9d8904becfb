#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what eval expands
# What `make run` starts, on a kernel that has WireGuard: it serves, shows a tunnel, and leaves nothing.
source tests/lib.sh

# start [PORT]
start() {
	rm -f "$work/said"
	PORT=${1-} tests/serve 2>"$work/said" &
	server=$!
	jobs+=("$server")
	wait_for 60 grep -qs "What it logs" "$work/said"
}
end() {
	kill "$server"
	wait "$server"
}

before=$(ip -br link | cut -d ' ' -f 1)
start
is $? 0 'it serves'
like "$(<"$work/said")" 'created wgmesh: gateway 192.0.2.1 \(192.0.2.1\), port 400[01][0-9]' 'a node joins'
like "$(<"$work/said")" '3 packets transmitted, 3 received' 'and pings through its tunnel'
line=$(sed -n 's/^  bash -c/bash -c/p' "$work/said")
for shell in sh bash 'busybox sh'; do
	reply=$($shell -c "$line")
	ok "the line to paste, in $shell" jq -e '.port >= 40000 and .port < 40020' <<<"$reply"
done
ok 'not another one at the same port' eval '! tests/serve 2>"$work/second"'
like "$(<"$work/second")" 'TCP port 40000 of localhost is taken: choose another one, such as make run PORT=' \
	'is told what to do'
end
is $? 0 'it ends well'
is "$(ip -br link | cut -d ' ' -f 1)" "$before" 'no interface is left'
is "$(ip netns list)" '' 'and no namespace'
start 41000
is $? 0 'at another port'
like "$(<"$work/said")" 'port 410[01][0-9]' 'the node joins'
end
for port in 0 x 65530; do
	ok "not at $port" eval '! PORT=$port tests/serve 2>"$work/said"'
	like "$(<"$work/said")" 'PORT must be a number from 1 to 65516' 'and it says why'
done
done_testing
