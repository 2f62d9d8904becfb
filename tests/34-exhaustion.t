#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Strangers who ask with new keys all the time do not keep honest nodes out: neither one who asks as
# fast as he can, nor many. tests/more/34-exhaustion.t has more of all, and for longer.
# vm: --timeout 3000
source tests/lib.sh

: "${TEST_NODES:=8}" "${TEST_SLOTS:=16}" "${TEST_SOURCES:=6}" "${TEST_MINUTES:=8}" "${TEST_SEED:=1}"
diag "TEST_SEED=$TEST_SEED draws the same once more"
add_nodes "$TEST_NODES"
configure "MAXCONNECTIONS=$TEST_SLOTS" MAXPENDING=8
# Older programs have no quotas.
grep -q MAXPENDING "$handler" || sed -i /MAXPENDING/d "$etc/config"
for attack in '1 60' "$TEST_SOURCES 30"; do
	# shellcheck disable=SC2086 # two words
	result=$(tests/exhaustion.py "$TEST_SEED" "$TEST_MINUTES" $attack "${wg_nodes[@]}")
	diag "sources and requests a minute: $attack"
	diag "$result"
	about() { jq -e "$1" <<<"$result" >/dev/null; }
	ok 'they asked all the time' about "(.strangers | add) > $TEST_MINUTES * ${attack/ / * } * 0.8"
	ok 'and were refused' about '.strangers["code 1"] > 0'
	ok 'nodes came and went' about ".visits > $TEST_NODES"
	# One that has taken a slot a moment ago may keep it, so a node may have to try once more.
	ok 'each had its port, at the second try at the latest' about '.in_vain == .refused and .worst < 40'
	ok 'each had its handshake' about '.without_handshake == 0'
	"$admin" flush 2>>"$work/log"
done
done_testing
