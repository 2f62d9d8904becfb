#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The operator's own program, CHECK: what it gets, what it may answer, and that it harms nothing.
source tests/lib.sh

check=$work/check
# answer SCRIPT: the program does this from now on.
answer() {
	printf '#!/bin/bash\n%s\n' "$1" >"$check.new"
	chmod 755 "$check.new"
	mv "$check.new" "$check"
}
last() { tail -n 1 "$work/log"; }

chmod 755 "$work"
configure "CHECK=$check"
key=$(new_pubkey)
answer "env | sort >$work/env; ls -l /proc/self/fd >$work/fds; grep -E '^(Cap|NoNewPrivs)' /proc/self/status >$work/rights"
like "$(port_of "$(ask "$key")")" '^[0-9]+$' 'it exits with 0: the node is served'
is "$(grep -vE '^(PWD|SHLVL|_|OLDPWD)=' "$work/env" | paste -sd ' ')" \
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PUBKEY=$key REMOTE_ADDR=local" \
	'it has the key and the address in its environment, and nothing else'
# ls has one more, for the folder, and bash one for its script.
is "$(grep -c -- '-> /dev/null' "$work/fds")" 2 'its input and errors lead nowhere'
is "$(grep -cE 'socket|secret|netlink|pipe' "$work/fds")" 0 'it has no descriptor of the handler'
is "$(awk '/^Cap(Inh|Prm|Eff|Amb)/ { print $2 }' "$work/rights" | sort -u)" 0000000000000000 \
	'it has no capability, though root started the handler'
like "$(<"$work/rights")" 'NoNewPrivs:.1' 'and can gain none'

answer "echo >>$work/asked; exit 1"
other=$(new_pubkey)
is "$(code_of "$(ask "$other")")" 5 'it exits with 1: code 5'
is "$(interface_of "$other")" '' 'and there is no interface'
like "$(last)" 'refused local: public key not permitted, key ' 'the log says so'
add_node node1 1
live=$(make_key node1)
answer 'exit 0'
tunnel node1 "$(port_of "$(ask "$live")")"
ok 'a node has its handshake' wait_for 15 has_handshake "$(interface_of "$live")"
sleep 16
answer "echo >>$work/asked; exit 1"
: >"$work/asked"
like "$(port_of "$(ask "$live")")" '^[0-9]+$' 'one with a live session is served'
is "$(wc -l <"$work/asked")" 0 'and the program is not asked'
is "$(code_of "$(ask "$key")")" 5 'one without is asked about anew'
is "$(wc -l <"$work/asked")" 1 'once'

# Whatever it does, the node gets one line. No answer is no permission.
refused() {
	local reply
	answer "$1"
	reply=$(ask "$other")
	is "$(code_of "$reply") $(wc -l <<<"$reply")" '6 1' "$2: code 6, in one line"
	like "$(last)" "failed local: CHECK: $3" 'the log says why'
}
refused 'exit 2' 'it exits with 2' "$check exited with 2, where 0 permits and 1 denies"
refused 'kill -SEGV $$' 'it crashes' "$check was killed by signal 11 \\(Segmentation fault\\)"
refused 'sleep 100' 'it does not end' "$check did not answer in time"
refused 'kill -STOP $$' 'it stops' "$check did not answer in time"
refused 'while :; do :; done' 'it loops' "$check did not answer in time"
is "$(pgrep -f "$check")" '' 'none of them is left'
answer 'echo "{\"version\":1,\"port\":1}"; echo nonsense >&2; exit 1'
: >"$work/log"
reply=$(ask "$other")
is "$(code_of "$reply") $(wc -l <<<"$reply")" '5 1' 'it writes to stdout and stderr: the node gets one line'
is "$(grep -c nonsense "$work/log")" 0 'and the log nothing of it'
answer "sleep 300 & echo \$! >$work/sleeper; exit 0"
like "$(port_of "$(ask "$other")")" '^[0-9]+$' 'it leaves a process behind: the node is served'
ok 'and that process is killed' wait_for 10 eval "! kill -0 $(<"$work/sleeper") 2>/dev/null"
other=$(new_pubkey)
mv "$check" "$check.away"
is "$(code_of "$(ask "$other")")" 6 'it is not there: code 6'
like "$(last)" "failed local: CHECK: unable to run $check," 'the log says so'
mv "$check.away" "$check"
chmod 644 "$check"
is "$(code_of "$(ask "$other")")" 6 'it cannot be run: code 6'

# Where SIGCHLD is ignored, and all signals are blocked, its answer counts as well.
answer 'exit 1'
is "$(code_of "$(request_of "$other" | python3 -c '
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])' "$handler" 2>>"$work/log")")" 5 'whatever signals it was started with'
done_testing
