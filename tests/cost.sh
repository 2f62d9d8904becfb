# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # variables of lib.sh
# What a request costs, from spawn to exit. The machine's clock counts instructions: 1 ns is one.
# Source it after tests/lib.sh.

bench=build/bench
requests() { sed 's/.*/{"version":1,"pubkey":"&"}/'; }
new_requests() { random_pubkeys "$1" | requests; }
same_usage() { for ((i = 0; i < $1; i++)); do echo '{"version":1,"usage":true}'; done; }
same_requests() { for ((i = 0; i < $1; i++)); do request_of "$2"; done; }

# measure WANTED COMMAND...: the median of the runs for the lines of stdin, in instructions. Each reply
# has WANTED in it.
measure() {
	local wanted=$1 median
	shift
	read -r median _ < <("$bench/spawn" "$wanted" "$@" 2>>"$work/log")
	echo "${median:-0}"
}
