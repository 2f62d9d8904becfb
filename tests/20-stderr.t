#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Some supervisors hand the node's socket over as stderr, too: no log line may reach the node.
source tests/lib.sh

# What goes to syslog ends in this file.
socat -u UNIX-RECV:/dev/log,mode=666 "OPEN:$work/syslog,creat,append" &
jobs+=($!)
await 10 test -S /dev/log

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

# by_stuck_syslog TEXT: how the handler ends, whether its reply was there at once, and that, while
# nobody reads /dev/log and its queue is full.
by_stuck_syslog() {
	python3 - "$1" "$handler" <<-'END'
		import os, socket, subprocess, sys, time
		os.unlink("/dev/log")
		log, filler = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
		log.bind("/dev/log")
		filler.connect("/dev/log")
		try:
		    while True:
		        filler.send(b"x", socket.MSG_DONTWAIT)
		except BlockingIOError:
		    pass
		ours, theirs = socket.socketpair()
		begun = time.monotonic()
		handler = subprocess.Popen(sys.argv[2], stdin=theirs, stdout=theirs, stderr=theirs)
		theirs.close()
		ours.sendall(sys.argv[1].encode() + b"\n")
		reply = ours.recv(4096).decode()
		print("at once" if time.monotonic() - begun < 1 else "late", end=" ")
		print(handler.wait(60), reply)
	END
}
like "$(by_stuck_syslog "$(request_of "$(random_pubkey)")")" '^at once 0 \{"version":1,"port":' \
	'a syslog that takes nothing: the reply is there at once, and the handler gets to its end'
kill "${jobs[0]}"
rm /dev/log
socat -u UNIX-RECV:/dev/log,mode=666 "OPEN:$work/syslog,creat,append" &
jobs+=($!)
await 10 test -S /dev/log

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
by_xinetd() { client -s reply -x "$1\\n"; }
check_all xinetd by_xinetd
is "$(count_interfaces)" 3 'three keys, three interfaces'
done_testing
