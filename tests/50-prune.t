#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-admin prune: who goes and who stays, by the boot clock, whatever the wall clock does.
# Time is not waited for: a prune runs in a time namespace whose boot clock is ahead.
source tests/lib.sh

# prune_at SECONDS [ARG...]: a pass that much later. What it said is $said.
prune_at() {
	local seconds=$1
	shift
	said=$(later "$seconds" "$admin" prune "$@" 2>&1)
}

# shellcheck disable=SC2317 # called by ok
exists() { ip link show dev "$1" >/dev/null 2>&1; }
# shellcheck disable=SC2317 # called by ok
gone() { ! exists "$1"; }

# silence NODE: no packet of it reaches the gateway any more.
silence() { ip -n "$1" link set wg0 down; }

# new_second: waits until the boot clock has just come to another one.
new_second() {
	local before now
	before=$(boot_clock)
	until read -r now _ </proc/uptime && ((${now%.*} > before)); do
		sleep 0.02
	done
}

# at_age INTERFACE FIELD AGE: tries a prune when the time in a field of the note is just so long
# ago. What it said is $said.
at_age() {
	local when
	when=$(note_of "$1" "$2")
	new_second
	prune_at $(($3 + when - $(boot_clock))) -n
}

# join NODE NUMBER: a node with a tunnel that had its handshake. Its interface is $name.
join() {
	local pubkey
	add_node "$1" "$2"
	pubkey=$(make_key "$1")
	tunnel "$1" "$(port_of "$(ask "$pubkey")")"
	name=$(interface_of "$pubkey")
	ok "$1 has its handshake" wait_for 30 has_handshake "$name"
}

