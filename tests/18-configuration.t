#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The shell broker's configuration works unchanged. Each mistake gets a message with file, line and
# what is allowed; a known peer that is live does not mind, and any other node gets code 6.
source tests/lib.sh

configure
key=$(random_pubkey)

# run [ARG...]: asks for $key; $reply, $status and $said, what it logged, are what came of it.
run() {
	reply=$(request_of "$key" | "$handler" "$@" 2>"$work/said")
	status=$?
	said=$(<"$work/said")
}

mtu_of() { cat "/sys/class/net/$1/mtu"; }

# The whole file of a shell broker, which it sourced, with its comments and quotes.
cat >"$etc/config" <<'END'
# Configuration of wg-broker
export BROKERPORT=40000
STARTPORT=40100	# first port of the range
ENDPORT=40109 # and the last one
BABELPORT=33123

MTU="1312"
WG='wg-mesh'        # the firewall's name of us
WAN=eth0
MAXCONNECTIONS=5
PRIVATEKEY=/etc/wg-broker/secret
L3ROAMDSOCK="/var/run/l3roamd.sock"
MMFDSOCK=""
  # the end
END
run
like "$(port_of "$reply")" '^4010[0-4]$' "the shell broker's file: a port of its range"
is "$status" 0 'exit code 0'
is "$(mtu_of "$(interface_of "$key")")" 1312 'MTU is that of the file'
unlike "$said" "$etc/config" 'and there is nothing to say of it'
for ((i = 0; i < 6; i++)); do ask "$(random_pubkey)"; done >"$work/replies"
is "$(count_interfaces)" 5 'its limit holds'
delete_interfaces

run -c /nowhere
is "$(code_of "$reply") $status" '6 78' 'a file that is not there: code 6, exit code 78'
like "$said" '^broker-handler: (failed local: )?/nowhere: unable to open .*: No such file' 'with its name in the log'
rm "$etc/config"
BABELPORT='' run
like "$(port_of "$reply")" '^40[0-9]{3}$' 'no file in the usual place: the defaults'
is "$(mtu_of "$(interface_of "$key")")" 1374 'of which MTU is 1374'
delete_interfaces
: >"$etc/config"
BABELPORT='' MTU=1290 STARTPORT=40900 run
ok 'the environment sets STARTPORT' test "$(port_of "$reply")" -ge 40900
is "$(mtu_of "$(interface_of "$key")")" 1290 'and MTU'
delete_interfaces

# wrong LINE MESSAGE: this as line 3 of a file is a mistake, and said to be this one.
wrong() {
	printf '# a comment\n\n%s\nMTU=1400\n' "$1" >"$etc/config"
	run
	is "$(code_of "$reply") $status" '6 78' "$1: code 6, exit code 78"
	like "$said" "^broker-handler: (failed local: )?$etc/config:3: $2" "$1: the message"
}
number='must be a number from'
wrong MTU=1279 "MTU $number 1280 to 65455"
wrong MTU=65456 "MTU $number 1280 to 65455"
wrong MTU=1374x "MTU $number"
wrong MTU=-1 "MTU $number"
wrong MTU= "MTU $number"
wrong MTU=0x600 "MTU $number"
wrong MTU=99999999999999999999 "MTU $number"
wrong STARTPORT=0 "STARTPORT $number 1 to 65535"
wrong ENDPORT=65536 "ENDPORT $number 1 to 65535"
wrong MAXCONNECTIONS=65536 "MAXCONNECTIONS $number 0 to 65535"
wrong TIMEOUT=0 "TIMEOUT $number 1 to 3600"
wrong BROKERPORT=http "BROKERPORT $number 1 to 65535"
wrong PRIVATEKEY=secret 'PRIVATEKEY must be an absolute path'
wrong PRIVATEKEY= 'PRIVATEKEY must be an absolute path'
wrong L3ROAMDSOCK=l3roamd.sock 'L3ROAMDSOCK must be an absolute path'
wrong MMFDSOCK=x 'MMFDSOCK must be an absolute path'
wrong BABELPORT=70000 'BABELPORT must be a port from 1 to 65535, the absolute path'
wrong "IFPREFIX=$prefix-and-more" 'IFPREFIX must be letters'
wrong IFPREFIX=a/b 'IFPREFIX must be letters'
wrong IFGROUP=0 "IFGROUP $number"
wrong PORT=1 'unknown key PORT; known are BROKERPORT STARTPORT'
wrong mtu=1400 'unknown key'
wrong 'MTU = 1400' 'a line must be KEY=VALUE'
wrong 'nonsense' 'a line must be KEY=VALUE'
wrong 'MTU=1400 1500' 'MTU: only a # comment may follow'
wrong 'MTU="1400' 'MTU: the quote does not end'
wrong "MTU=\$((1400))" 'MTU: \$, ` and .* are not expanded'
wrong 'MTU=`reboot`' 'MTU: \$, ` and .* are not expanded'
wrong 'PRIVATEKEY=/a;reboot' 'PRIVATEKEY: ; & .* must stand in quotes'
printf 'MTU=1\n\nMTU=2\nPORT=1\n' >"$etc/config"
run
is "$(grep -o "$etc/config:[0-9]*: " <<<"$said" | cut -d : -f 2 | xargs)" '1 3 4' \
	'three mistakes: a message for each'
