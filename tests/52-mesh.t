#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# l3roamd and mmfd always know exactly the interfaces that exist, and cannot hold a request up.
# The clock counts instructions: half a second is one, however busy the host is.
# vm: --icount --timeout 900
source tests/lib.sh

daemons=(l3roamd mmfd)
declare -A pid

# A connection that says nothing would freeze them, so their first state tells that they listen.
start_all() {
	local daemon
	for daemon in "${daemons[@]}"; do
		rm -f "$work/$daemon.log.state"
		tests/meshd.py "$daemon" "$work/$daemon.sock" "$work/$daemon.log" 2>>"$work/err" &
		pid[$daemon]=$!
		wait_for 20 test -s "$work/$daemon.log.state"
	done
}

end_all() {
	kill -KILL "${pid[@]}"
	wait "${pid[@]}" 2>/dev/null
}

# commands DAEMON: what it was told since the last call of forget.
commands() { cat "$work/$1.log"; }
forget() { for daemon in "${daemons[@]}"; do : >"$work/$daemon.log"; done; }

# entries DAEMON: its entries, as name=number.
entries() { jq -r 'to_entries | map("\(.key)=\(.value)") | sort | join(" ")' "$work/$1.log.state"; }

# What entries() should be: all interfaces of ours.
existing() {
	ip -j link show group 40000 type wireguard |
		jq -r 'map("\(.ifname)=\(.ifindex)") | sort | join(" ")'
}

# shellcheck disable=SC2317 # called by wait_for
agrees() { [[ $(entries "$1") == "$(existing)" ]]; }

# all_agree WHEN
all_agree() {
	local daemon
	for daemon in "${daemons[@]}"; do
		wait_for 10 agrees "$daemon"
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

configure BABELPORT= "L3ROAMDSOCK=$work/l3roamd.sock" "MMFDSOCK=$work/mmfd.sock"
start_all
key=$(new_pubkey)
ask "$key" >"$work/reply"
name=$(interface_of "$key")
all_agree 'a new peer'
told "del_meshif $name exists up new"$'\n'"add_meshif $name exists up new" \
	'add comes when the interface is up'
ask "$key" >"$work/reply"
told '' 'a known peer is nothing new'

diag 'a restart'
ask "$(new_pubkey)" >"$work/reply"
end_all
start_all
is "$(entries mmfd)" '' 'a restarted daemon has forgotten all'
like "$("$admin" prune -n)" 'keep 2, and tell routing daemons of 4$' 'prune -n sees it'
is "$(entries mmfd)" '' 'and tells nobody'
like "$("$admin" prune 2>&1)" '2 kept, 4 told to routing daemons$' 'prune tells them'
all_agree 'after a restart'
forget
like "$("$admin" prune 2>&1)" '2 kept, 0 told to routing daemons$' 'once is enough'
told get_meshifs 'which was asked'

diag 'the dead'
gone=$(interfaces | grep -v "^$name$")
ip link set "$gone" alias "wg-broker asked=-1000 looked=-1000 handshake=0 stamp=0 clock=0"
like "$("$admin" prune 2>&1)" '1 removed, 1 kept' 'one is pruned'
told "del_meshif $gone exists up known"$'\n'get_meshifs 'del comes before the interface goes'
all_agree 'after a prune'

diag 'what was deleted behind their backs'
ip link delete "$name"
is "$(entries mmfd | cut -d = -f 1)" "$name" 'an entry outlives its interface'
ask "$key" >"$work/reply"
is "$(interface_of "$key")" "$name" 'the node gets the same name again'
all_agree 'a new interface with the name of an entry'
ip link delete "$name"
forget
like "$("$admin" prune 2>&1)" '0 removed, 0 kept, 2 told' 'prune takes entries of nothing back'
told "get_meshifs"$'\n'"del_meshif $name missing down known" 'which is gone'
all_agree 'after that prune'
ip link add mesh0 type dummy
for daemon in "${daemons[@]}"; do
	printf 'add_meshif mesh0\n' | socat -t 5 - "UNIX-CONNECT:$work/$daemon.sock"
done
"$admin" prune 2>>"$work/log"
"$admin" flush 2>>"$work/log"
like "$(entries mmfd)" '^mesh0=' 'an entry that is not ours stays'
for daemon in "${daemons[@]}"; do
	printf 'del_meshif mesh0\n' | socat -t 5 - "UNIX-CONNECT:$work/$daemon.sock"
done

diag 'daemons that do not answer'
start_socat ''
read -r median longest <<<"$(reply_times 15)"
diag "time to the reply: median $median ms, longest $longest ms"
all_agree 'many new peers'
kill -STOP "${pid[@]}"
read -r stuck longest <<<"$(reply_times 15)"
diag "with stuck daemons: median $stuck ms, longest $longest ms"
ok 'stuck daemons delay no reply' test "$stuck" -lt $((median + 250))
# shellcheck disable=SC2317 # called by ok
logged() { grep -q "$1" "$work/log"; }
for daemon in "${daemons[@]}"; do
	ok "the log says that $daemon is stuck" wait_for 10 logged \
		"unable to talk to $daemon at $work/$daemon.sock: no answer in time"
done
kill -CONT "${pid[@]}"
wait_for 30 bash -c "! pgrep -x broker-handler"
"$admin" prune 2>>"$work/log"
all_agree 'when they go on, after a prune'
end_all
rm "$work/mmfd.sock"
read -r absent longest <<<"$(reply_times 15)"
diag "with no daemons: median $absent ms, longest $longest ms"
ok 'absent daemons delay no reply' test "$absent" -lt $((median + 250))
ok 'the log says that l3roamd is not there' wait_for 10 logged \
	"unable to talk to l3roamd at $work/l3roamd.sock: Connection refused"
ok 'the log says that mmfd is not there' logged \
	"unable to talk to mmfd at $work/mmfd.sock: No such file or directory"
ok 'a prune does without them' "$admin" prune
start_all
"$admin" prune 2>>"$work/log"
all_agree 'when they are back, after a prune'

forget
names=$(interfaces | sort -V | while read -r name; do echo "del_meshif $name exists up known"; done)
like "$("$admin" flush 2>&1)" 'flushed: 45 removed' 'a flush'
told "$names"$'\n'get_meshifs 'del comes before each goes'
all_agree 'after a flush'

for daemon in "${daemons[@]}"; do
	ok "$daemon lives" kill -0 "${pid[$daemon]}"
done
is "$(<"$work/err")" '' 'none of them complained'
end_all
kill "$socat_pid"
done_testing
