#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How nodes spread over gateways when each takes the emptier of two; and beside that, at random.
source tests/lib.sh
source tests/gateways.sh

nodes=${TEST_NODES:-60}

# one_node NUMBER HOW: asks; HOW is "emptier", "random" or "one-name", which is the emptier of two
# addresses.
one_node() {
	local names=(192.0.2.2{1..3}) order=()
	case $2 in
	random)
		order=(-o)
		mapfile -t names < <(shuf -e "${names[@]}")
		;;
	one-name)
		names=(all.example)
		;;
	esac
	at node "$connect" -g -k "$work/$2-$1.key" -n --json "${order[@]}" "${names[@]}" 2>>"$work/nodes.log"
}

# spread HOW LIMIT...: all nodes ask, four at once, and gateways with these limits answer. Leaves
# "NODES/LIMIT ..." in $counts, the lowest and highest share in percent in $emptiest and $fullest.
spread() {
	local how=$1 node number=0 limit percent pids=() start=$SECONDS
	shift
	counts='' emptiest=100 fullest=0
	for limit in "$@"; do
		number=$((number + 1))
		sed -i "s/^MAXCONNECTIONS=.*/MAXCONNECTIONS=$limit/" "$work/gw$number.config"
		at "gw$number" ip link delete group 40000 2>/dev/null
	done
	for ((node = 1; node <= nodes; node++)); do
		one_node "$node" "$how" >"$work/$how-$node.json" &
		pids+=($!)
		((node % 4)) || { wait "${pids[@]}"; pids=(); }
	done
	is "$(cat "$work/$how"-*.json | jq -r .result | sort | uniq -c | xargs)" "$nodes accepted" \
		"$how, limits $*: all have a gateway"
	number=0
	for limit in "$@"; do
		number=$((number + 1))
		node=$(cat "$work/$how"-*.json | jq -r .gateway_address | grep -cx "192.0.2.2$number")
		percent=$((100 * node / limit))
		counts+=" $node/$limit"
		emptiest=$((percent < emptiest ? percent : emptiest))
		fullest=$((percent > fullest ? percent : fullest))
	done
	diag "$(printf '%-9s%s: from %d %% to %d %%, %d s' "$how" "$counts" "$emptiest" "$fullest" \
		$((SECONDS - start)))"
	rm "$work/$how"-*.json
}

for number in 1 2 3; do
	add_gateway "gw$number" $((10 + number)) MAXCONNECTIONS=1
	echo "192.0.2.$((20 + number)) all.example" >>/etc/hosts
done
add_node node 30

equal=$((nodes * 2 / 3))
spread random $equal $equal $equal
spread emptier $equal $equal $equal
ok 'equal gateways are filled alike' test $((fullest - emptiest)) -le 25
spread one-name $equal $equal $equal
ok 'and so they are behind one name' test $((fullest - emptiest)) -le 25
spread random $((nodes * 4 / 3)) $((nodes * 2 / 3)) $((nodes / 3))
spread emptier $((nodes * 4 / 3)) $((nodes * 2 / 3)) $((nodes / 3))
ok 'of unequal ones the smallest is not the first to be full' test "$fullest" -le 75
done_testing
