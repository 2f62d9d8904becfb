#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real babeld at the gateway and at two nodes: routes and packets pass, the dead are taken back,
# a restarted babeld is told again, and one that does not answer delays no reply.
# shellcheck disable=SC2317 # functions that ok and wait_for call
source tests/lib.sh

options='hello-interval 1 update-interval 4'

# start_babeld OPTION...: the gateway's. Its process is $babeld.
start_babeld() {
	babeld -S '' -I '' -L "$work/babeld.log" -C 'router-id 02:00:00:00:00:00:00:01' \
		-C 'redistribute local deny' "$@" mesh0 &
	babeld=$!
	wait_for 20 answers || {
		echo 'Bail out! babeld does not answer'
		exit 1
	}
}

end_babeld() {
	kill "$babeld"
	wait "$babeld"
}

# start_node NAME NUMBER: joins it, with babeld over its tunnel and the prefix 2001:db8:NUMBER::/64.
# The gateway's interface is $name.
start_node() {
	join_with_lan "$1" "$2"
	ip netns exec "$1" babeld -S '' -I '' -L "$work/$1.log" \
		-C "router-id 02:00:00:00:00:00:00:1$2" -C "default $options" \
		-C 'redistribute local deny' -C "redistribute ip 2001:db8:$2::/64 eq 64 allow" wg0 &
}

answers() { dump | grep -qx ok; }

# dump: what babeld knows, from the port or path of $control.
dump() { { printf 'dump\n' && sleep 0.5; } | socat -t 2 - "$control" 2>/dev/null; }
known() { dump | sed -n "s/^add interface \(${prefix}[0-9]*\) .*/\1/p" | sort | xargs; }

knows() { [[ $(known) == "$*" ]]; }
has_route() { ip -n "$1" -6 route show "$2" | grep -q babel; }
pings() { ip netns exec "$1" ping -c 1 -W 2 -I "2001:db8:$2::1" "2001:db8:$3::1"; }
logged() { grep -q "$1" "$work/log"; }

# delays_nothing WHAT: replies come as fast as with a babeld that answers.
delays_nothing() {
	local now longest
	read -r now longest <<<"$(reply_times 11)"
	diag "time to the reply with $1: median $now ms, longest $longest ms"
	ok "$1 delays no reply" test "$now" -lt $((2 * median + 50))
}

# passes WHEN: all is well between the nodes.
passes() {
	ok "node2 has the route to node1's prefix $1" wait_for 60 has_route node2 2001:db8:1::/64
	ok "node1 has the route to node2's prefix $1" wait_for 60 has_route node1 2001:db8:2::/64
	ok "a ping passes from prefix to prefix $1" wait_for 20 pings node1 1 2
}

new_peer() {
	key=$(new_pubkey)
	ask "$key" >"$work/reply"
	name=$(interface_of "$key")
}

all_known() { [[ $(known) == "$(interfaces | sort | xargs)" ]]; }

# babeld needs one to start. For one that does not exist, each change of any link would have the
# kernel start modprobe.
ip link add mesh0 type dummy
ip link set mesh0 up

control='TCP6:[::1]:33123'
configure BABELPORT=33123 "BABELOPTIONS=\"$options\""
start_babeld -G 33123
new_peer
is "$(known)" "$(interfaces | sort | xargs)" 'babeld is told of a new peer'
like "$(dump)" "add interface $name up (false|true ipv6 fe80::)" 'which is its interface'
"$admin" flush 2>>"$work/log"
is "$(known)" '' 'and of a flush'

start_node node1 1 && one=$name
start_node node2 2 && two=$name
prune
passes 'at first'
prune
pruned 0 2 0 'a prune has nothing to tell'

diag 'a node goes silent'
ip -n node1 link set wg0 down
ok 'the other goes on' handshake_again node2 "$two"
said=$(later 700 "$admin" prune 2>&1)
pruned 1 1 0 'a prune'
ok 'its interface is gone' bash -c "! ip link show dev $one"
prune
is "$(known)" "$two" "and from babeld's dump"
ip -n node1 link set wg0 up
key=$(wg pubkey <"$work/node1.key")
tunnel node1 "$(port_of "$(ask "$key")")"
prune
passes 'when it asked again'

diag 'babeld is restarted'
end_babeld
start_babeld -G 33123
is "$(known)" '' 'it has forgotten all'
prune -n
would 0 2 2 'prune -n sees it'
prune
pruned 0 2 2 'the next prune tells it'
is "$(known)" "$(interfaces | sort | xargs)" 'and it knows all'
passes 'after the restart'

diag 'an interface that was deleted behind its back'
new_peer
is "$(known)" "$(interfaces | sort | xargs)" 'babeld knows it'
ip link delete "$name"
prune
pruned 0 2 1 'the next prune takes it back'
is "$(known)" "$(interfaces | sort | xargs)" 'and it knows all, and no more'
is "$(grep 'unable to talk' "$work/log")" '' 'until now babeld was never too slow'

diag 'time to the reply'
start_socat ''
read -r median longest <<<"$(reply_times 11)"
like "$median" '^[0-9]+$' 'all were answered'
diag "with a babeld that answers: median $median ms, longest $longest ms"
kill -STOP "$babeld"
delays_nothing 'a stuck babeld (SIGSTOP)'
ok 'the log says so' wait_for 90 logged 'unable to talk to babeld at 33123: no answer in time'
kill -CONT "$babeld"
# Those that wait for babeld would count as its clients below.
await 90 bash -c "! pgrep -x broker-handler"

: >"$work/log"
clients=()
for _ in 1 2 3 4; do
	socat -u "$control" OPEN:/dev/null &
	clients+=($!)
done
await 10 bash -c "(( \$(ss -Htn state established dport = :33123 | wc -l) >= 4 ))"
delays_nothing 'a babeld with its 4 client places taken'
ok 'the log says so' wait_for 90 logged 'unable to talk to babeld at 33123: no answer in time'
kill "${clients[@]}"
prune
ok 'the next prune tells it all' wait_for 20 all_known

end_babeld
: >"$work/log"
delays_nothing 'a stopped babeld'
ok 'the log says so' wait_for 90 logged 'unable to talk to babeld at 33123: Connection refused'

start_babeld -g 33123
: >"$work/log"
delays_nothing 'a read-only babeld (-g)'
ok 'the log says so' wait_for 90 logged 'unable to talk to babeld at 33123: it answered "bad"; does it run with -G'
end_babeld

diag 'babeld on a Unix socket'
"$admin" flush 2>>"$work/log"
control=UNIX-CONNECT:$work/babeld.sock
configure "BABELPORT=$work/babeld.sock"
start_babeld -G "$work/babeld.sock"
new_peer
is "$(known)" "$(interfaces | sort | xargs)" 'it is told'
like "$(known)" "^$name\$" 'of that one'
"$admin" flush 2>>"$work/log"
is "$(known)" '' 'and of a flush'
end_babeld
kill "$socat_pid"
for node in node1 node2; do
	ip netns pids "$node" | xargs kill
done
wait
done_testing
