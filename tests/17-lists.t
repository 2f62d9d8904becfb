#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lists of keys: who may have an interface, and who loses it.
source tests/lib.sh

allow=$etc/allow deny=$etc/deny
# listed KEY: the name that it has in a list.
listed() { tr +/ -_ <<<"$1"; }
prune() { said=$("$admin" prune "$@" 2>&1); }

configure
mkdir "$allow" "$deny"
add_node node1 1
live=$(make_key node1) other=$(new_pubkey)
configure "DENYKEYS=$deny"
tunnel node1 "$(port_of "$(ask "$live")")"
ok 'a list that is empty denies nobody' wait_for 15 has_handshake "$(interface_of "$live")"

touch "$deny/$(listed "$live")" "$deny/$(listed "$other")"
is "$(code_of "$(ask "$other")")" 5 'a new key that is denied: code 5'
like "$(tail -n 1 "$work/log")" '^broker-handler: refused local: public key not permitted, key ' 'the log says so'
is "$(count_interfaces)" 1 'and nothing is made'
is "$(code_of "$(ask "$live")")" 5 'one with a live session: code 5'
is "$(count_interfaces)" 1 'but its interface stays'
prune -n
like "$said" "would remove ${prefix}[0-9]+: its key is not permitted" 'prune -n says why it will go'
prune
like "$said" 'pruned: 1 removed, 0 kept' 'prune removes it'
is "$(count_interfaces)" 0 'and it is gone'

rm "$deny/$(listed "$live")"
configure "ALLOWKEYS=$allow" "DENYKEYS=$deny"
is "$(code_of "$(ask "$live")")" 5 'a list of those that are allowed, and it is not one: code 5'
touch "$allow/$(listed "$live")" "$allow/$(listed "$other")"
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'it is one: it is served'
is "$(code_of "$(ask "$other")")" 5 'allowed and denied: denied'
prune
like "$said" 'pruned: 0 removed, 1 kept' 'prune keeps it'

# 100,000 keys cost the same as one.
(cd "$allow" && random_pubkeys 100000 | tr +/ -_ | sed 's:^:./:' | xargs touch)
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'one of 100,000 is served'
is "$(code_of "$(ask "$(new_pubkey)")")" 5 'and one that is not of them is not'

# Both lists change all the time, by whatever hand, and one key is always on one of them.
denied=$(random_pubkey)
touch "$allow/$(listed "$denied")" "$deny/$(listed "$denied")"
while random_pubkeys 50 | tr +/ -_ | sed 's:^:./:' >"$work/names"; do
	(cd "$allow" && xargs touch) <"$work/names"
	(cd "$deny" && xargs touch) <"$work/names"
	touch "$deny/$(listed "$other")" "$work/turned"
	(cd "$allow" && xargs rm) <"$work/names"
	(cd "$deny" && xargs rm) <"$work/names"
	rm "$deny/$(listed "$other")"
done &
changer=$!
await 10 test -e "$work/turned"
for ((i = 0; i < 40; i++)); do
	ask "$live" | jq -c 'has("port")'
	ask "$denied" | jq -c '.error.code'
	ask "$other" | jq -r '.error.code // "port"' >>"$work/turns"
done >"$work/replies"
kill "$changer"
wait "$changer" 2>/dev/null
is "$(sort "$work/replies" | uniq -c | xargs)" '40 5 40 true' \
	'while lists change, who is on one gets what that says, each time'
is "$(sort -u "$work/turns" | xargs)" '5 port' 'and who comes on and off gets now one, now the other'
find "$deny" -type f -delete
touch "$deny/$(listed "$other")"
is "$(code_of "$(ask "$other")")" 5 'at last it is denied'
"$admin" kick "$other" 2>>"$work/log"

# The operator's commands.
"$admin" deny "$live"
is "$(code_of "$(ask "$live")")" 5 'broker-admin deny: the key is denied'
"$admin" deny "$live" "$(new_pubkey)"
is "$(find "$deny" -type f | wc -l)" 3 'once more changes nothing; another key is denied, too'
"$admin" deny -r "$live"
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'deny -r: it is served'
# Such a name may begin with -.
"$admin" allow -r -- "$(listed "$live")"
is "$(code_of "$(ask "$live")")" 5 'allow -r, by the name of its file: it is refused'
"$admin" allow "$live"
ask "$(new_pubkey)" >"$work/reply"
status=0
said=$("$admin" kick "$live" "$live" 2>&1) || status=$?
is "$said $status" 'broker-admin: kicked: 1 removed 0' 'kick removes its interface'
is "$(interface_of "$live")" '' 'it is gone'
said=$("$admin" kick "$live" 2>&1) || status=$?
like "$said $status" "no interface of ours has the key $(listed "$live").* 71\$" 'kicked again: there is none'
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'it may come back'
for words in kick 'kick x' "allow ${live}x" "status -r" "prune $live"; do
	status=0
	# shellcheck disable=SC2086 # several words
	"$admin" $words 2>"$work/words" || status=$?
	is "$status" 64 "$words: misuse"
done

# What cannot be looked at lets nobody in, and costs nobody an interface.
mv "$allow" "$allow.away"
is "$(code_of "$(ask "$live")")" 6 'a list that is not there: code 6'
like "$(tail -n 1 "$work/log")" "failed local: unable to look up keys in $allow: No such file" 'the log says which'
status=0
prune || status=$?
is "$status" 78 'prune fails'
like "$said" "unable to look up keys in $allow: No such file" 'and says why'
is "$(count_interfaces)" 1 'the interface stays'
mv "$allow.away" "$allow"
chmod 700 "$allow"
install -o nobody -m 400 "$etc/secret" "$work/secret"
chmod 755 "$work"
printf '{"version":1,"pubkey":"%s"}\n' "$live" >"$work/request"
reply=$(PRIVATEKEY=$work/secret setpriv --reuid nobody --clear-groups "$handler" \
	<"$work/request" 2>"$work/log")
is "$(code_of "$reply")" 6 'a list that only root may look at, and a handler that is not root: code 6'
like "$(<"$work/log")" "unable to look up keys in $allow: Permission denied" 'the log says so'

diag 'a list on a mount'
modprobe fuse
mkdir "$work/lists" "$etc/far"
mount_far() {
	bindfs -f "$work/lists" "$etc/far" &
	server=$!
	jobs+=("$server")
	await 20 mountpoint -q "$etc/far"
}
mount_far
mkdir "$etc/far/deny"
touch "$etc/far/deny/$(listed "$other")"
configure "DENYKEYS=$etc/far/deny" TIMEOUT=2
is "$(code_of "$(ask "$other")")" 5 'it is looked at'
kill -STOP "$server"
before=$(interfaces)
is "$(ask "$(new_pubkey)") $(ask "$live")" ' ' 'its server does not answer any more: nobody gets a reply'
is "$(pgrep -x broker-handler)" '' 'no handler waits for it for ever'
is "$(interfaces)" "$before" 'and no interface is made'
kill -CONT "$server"
is "$(code_of "$(ask "$other")")" 5 'it answers again: the list holds'
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'and who is not on it is served'
kill -KILL "$server"
wait "$server" 2>/dev/null
is "$(code_of "$(ask "$live")")" 6 'its server has died: code 6'
like "$(tail -n 1 "$work/log")" "unable to look up keys in $etc/far/deny: Transport endpoint is not connected" \
	'the log says why'
umount "$etc/far"
mount_far
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'mounted again: it is served'
umount "$etc/far"
done_testing
