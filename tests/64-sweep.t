#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side: each of its system calls, requests to the kernel and allocations fails, and it is
# killed before each of its calls. The next run makes one interface, and that works. Here is a draw
# of all these; tests/more/64-sweep.t has them all.
# needs: debug sweep
source tests/sweep/sweep.sh
source tests/gateways.sh

add_gateway gw1 1 MAXCONNECTIONS=1000
add_gateway gw2 2 MAXCONNECTIONS=1000
add_node node 30
mkdir "$work/keys"
export KEYS=$work/keys GW1=192.0.2.11,${gateway_key[gw1]} GW2=192.0.2.12,${gateway_key[gw2]}
for mode in faults kills; do
	sweep "$mode" "${TEST_COUNT:-10}" - | sed 's/^/# /'
	report "${PIPESTATUS[0]}" "$mode"
done
done_testing
