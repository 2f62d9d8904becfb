#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# broker-admin leaves alone what is not ours, and says clearly what it may not do.
source tests/lib.sh

# The links of these names, without what changes by itself.
links_of() { for name; do ip -d link show dev "$name"; done; }
everything() { links_of "${foreign[@]}"; wg show all dump | grep -E "^($(IFS='|'; echo "${foreign[*]}"))"$'\t'; }

# foreign_one NAME GROUP KIND
foreign_one() {
	foreign+=("$1")
	if [[ $3 == wireguard ]]; then
		ip link add "$1" group "$2" type wireguard
		wg set "$1" private-key "$etc/secret" peer "$(new_pubkey)" allowed-ips ::/0
		# An altname that looks like a key makes it no more ours.
		ip link property add dev "$1" altname "$(new_pubkey | tr '+/' '-_')"
	else
		ip link add "$1" group "$2" type "$3"
	fi
}

foreign=()
configure BABELPORT=
foreign_one "${prefix}20" 0 wireguard     # the prefix, but not the group
foreign_one "${prefix}21" 40001 wireguard # the same
foreign_one wgother1 40000 wireguard # the group, but not the prefix
foreign_one "${prefix}22" 40000 dummy     # both, but not the kind
foreign_one "${prefix}0" 40000 wireguard  # no slot has these names
foreign_one "${prefix}01" 40000 wireguard
foreign_one "$prefix" 40000 wireguard
foreign_one "${prefix}1x" 40000 wireguard
foreign_one "${prefix}65536" 40000 wireguard
foreign_one "${prefix}99999" 40000 wireguard
foreign_one "x${prefix}1" 40000 wireguard
foreign_one wg0 0 wireguard
before=$(everything)
is "$(grep -c '^[0-9]*: ' <<<"$before")" "${#foreign[@]}" 'each of the others is looked at'

is "$("$admin" status)" \
	'0 of 150 slots used, 150 free: 0 live, 0 waiting, 0 stale, 0 broken' 'status: none is ours'
ours=$(interface_of "$(key=$(new_pubkey) && ask "$key" >"$work/reply" && echo "$key")")
is "$("$admin" status --json | jq -r '[.peers[].interface] | join(" ")')" "$ours" \
	'status: only ours'
said=$(later 10000 "$admin" prune -n 2>&1)
like "$said" "^would remove $ours: [^"$'\n'"]*"$'\n'"would [^"$'\n'"]*\$" 'prune -n: only ours'
would 1 0 0 'which are all'
said=$(later 10000 "$admin" prune 2>&1)
pruned 1 0 0 'prune: only ours'
is "$(everything)" "$before" 'no other was touched'
ask "$(new_pubkey)" >"$work/reply"
is "$("$admin" flush 2>&1)" 'broker-admin: flushed: 1 removed' 'flush: only ours'
is "$(everything)" "$before" 'no other was touched'
is "$("$admin" flush 2>&1)" 'broker-admin: flushed: 0 removed' 'flush: of nothing'

key=$(new_pubkey)
for _ in 1 2 3; do
	ask "$(new_pubkey)" >"$work/reply"
done
configure BABELPORT= MAXCONNECTIONS=1
is "$("$admin" status --json | jq -c .slots.used)" 3 'a lowered limit hides none'
prune
pruned 0 3 0 'and removes none'
is "$("$admin" flush 2>&1)" 'broker-admin: flushed: 3 removed' 'until a flush'
configure BABELPORT=

diag 'without privileges'
cp "$admin" /tmp/broker-admin
ask "$key" >"$work/reply"
ours=$(interface_of "$key")
# unprivileged ARG...: $said and $status.
unprivileged() {
	said=$(setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/broker-admin "$@" 2>&1)
	status=$?
}
unprivileged status
like "$said" 'Operation not permitted; run it as root or with CAP_NET_ADMIN$' 'status says so'
is "$status" 71 'and exits with 71'
for command in prune 'prune -n' flush; do
	# shellcheck disable=SC2086 # two words
	unprivileged $command
	like "$said" "unable to read the private key $etc/secret: Permission denied; run it as root" "$command says so"
	is "$status" 78 'and exits with 78'
done
ok 'nothing was touched' ip link show dev "$ours"
is "$(everything)" "$before" 'nor what is not ours'

diag 'misuse'
for arguments in '' nonsense 'status prune' 'status -n' 'flush -n' 'prune --json' \
	'status --json --prometheus' 'status --prometheus=' 'status --prometheus=a/b' 'status --jsonx' '-c' \
	'status extra' 'check extra'; do
	# shellcheck disable=SC2086 # several words
	said=$("$admin" $arguments 2>&1)
	is $? 64 "broker-admin $arguments: exits with 64"
	like "$said" 'broker-admin: .*see --help$' 'a reason, and where the help is'
done
is "$("$admin" -h | head -n 1)" 'usage: broker-admin [-c file] check' \
	'-h prints the usage on stdout'
"$admin" -c /nonexistent status 2>"$work/said"
is $? 78 'a configuration that is not there: exits with 78'
echo 'STARTPORT=x' >"$work/config"
"$admin" -c "$work/config" flush 2>"$work/said"
is $? 78 'a bad one: the same'
like "$(<"$work/said")" "$work/config:1: STARTPORT must be" 'it names file, line and key'
ok 'and nothing was touched' ip link show dev "$ours"
"$admin" status --prometheus >/dev/full 2>"$work/said"
is $? 71 'a full disk: exits with 71'
like "$(<"$work/said")" 'unable to write to stdout: No space left' 'and says why'
done_testing
