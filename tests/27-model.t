#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever happens to a gateway, in any order, against a model of what its nodes were promised.
# needs: sweep
source tests/lib.sh

# Another seed takes other steps.
: "${TEST_STEPS:=500}" "${TEST_SEED:=1}"
diag "TEST_SEED=$TEST_SEED draws the same once more"
configure TIMEOUT=5
add_nodes 4
mapfile -t keys < <(random_pubkeys 4)
mkdir "$work/daemon"
tests/model.py "$TEST_STEPS" "$TEST_SEED" "$work/daemon" "${wg_nodes[@]}" "${keys[@]}" >"$work/result"
report "$?" "$TEST_STEPS steps keep every promise"
mapfile -t lines <"$work/result"
diag "${lines[@]}"
# prove(1) keeps these to itself.
[[ $failures == 0 ]] || printf '# %s\n' "TEST_SEED=$TEST_SEED draws the same once more" "${lines[@]}" >&2
done_testing