# half_made NAME PUBKEY: what a handler leaves that is killed after its interface is up.
half_made() {
	ip link add "$1" group 40000 type wireguard
	ip link property add dev "$1" altname "$(altname_of "$2")"
	wg set "$1" private-key "$etc/secret" listen-port $((39999 + ${1#"$prefix"})) \
		peer "$2" allowed-ips ::/0
	ip link set "$1" up
}

configure BABELPORT=
ok 'nothing to prune' "$admin" prune

join node1 1 && one=$name
silence node1
is "$("$admin" prune 2>&1)" \
	'broker-admin: pruned: 0 removed, 1 kept, 0 told to routing daemons' 'one line tells it all'
is "$(note_of "$one" stamp)" "$(handshake_of "$one")" 'a pass notes the handshake that it saw'
at_age "$one" handshake 599
would 0 1 0 'a handshake 599 s ago stays'
at_age "$one" handshake 601
is "$(head -n 1 <<<"$said")" "would remove $one: no handshake for 601 s" 'one 601 s ago goes'
would 1 0 0 'and that is said, too'

waiting=$(new_pubkey)
ask "$waiting" >"$work/reply"
waiting=$(interface_of "$waiting")
at_age "$waiting" asked 299
would 0 2 0 'asked for 299 s ago stays'
at_age "$waiting" asked 301
is "$(head -n 1 <<<"$said")" "would remove $waiting: asked for 301 s ago, never had a handshake" \
	'301 s ago goes'
would 1 1 0 'and no other'
before=$(ip -d link show group 40000 && wg show all dump)
prune_at 10000 -n
would 2 0 0 '-n says what it would do'
is "$(ip -d link show group 40000 && wg show all dump)" "$before" 'and changes nothing'

join node2 2 && two=$name
prune_at 700
pruned 2 1 0 'the dead are removed'
ok 'one that was silent is gone' gone "$one"
ok 'one that never came is gone' gone "$waiting"
ok 'the live one is there' exists "$two"

diag 'the wall clock is stepped; from here on the boot clock is always 1,000 s ahead or more'
join node3 3 && three=$name
handshake_again node2 "$two"
prune_at 1000
pruned 0 2 0 'both live at 1,000 s'
silence node3
date -s "$(date -d '+1 year' '+%F %T')" >"$work/date"
prune_at 1300
pruned 0 2 0 'a year on, no handshake since: both stay'
handshake_again node2 "$two"
prune_at 1500
pruned 0 2 0 'a year on, one handshake since, the other 500 s ago: both stay'
prune_at 1650
pruned 1 1 0 'the dead goes in its time'
ok 'which is the one that was silent' gone "$three"

join node4 4 && four=$name
prune_at 1700
pruned 0 2 0 'both live at 1,700 s'
before=$(boot_clock)
handshake_again node4 "$four"
after=$(boot_clock)
silence node4
date -s "$(date -d '-1 year' '+%F %T')" >"$work/date"
prune_at 1900
pruned 0 2 0 'a year back: both stay'
when=$(note_of "$four" handshake)
ok 'the age of a handshake from the future is known by the old clock' \
	test "$when" -ge $((1700 + before - 1)) -a "$when" -le $((1700 + after + 1))
# Its clock fell back: the kernel takes its handshakes for replays until it asks anew.
request_of "$(wg pubkey <"$work/node2.key")" | later 2000 "$handler" >"$work/reply" 2>"$work/log"
like "$(<"$work/log")" "interface $two, port [0-9]+, renewed(, key .{8})?\$" 'who asks when its handshake is old is renewed'
ok 'a year back, and can handshake again' handshake_again node2 "$two"
prune_at 2250
pruned 0 2 0 'a year back, in the time of both: both stay'
prune_at 2400
pruned 1 1 0 'the dead goes in its time'
ok 'which is the one that was silent' gone "$four"
silence node2
prune_at 2750
pruned 0 1 0 'another 500 s of silence'
ok 'stays' exists "$two"
prune_at 3100
ok 'over 600 s: goes' gone "$two"
is "$(count_interfaces)" 0 'all are gone'

diag 'what killed handlers leave'
ip link add "${prefix}7" group 40000 type wireguard
ip link add "${prefix}8" group 40000 type wireguard
ip link property add dev "${prefix}8" altname "$(altname_of "$(new_pubkey)")"
key=$(make_key node1)
half_made "${prefix}9" "$key"
prune_at 0
pruned 2 1 0 'what no node can use is removed at once, the rest is kept'
is "$(interfaces)" "${prefix}9" 'which is the one that is up and has its peer'
is "$(port_of "$(ask "$key")")" 40008 'its node is answered from it'
like "$(ip -6 addr show dev "${prefix}9")" 'fe80::9/64' 'which was completed before'
ip link set "${prefix}9" alias ''
prune_at 0
prune_at 250
ok 'one without a note has its time from then on' exists "${prefix}9"
prune_at 301
ok 'and no more' gone "${prefix}9"

half_made "${prefix}9" "$key"
tunnel node1 40008
ok 'a node that uses a half-made one' wait_for 30 has_handshake "${prefix}9"
prune_at 0
ok 'keeps it' exists "${prefix}9"
before=$(handshake_of "${prefix}9")
is "$(port_of "$(ask "$key")")" 40008 'and is answered from it'
is "$(handshake_of "${prefix}9")" "$before" 'without losing its session'

diag 'a full gateway'
ip link property add dev "${prefix}9" altname "$prefix-full-150"
read -r uptime _ </proc/uptime
ip link set "${prefix}9" alias "$(ip -j link show "${prefix}9" | jq -r '.[].ifalias') full=$((${uptime%.*} + 30)) limit=0 quota=0 failed=0"
is "$(code_of "$(ask "$(new_pubkey)")")" 1 'the mark of a full gateway turns newcomers away'
prune_at 0
like "$(ask "$(new_pubkey)")" '^\{"version":1,"port":4[0-9]{4},' 'until the next pass'

diag 'the lock'
flock -x "$etc/secret" sleep 600 &
locked=$!
await 5 bash -c "! flock -n -x $etc/secret true"
"$admin" prune >"$work/output" 2>&1 &
pruner=$!
# CAP_NET_ADMIN is bit 12.
is_confined() { [[ $(grep -E '^(CapPrm|NoNewPrivs)' "/proc/$pruner/status" | xargs) == 'CapPrm: 0000000000001000 NoNewPrivs: 1' ]]; }
ok 'a pass that waits for it has CAP_NET_ADMIN and no more' wait_for 10 is_confined
wait "$pruner"
is $? 75 'a pass that does not get the lock ends with its own code'
like "$(<"$work/output")" "unable to lock $etc/secret: another process holds it" 'and says why'
kill "$locked"
done_testing