printf 'STARTPORT=40002\nENDPORT=40001\n' >"$etc/config"
run
like "$(code_of "$reply") $said" '^6 .*ENDPORT must not be lower than STARTPORT' \
	'an empty range: code 6, and the message'
: >"$etc/config"
MTU=1 run
like "$(code_of "$reply") $said" '^6 .*environment: MTU must be a number from 1280' \
	'a mistake in the environment: code 6, and the message'
is "$(count_interfaces)" 0 'no interface came of all that'

# bad_key DESCRIPTION MESSAGE: with the private key's file as it is.
bad_key() {
	run
	is "$(code_of "$reply") $status" '6 78' "$1: code 6, exit code 78"
	like "$said" "^broker-handler: (failed local: )?unable to read the private key $etc/secret: $2" \
		"$1: the message"
}
configure
cp -a "$etc/secret" "$work/secret"
renew_key() { rm -rf "$etc/secret" && cp -a "$work/secret" "$etc/secret"; }
chmod 644 "$etc/secret"
bad_key 'a key file that all can read' 'others can read or write it; chmod'
chmod 602 "$etc/secret"
bad_key 'one that all can write' 'others can read or write it'
chmod 640 "$etc/secret"
chgrp nogroup "$etc/secret"
bad_key 'one that a foreign group can read' 'others can read or write it'
rm "$etc/secret"
bad_key 'none' 'No such file or directory'
mkdir "$etc/secret"
bad_key 'a folder' 'it is not a regular file'
rmdir "$etc/secret"
mkfifo -m 600 "$etc/secret"
bad_key 'a pipe' 'it is not a regular file'
for text in '' 'not a key' "$(head -c 31 /dev/zero | base64)" "$(head -c 32 /dev/zero | base64)" \
	"$(<"$work/secret")$(<"$work/secret")" "$(<"$work/secret") "; do
	rm "$etc/secret"
	(umask 077 && echo "$text" >"$etc/secret")
	bad_key "one of ${#text} characters that are no key" 'it holds no private key; make one with'
done
is "$(count_interfaces)" 0 'no interface came of all that'

renew_key
chmod 440 "$etc/secret"
run
ok 'one that root and its group can read is good' test "$(port_of "$reply")"
printf '%s\r\n' "$(<"$work/secret")" >"$etc/secret"
delete_interfaces
run
ok 'so is one whose line ends in CR LF' test "$(port_of "$reply")"

