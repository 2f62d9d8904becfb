#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side and gateways that make no sense: a message, a code, and nothing left behind.

# shellcheck disable=SC2016,SC2317 # text for eval, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

cat >"$work/case" <<<'echo'
replies mad 1 <<EOT
source $work/case
EOT
add_gateway good 2
add_node node 30
make_key node >/dev/null
mkdir -p "$work/empty"

state() {
	ip -n node -d link show | sed 's/[0-9]*sec//g'
	# An address is tentative for its first second or two.
	ip -n node addr show | sed 's/ tentative//'
	at node wg show all dump
}

# nonsense NAME WORDS COMMAND: what the command prints is rejected with these words.
nonsense() {
	local before
	echo "$3" >"$work/case"
	before=$(state)
	connect node -p "${gateway_key[good]}" 192.0.2.11
	is "$status" 76 "$1: a code of its own"
	like "$words" "gateway 192.0.2.11 \(192.0.2.11\): nonsense: $2" "$1: $2"
	is "$(state)" "$before" "$1: nothing is left behind"
}

# All that the parser can be told is in tests/unit/answer.c; here is a row for each class and way.
all_nonsense() {
	nonsense 'not JSON' 'not one JSON object' 'echo 40000'
	nonsense 'a list' 'not one JSON object' "echo '[{\"version\":1,\"port\":40000,\"time\":1}]'"
	nonsense 'port 70000' 'no port' "echo '{\"version\":1,\"port\":70000,\"time\":1795373281}'"
	nonsense 'no time' 'no time' "echo '{\"version\":1,\"port\":40000}'"
	nonsense 'two objects' 'something behind' \
		"echo '{\"version\":1,\"port\":40000,\"time\":1795373281}'
		echo '{\"version\":1,\"port\":40001,\"time\":1795373281}'"
	nonsense 'two objects, the later one later' 'something behind' \
		"echo '{\"version\":1,\"port\":40000,\"time\":1795373281}'; sleep 0.1
		echo '{\"version\":1,\"port\":40001,\"time\":1795373281}'"
	nonsense 'a NUL' 'something behind' \
		"printf '{\"version\":1,\"port\":40000,\"time\":1795373281}\\0\\n'"
	nonsense '1 MiB' 'too long' 'head -c 1048576 /dev/zero | tr "\0" " "'
	nonsense '1 MiB in an object' 'too long' \
		'printf "{\"x\":\""; head -c 1048576 /dev/zero | tr "\0" x; echo "\"}"'
	nonsense 'half a reply' 'not one JSON object' "printf '{\"version\":1,\"port\":40000'"
	nonsense 'an error without a code' 'an error without' "echo '{\"version\":1,\"error\":{}}'"
	nonsense 'a port and an error' 'both' \
		"echo '{\"version\":1,\"port\":40000,\"time\":1795373281,\"error\":{\"code\":1}}'"
	nonsense 'version 2' 'unsupported' "echo '{\"version\":2,\"port\":40000,\"time\":1795373281}'"
}

all_nonsense
nonsense 'dripping' 'not one JSON object' \
	"for c in '{' '\"' v e r s i o n '\"' : 1 , '\"' p; do printf %s \"\$c\"; sleep 1; done"

# The same where there is an interface, with a peer that is gone.
connect node -p "${gateway_key[good]}" 192.0.2.12
is "$status" 0 'an interface is there'
silence good
ip -n node link set wgmesh down
all_nonsense

# What is unusual, but a reply.
cat >"$work/case" <<'EOT'
read -r _
printf ' {"version" : 1,\n"extra":{"a":[1]},"time":1795373281, "port":40000}\r\n\n'
EOT
connect node -n 192.0.2.11
is "$status $printed" '0 {"version":1,"port":40000,"time":1795373281}' 'white space and more keys'
cat >"$work/case" <<'EOT'
echo 'bash: warning: setlocale: LC_ALL: cannot change locale'
read -r _
sleep 2
echo '{"version":1,"port":40000,"time":1795373281}'
EOT
connect node -n 192.0.2.11
is "$status $printed" '0 {"version":1,"port":40000,"time":1795373281}' 'a line before the reply'
cat >"$work/case" <<'EOT'
read -r _
printf '{"port":40000,"time":1795373281}\n'
sleep 20
EOT
before=$SECONDS
connect node -n 192.0.2.11
took=$((SECONDS - before))
is "$status" 0 'a gateway that gives no version and does not hang up'
ok 'is not waited for' test "$took" -lt 4

done_testing
