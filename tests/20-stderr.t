#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Some supervisors hand the node's socket over as stderr, too: no log line may reach the node.
source tests/lib.sh

# What goes to syslog ends in this file.
socat -u UNIX-RECV:/dev/log,mode=666 "OPEN:$work/syslog,creat,append" &
jobs+=($!)
wait_for 10 test -S /dev/log

# by_socketpair TEXT [ARG...]: what the handler with these arguments sends to a node whose socket is
# its stdin, stdout and stderr.
by_socketpair() {
	python3 -c '
import socket, subprocess, sys
ours, theirs = socket.socketpair()
ours.sendall(sys.argv[1].encode() + b"\n")
ours.shutdown(socket.SHUT_WR)
handler = subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=theirs, stderr=theirs)
theirs.close()
try:
    while data := ours.recv(4096):
        sys.stdout.buffer.write(data)
except ConnectionResetError:
    print("and a reset, which may overtake the reply")
handler.wait()' "$1" "$handler" "${@:2}"
}
request=$(request_of "$(random_pubkey)")

port='^\{"version":1,"port":[0-9]+,"time":[0-9]+\}$'
code6='^\{"version":1,"error":\{"code":6,"reason":"temporary failure"\}\}$'
# check_all HOW ASK: asks in all the ways that log something.
check_all() {
	configure
	like "$($2 "$request")" "$port" "$1: a port, and nothing else"
	like "$($2 'no JSON')" '^\{"version":1,"error":\{"code":2,[^{}]*\}\}$' "$1: code 2, and nothing else"
	configure MTU=wrong NONSENSE=1
	like "$($2 "$request")" "$code6" "$1: a bad configuration: code 6, and nothing else"
	configure PRIVATEKEY=/nowhere
	like "$($2 "$(request_of "$(random_pubkey)")")" "$code6" "$1: no private key: code 6, and nothing else"
	for line in accepted 'refused .*: malformed' 'MTU must be' 'unknown key NONSENSE' /nowhere; do
		ok "$1: the log has '$line'" wait_for 5 grep -q "broker-handler.*$line" "$work/syslog"
	done
	: >"$work/syslog"
}
check_all 'a socket as 0, 1 and 2' by_socketpair

configure
like "$(by_socketpair "$request" -x)" "$code6" 'a wrong option: code 6, and nothing else'
like "$(by_socketpair "$request" -c /nowhere)" "$code6" 'no configuration: code 6, and nothing else'

like "$(request_of "$(random_pubkey)" | "$handler" 2>&-)" "$port" 'stderr is closed: a port'

# The real xinetd.
cat >"$work/xinetd.conf" <<END
service broker
{
	type = UNLISTED
	port = 40000
	flags = IPv6
	socket_type = stream
	protocol = tcp
	wait = no
	user = root
	server = $PWD/$handler
	instances = UNLIMITED
	per_source = UNLIMITED
	cps = 10000 1
}
END
: >"$work/syslog"
xinetd -dontfork -f "$work/xinetd.conf" 2>"$work/xinetd.log" &
jobs+=($!)
ok 'xinetd listens' wait_for 10 listens 40000
by_xinetd() { client -x "$1\\n" | jq -j .reply; }
check_all xinetd by_xinetd
is "$(count_interfaces)" 2 'two keys, two interfaces'
done_testing