# The configuration changes: a live peer keeps what it has, and gets the new one when it is renewed.
delete_interfaces
renew_key
add_node node1 1
key=$(make_key node1)
run
port=$(port_of "$reply")
name=$(interface_of "$key")
tunnel node1 "$port"
ok 'a node handshakes' wait_for 15 has_handshake "$name"
handshake=$(handshake_of "$name")
configure STARTPORT=42000 ENDPORT=42149 MTU=1290
run
is "$(port_of "$reply")" "$port" 'other ports are configured: a live peer keeps its own'
is "$(handshake_of "$name")" "$handshake" 'and its session'
rm "$etc/secret"
run
is "$(port_of "$reply")" "$port" 'even if the private key is gone'
renew_key
ip -n node1 link delete wg0
ip link set "$name" down
run
port2=$(port_of "$reply")
is "$port2" "$((42000 + ${name#"$prefix"} - 1))" 'when it is renewed, it gets the new port'
ok 'on the same interface, which is complete' is_complete "$key" "$port2"
is "$(mtu_of "$name")" 1290 'and has the new MTU'

# A gateway that goes out of service.
configure STARTPORT=42000 ENDPORT=42149 MAXCONNECTIONS=0
run
is "$(port_of "$reply")" "$port2" 'MAXCONNECTIONS=0: a node that is there is served'
ok 'on its interface' is_complete "$key" "$port2"
ip link set "$name" down
run
is "$(port_of "$reply")" "$port2" 'also if it has to be renewed'
key2=$(new_pubkey)
is "$(code_of "$(ask "$key2")")" 1 'a new one is refused: code 1'
is "$(count_interfaces)" 1 'and nothing is made for it'
like "$("$admin" status)" '1 of 0 slots used, 0 free' 'status says so'

# later_ask SECONDS PUBKEY: what the handler replies then.
later_ask() { request_of "$2" | later "$1" "$handler" 2>>"$work/log"; }

# A limit that is lowered: who is there stays, and nobody comes in until there is room.
delete_interfaces
configure MAXCONNECTIONS=10
for ((i = 0; i < 10; i++)); do ask "$(random_pubkey)"; done >"$work/replies"
is "$(count_interfaces)" 10 'ten nodes, as many as may be'
for ((i = 1; i <= 5; i++)); do ip link delete "$prefix$i"; done
configure MAXCONNECTIONS=5
is "$(code_of "$(ask "$key2")")" 1 'five have left, and the limit is five: a new one is refused'
is "$(code_of "$(ask "$key2")")" 1 'and refused again'
is "$(count_interfaces)" 5 'the five are there'
like "$("$admin" status)" '5 of 5 slots used, 0 free' 'status says that none is free'
like "$("$admin" check)" 'note    room: all 5 slots are used' 'and so does check'
ip link delete "${prefix}7"
is "$(code_of "$(later_ask 20 "$key2")")" 1 'one more leaves: what was found counts for half a minute'
like "$(port_of "$(later_ask 40 "$key2")")" '^4000[0-4]$' 'then the new one is let in, within the limit'
is "$(code_of "$(later_ask 80 "$(new_pubkey)")")" 1 'and no other'
is "$(count_interfaces)" 5 'there are never more than five'
for i in 6 8 9 10; do ip link delete "$prefix$i"; done
for ((i = 0; i < 6; i++)); do later_ask 120 "$(random_pubkey)"; done >"$work/replies"
is "$(count_interfaces)" 5 'when the others have left, all five slots can be had'
configure MAXCONNECTIONS=10
for ((i = 0; i < 12; i++)); do later_ask 160 "$(random_pubkey)"; done >"$work/replies"
is "$(count_interfaces)" 10 'the limit is raised'
for ((i = 1; i <= 5; i++)); do ip link delete "$prefix$i"; done
configure MAXCONNECTIONS=5
is "$(code_of "$(later_ask 200 "$(new_pubkey)")")" 1 'and lowered again: nobody comes in'

like "$("$handler" -h)" '^usage: broker-handler \[-hV\] \[-c file\]' '-h prints the usage'
like "$("$handler" -V)" '^broker-handler [0-9.]+$' '-V prints the version'
for misuse in '-x|unknown option -x' '--xml|unknown option --xml' '-c|no value is given for -c' \
	'one|unexpected argument one'; do
	run "${misuse%|*}"
	is "$(code_of "$reply") $status" '6 64' "${misuse%|*}: code 6, exit code 64"
	is "$said" "broker-handler: ${misuse#*|}; see --help" 'and the log says why'
done
done_testing
