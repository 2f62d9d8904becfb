#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Both ends of the protocol with what is in the field: shell clients at our handler, and our node's
# side at a gateway that is a shell script.

# shellcheck disable=SC2016,SC2317 # text for other shells, and functions that are called by name
source tests/lib.sh
source tests/gateways.sh

add_gateway gw1 1 MAXCONNECTIONS=4
add_node node 30
make_key node >/dev/null

# shell_client REQUEST: as the clients of 2018 to 2021 do it. Prints the port, FULL or ERROR.
shell_client() {
	local reply
	reply=$(ask_by_netcat node 192.0.2.11 "$1")
	jq -r 'if .error.code == 1 then "FULL" elif .error then "ERROR" else .port end' \
		<<<"$reply" 2>/dev/null || echo "NO JSON: $reply"
}
a=$(new_pubkey) b=$(new_pubkey) c=$(new_pubkey)
like "$(shell_client "{\"version\":1, \"pubkey\":\"$a\"}"$'\n')" '^4[0-9]+$' 'a line'
like "$(shell_client "{\"version\":1, \"pubkey\":\"$a\", \"localport\":12345 }")" '^4[0-9]+$' \
	'localport, blanks, and no end of the line'
like "$(shell_client "{\"pubkey\":\"$b\",\"localport\":12345}"$'\n')" '^4[0-9]+$' 'no version'
like "$(shell_client "{
  \"version\":1,
  \"pubkey\": \"$c\"
}
")" '^4[0-9]+$' 'over several lines'
is "$(shell_client "{\"version\":1,\"pubkey\":\"no key\"}")" ERROR 'not a key'
like "$(shell_client "{\"version\":1,\"pubkey\":\"$(new_pubkey)\"}")" '^4[0-9]+$' 'the last slot'
is "$(shell_client "{\"version\":1,\"pubkey\":\"$(new_pubkey)\"}")" FULL 'and FULL'

# first_line: how long after the request the reply is there, in ms, though the socket stays open.
first_line() {
	at node python3 - "$a" <<-'PYTHON'
		import socket, sys, time
		s = socket.create_connection(("192.0.2.11", 40000))
		start = time.monotonic()
		s.sendall(b'{"version":1,"pubkey":"%s"}' % sys.argv[1].encode())
		s.makefile().readline()
		print(int((time.monotonic() - start) * 1000))
	PYTHON
}
took=$(first_line)
diag "a reply after $took ms, with the socket held open"
ok 'who holds the socket open is answered before' test "$took" -lt 2000

# A gateway of bash, jq, ip and wg. It hangs up only after some more work.
shell_secret=$(wg genkey)
shell_key=$(wg pubkey <<<"$shell_secret")
replies shell 2 <<EOT
read -r line
printf '%s\n' "\$line" >$work/request
pubkey=\$(jq -r .pubkey <<<"\$line")
ip link add wg-1 type wireguard
wg set wg-1 listen-port 40123 private-key <(echo '$shell_secret') peer "\$pubkey" allowed-ips ::/0
ip addr add fe80::7c/64 dev wg-1 nodad
ip link set wg-1 multicast on up
source $work/answer
# What else the client says, or whether it ends its half.
read -r -t 1 more
echo "\$? \$more" >$work/more
EOT
for answer in 'jq -cn --argjson t $(date +%s) "{version:1,port:40123,time:\$t}"' \
	'jq -n --argjson t $(date +%s) "{port:40123,time:\$t}"'; do
	echo "$answer" >"$work/answer"
	connect node -p "$shell_key" 192.0.2.12
	is "$status" 0 "connected to a shell's gateway: $answer"
	ok 'a ping through the tunnel' wait_for 20 pings node 40123
	ip -n node link delete wgmesh
	ip -n shell link delete wg-1
done
is "$(<"$work/request")" "$(request_of "$(wg pubkey <"$work/node.key")")" 'the request to the letter'
ok 'nothing comes after it' grep -qE '^(1[0-9]{2} |1 )$' "$work/more"
echo 'echo "{\"version\":1,\"error\":{\"code\":1,\"reason\":\"Remote peer is not accepting additional connections\"}}"' \
	>"$work/answer"
connect node -p "$shell_key" 192.0.2.12
is "$status" 75 'full, in the words of the shell'

done_testing
