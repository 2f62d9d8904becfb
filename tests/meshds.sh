# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Stand-ins for l3roamd and mmfd, see meshd.py, beside what lib.sh has.

# shellcheck source=tests/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

daemons=(l3roamd mmfd)
declare -A pid

# start_all [SECONDS]: each answer takes so long. A connection that says nothing would freeze them, so
# their first state tells that they listen.
start_all() {
	local daemon
	for daemon in "${daemons[@]}"; do
		rm -f "$work/$daemon.log.state"
		tests/meshd.py "$daemon" "$work/$daemon.sock" "$work/$daemon.log" "$@" 2>>"$work/err" &
		pid[$daemon]=$!
		await 20 test -e "$work/$daemon.log.state"
	done
	jobs+=("${pid[@]}")
}

end_all() {
	kill -KILL "${pid[@]}"
	wait "${pid[@]}" 2>/dev/null
}
