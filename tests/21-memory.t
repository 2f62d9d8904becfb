#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The handler's paths, built with the sanitizers: no error, and no leak. The longest of them under
# valgrind, too, which also sees what is used before it was set; it takes a hundred times as long.
# needs: debug sanitize
source tests/lib.sh

# run COMMAND...: one request from stdin; what the tool has to say is kept apart.
under_valgrind() {
	valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
		--errors-for-leak-kinds=definite,indirect,possible --track-fds=yes \
		--log-file="$work/tool.%p" build/debug/broker-handler "$@" 2>>"$work/log"
}
under_sanitizers() {
	ASAN_OPTIONS=detect_leaks=1:exitcode=99:log_path=$work/tool \
		UBSAN_OPTIONS=halt_on_error=1:exitcode=99:print_stacktrace=1:log_path=$work/tool \
		build/sanitize/broker-handler "$@" 2>>"$work/log"
}

# path DESCRIPTION WANTED TEXT [ARG...]: this request gets a reply that contains WANTED, and the
# tool finds nothing.
path() {
	local description=$1 wanted=$2 text=$3 reply status
	shift 3
	rm -f "$work"/tool.*
	reply=$(printf '%s\n' "$text" | "$tool" "$@")
	status=$?
	like "$reply" "$wanted" "$tool: $description: the reply"
	ok "$tool: $description: no error, no leak" test "$status" -lt 99
	for file in "$work"/tool.*; do
		[[ ! -s $file ]] || diag "$(<"$file")"
	done
}

# age NAME: as if it were asked for long ago.
age() { ip link set "$1" alias ''; }

paths() {
	local key other
	configure MAXCONNECTIONS=3
	key=$(random_pubkey)
	path 'a new peer' '"port":' "$(request_of "$key")"
	path 'a known peer' '"port":' "$(request_of "$key")"
	age "$(interface_of "$key")"
	path 'a peer made anew' '"port":' "$(request_of "$key")"
	path "the gateway's own key" '"code":4' "$(request_of "$(wg pubkey <"$etc/secret")")"
	path 'a bad key' '"code":4' "$(request_of AAAA)"
	path 'a bad version' '"code":3' '{"version":2,"pubkey":"x"}'
	path 'no JSON' '"code":2' 'GET / HTTP/1.0'
	path 'no object' '"code":2' '[{"version":1}]'
	path 'deep nesting' '"code":2' "$(printf '{"x":%.0s' {1..1000})"
	path 'a long object' '"code":2' "{\"x\":\"$(printf 'x%.0s' {1..5000})\"}"
	path 'half an object' '"code":2' '{"version":1,'
	ask "$(random_pubkey)" >/dev/null
	ask "$(random_pubkey)" >/dev/null
	path 'a full gateway' '"code":1' "$(request_of "$(random_pubkey)")"
	path 'a full gateway that knows it' '"code":1' "$(request_of "$(random_pubkey)")"
	delete_interfaces
	configure MAXCONNECTIONS=2 STARTPORT=43000 ENDPORT=43001
	hold 43000 0.0.0.0
	ask "$(random_pubkey)" >/dev/null
	path 'a port that is held, and no other slot' '"code":1' "$(request_of "$(random_pubkey)")"
	delete_interfaces
	kill "${jobs[@]}"
	jobs=()
	configure
	other=$(random_pubkey)
	ip link add other type dummy
	ip link property add dev other altname "$(altname_of "$other")"
	path "another's interface with the key" '"code":6' "$(request_of "$other")"
	ip link delete other
	configure MTU=1 NONSENSE=1
	path 'a bad configuration' '"code":6' "$(request_of "$key")"
	configure PRIVATEKEY=/nowhere
	path 'no private key' '"code":6' "$(request_of "$key")"
	configure
	path 'no such file' '"code":6' "$(request_of "$key")" -c /nowhere
	path 'a wrong option' '"code":6' "$(request_of "$key")" -x
}

tool=under_sanitizers
paths
delete_interfaces

tool=under_valgrind
configure
key=$(random_pubkey)
path 'a new peer' '"port":' "$(request_of "$key")"
age "$(interface_of "$key")"
path 'a peer made anew' '"port":' "$(request_of "$key")"
done_testing
