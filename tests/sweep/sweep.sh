# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the tests that sweep over all that can go wrong.
source tests/lib.sh

# Another number draws others.
: "${TEST_SEED:=1}"

# add_live_node: a node that has a live session from now on. $live is its key.
add_live_node() {
	configure TIMEOUT=1 MAXCONNECTIONS=900
	add_node node1 1
	live=$(make_key node1)
	tunnel node1 "$(port_of "$(ask "$live")")"
	wait_for 30 has_handshake "$(interface_of "$live")" || {
		echo 'Bail out! no handshake'
		exit 1
	}
}

# sweep MODE COUNT LIVE_KEY [SCENARIO...]: see tests/sweep/sweep.py. TEST_SCENARIOS="Prune ..." are
# some others.
sweep() {
	# shellcheck disable=SC2086 # several words
	tests/sweep/sweep.py "${@:1:2}" "$TEST_SEED" "$3" ${TEST_SCENARIOS-"${@:4}"}
}
