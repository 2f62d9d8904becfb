#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-admin show: all about a peer, and what the next prune does with it, which it then does.
# shellcheck disable=SC2317,SC2329 # functions that wait_for calls
source tests/meshds.sh

# show [KEY...]: what it says is $said, the code $status.
show() {
	said=$("$admin" show "$@" 2>&1)
	status=$?
}
# fact NAME: one of those.
fact() { sed -n "s/^  $1: //p" <<<"$said"; }

configure "DENYKEYS=$etc/deny"
mkdir "$etc/deny"
add_node node1 1
key=$(make_key node1)
port=$(port_of "$(ask "$key")")
name=$(interface_of "$key")
show "$key"
is "$(sed '/asked/s/[0-9][0-9]*/0/' <<<"$said")" "interface: $name
  public key: $key
  index: $(index_of "$name")
  slot: ${name##*[!0-9]}
  listening port: $port
  address: $(address_of "$name")
  state: waiting
  asked: 0 s ago
  latest handshake: never
  endpoint: (none)
  transfer: 0 B received, 0 B sent
  permitted: yes
  next prune: keeps it" 'a node that has just asked'
is "$status" 0 'exit code 0'

tunnel node1 "$port"
await 15 has_handshake "$name"
show "$(altname_of "$key")"
like "$(fact state) $(fact 'latest handshake')" '^live [0-9]+ s ago$' 'with a tunnel, by its altname'
is "$(fact endpoint)" "$(wg show "$name" endpoints | cut -f 2)" 'its endpoint is what wg shows'
like "$(fact transfer)" '^[1-9][0-9]* B received, [1-9][0-9]* B sent$' 'and bytes went both ways'
dumped=$(wg show "$name" dump)
before=$(ip -d link show dev "$name"; ip -6 addr show dev "$name")
show "$key"
is "$(ip -d link show dev "$name"; ip -6 addr show dev "$name")" "$before" 'nothing was changed'
is "$(wg show "$name" dump | cut -f 1-4)" "$(cut -f 1-4 <<<"$dumped")" 'nor of WireGuard'

"$admin" deny "$key"
show "$key"
is "$(fact permitted), $(fact 'next prune')" 'no, removes it: its key is not permitted' 'one that is denied'
"$admin" deny -r "$key"
key2=$(new_pubkey)
ask "$key2" >"$work/reply"
name2=$(interface_of "$key2")

# What it knows of the handshake's time by then.
"$admin" prune 2>>"$work/log"
# show_in SECONDS KEY: in so many seconds.
show_in() { said=$(later "$1" "$admin" show "$2"); }
show_in 250 "$key2"
is "$(fact 'next prune')" 'keeps it' 'one that asked 250 s ago'
show_in 310 "$key2"
like "$(fact 'next prune')" '^removes it: asked for 31[0-9] s ago, never had a handshake$' 'one that asked 310 s ago'
like "$(later 310 "$admin" prune -n)" "would remove $name2: asked for 31[0-9] s ago, never" 'prune says the same'
show_in 700 "$key"
like "$(fact 'next prune')" '^removes it: no handshake for 7[0-9]+ s$' 'one that had its handshake 700 s ago'
is "$(fact state)" stale 'which is stale'
ip link set "$name2" alias 'the words of an operator'
show "$key2"
is "$(fact asked), $(fact 'next prune')" 'never, keeps it' 'one without a note of ours has its time from then on'
show_in 400 "$key2"
is "$(fact 'next prune')" 'keeps it' 'however long ago the machine was started'
ip link set "$name2" down
show "$key2"
is "$(fact state), $(fact 'next prune')" 'broken, removes it: half-made' 'half of one'

diag 'keys without an interface'
none=$(new_pubkey)
show "$none"
is "$said $status" "broker-admin: no interface of ours has the key $(altname_of "$none") 71" 'none: it says so'
show "$none" "$key" "$key2"
is "$status $(grep -c ^interface: <<<"$said")" '71 2' 'which does not spare the others'
is "$(sed -n '/^$/,$p' <<<"$said" | sed -n 2p)" "interface: $name2" 'with an empty line in between'
ip link add foreign0 type dummy
ip link property add dev foreign0 altname "$(altname_of "$none")"
show "$none"
is "$status" 71 'an interface that is not ours: the same'
show
is "$status" 64 'no key: misuse'
mv "$etc/deny" "$etc/denied"
show "$key"
is "$status" 78 'a list that cannot be read: exit code 78'
mv "$etc/denied" "$etc/deny"

diag 'routing daemons'
ip link set "$name2" up
start_all
configure "L3ROAMDSOCK=$work/l3roamd.sock" "MMFDSOCK=$work/mmfd.sock"
show "$key"
is "$(fact l3roamd), $(fact mmfd)" 'does not know it, does not know it' 'two that do not know it'
is "$(fact babeld)" '' 'one that is not configured is left out'
key3=$(new_pubkey)
ask "$key3" >"$work/reply"
show "$key3" "$key"
is "$(fact mmfd | paste -sd ' ')" 'knows it does not know it' 'they know the one that came since'
"$admin" resync 2>>"$work/log"
show "$key" "$key2"
is "$(fact mmfd | paste -sd ' ')" 'knows it knows it' 'and that were told'
kill -KILL "${pid[mmfd]}"
wait "${pid[mmfd]}" 2>/dev/null
show "$key"
is "$(fact l3roamd), $(fact mmfd)" 'knows it, does not answer' 'one of them has died'
is "$status" 0 'which is no failure'
done_testing
