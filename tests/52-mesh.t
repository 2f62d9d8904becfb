#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# l3roamd and mmfd always know exactly the interfaces that exist, and cannot hold a request up.
# shellcheck disable=SC2317 # functions that ok and wait_for call
source tests/meshds.sh

# commands DAEMON: what it was told since the last call of forget.
commands() { cat "$work/$1.log"; }
forget() { for daemon in "${daemons[@]}"; do : >"$work/$daemon.log"; done; }

# entries DAEMON: its entries, as name=number.
entries() { xargs <"$work/$1.log.state"; }

# What entries() should be: all interfaces of ours.
existing() {
	ip -o link show group 40000 type wireguard | awk -F ': ' '{ print $2 "=" $1 }' | sort | xargs
}

agrees() { [[ $(entries "$1") == "$(existing)" ]]; }

# all_agree WHEN
all_agree() {
	local daemon
	for daemon in "${daemons[@]}"; do
		await 10 agrees "$daemon"
		is "$(entries "$daemon")" "$(existing)" "$daemon knows exactly what exists: $1"
	done
}

# told WANTED WHAT: both were told just that.
told() {
	local daemon
	for daemon in "${daemons[@]}"; do
		is "$(commands "$daemon")" "$1" "$daemon: $2"
	done
	forget
}

new_peer() {
	key=$(new_pubkey)
	forget
	ask "$key" >"$work/reply"
	name=$(interface_of "$key")
}

same_peer() {
	new_peer
	forget
	ask "$key" >"$work/reply"
}

prune_dead() {
	new_peer
	ip link set "$name" alias "wg-broker asked=-1000 since=-1000 looked=-1000 handshake=0 stamp=0 clock=0"
	forget
	prune
}

# The node asks again after its interface was deleted, which frees the same name.
delete_and_ask() {
	new_peer
	ip link delete "$name"
	outlived=$(entries mmfd | grep -ow "$name")
	ask "$key" >"$work/reply"
}

delete_and_prune() {
	new_peer
	ip link delete "$name"
	forget
	prune
}

flush() {
	new_peer
	expected=$(interfaces | sort -V | awk '{print "del_meshif " $1 " exists up known"}')
	forget
	said=$("$admin" flush 2>&1)
}

configure BABELPORT= "L3ROAMDSOCK=$work/l3roamd.sock" "MMFDSOCK=$work/mmfd.sock"
start_all
new_peer
all_agree 'a new peer'
told "del_meshif $name exists up new"$'\n'"add_meshif $name exists up new" \
	'add comes when the interface is up'
same_peer
told '' 'a known peer is nothing new'

diag 'a restart'
n=$(count_interfaces)
end_all
start_all
is "$(entries mmfd)" '' 'a restarted daemon has forgotten all'
prune -n
would 0 "$n" $((2 * n)) 'prune -n sees it'
is "$(entries mmfd)" '' 'and tells nobody'
prune
pruned 0 "$n" $((2 * n)) 'prune tells them'
all_agree 'after a restart'
forget
prune
pruned 0 "$n" 0 'once is enough'
told get_meshifs 'which was asked'

diag 'the dead'
n=$(count_interfaces)
prune_dead
pruned 1 "$n" 0 'one is pruned'
told "del_meshif $name exists up known"$'\n'get_meshifs 'del comes before the interface goes'
all_agree 'after a prune'

diag 'what was deleted behind their backs'
delete_and_ask
is "$outlived" "$name" 'an entry outlives its interface'
is "$(interface_of "$key")" "$name" 'the node gets the same name again'
all_agree 'a new interface with the name of an entry'
delete_and_prune
told "get_meshifs"$'\n'"del_meshif $name missing down known" 'a prune takes back what is gone'
all_agree 'after that prune'
ip link add mesh0 type dummy
for daemon in "${daemons[@]}"; do
	printf 'add_meshif mesh0\n' | socat -t 5 - "UNIX-CONNECT:$work/$daemon.sock"
done
prune
"$admin" flush 2>>"$work/log"
is "$(grep unable "$work/log")" '' 'until now no daemon was too slow'
like "$(entries mmfd)" '^mesh0=' 'an entry that is not ours stays'
for daemon in "${daemons[@]}"; do
	printf 'del_meshif mesh0\n' | socat -t 5 - "UNIX-CONNECT:$work/$daemon.sock"
done

diag 'daemons that do not answer'
start_socat ''
read -r median longest <<<"$(reply_times 15)"
diag "time to the reply: median $median ms, longest $longest ms"
prune
all_agree 'many new peers'
kill -STOP "${pid[@]}"
: >"$work/log"
read -r stuck longest <<<"$(reply_times 15)"
diag "with stuck daemons: median $stuck ms, longest $longest ms"
ok 'stuck daemons delay no reply' test "$stuck" -lt $((median + 400))
logged() { grep -q "$1" "$work/log"; }
for daemon in "${daemons[@]}"; do
	ok "the log says that $daemon is stuck" wait_for 90 logged \
		"unable to talk to $daemon at $work/$daemon.sock: no answer in time"
done
kill -CONT "${pid[@]}"
await 30 bash -c "! pgrep -x broker-handler"
prune
all_agree 'when they go on, after a prune'
end_all
rm "$work/mmfd.sock"
: >"$work/log"
read -r absent longest <<<"$(reply_times 15)"
diag "with no daemons: median $absent ms, longest $longest ms"
ok 'absent daemons delay no reply' test "$absent" -lt $((median + 400))
ok 'the log says that l3roamd is not there' wait_for 90 logged \
	"unable to talk to l3roamd at $work/l3roamd.sock: Connection refused"
ok 'the log says that mmfd is not there' logged \
	"unable to talk to mmfd at $work/mmfd.sock: No such file or directory"
ok 'a prune does without them' "$admin" prune
start_all
prune
all_agree 'when they are back, after a prune'

flush
is "$said" "broker-admin: flushed: $(wc -l <<<"$expected") removed" 'a flush'
told "$expected"$'\n'get_meshifs 'del comes before each goes'
all_agree 'after a flush'

for daemon in "${daemons[@]}"; do
	ok "$daemon lives" kill -0 "${pid[$daemon]}"
done
is "$(<"$work/err")" '' 'none of them complained'
end_all
kill "$socat_pid"
done_testing
