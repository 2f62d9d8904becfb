#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever happens to a gateway, in any order, against a model of what its nodes were promised.
# needs: sweep
source tests/lib.sh

# Another seed takes other steps.
: "${TEST_STEPS:=500}" "${TEST_SEED:=1}"
diag "TEST_SEED=$TEST_SEED draws the same once more"
configure TIMEOUT=5
add_node nodes 1
keys=()
for i in {1..4}; do
	pubkey=$(make_key "node$i")
	ip -n nodes link add "wg$i" type wireguard
	ip netns exec nodes wg set "wg$i" private-key "$work/node$i.key"
	ip -n nodes link set "wg$i" up
	keys+=("wg$i=$pubkey" "$(random_pubkey)")
done
mkdir "$work/daemon"
tests/model.py "$TEST_STEPS" "$TEST_SEED" "$work/daemon" "${keys[@]}" >"$work/result"
report "$?" "$TEST_STEPS steps keep every promise"
mapfile -t lines <"$work/result"
diag "${lines[@]}"
# prove(1) keeps these to itself.
[[ $failures == 0 ]] || printf '# %s\n' "TEST_SEED=$TEST_SEED draws the same once more" "${lines[@]}" >&2
done_testing
