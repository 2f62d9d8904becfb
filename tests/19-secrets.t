#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The private key appears nowhere: not in logs, replies, /proc or core dumps; and it is wiped.
source tests/lib.sh

configure
cat >"$work/find.py" <<'END'
"""Says whether a private key is in a process's memory or in files, in any of its forms."""
import base64
import sys

text = open("/etc/wg-broker/secret", "rb").read().strip()
raw = base64.b64decode(text)
forms = [text, raw, base64.urlsafe_b64encode(raw), raw.hex().encode(), raw[:16], raw[16:]]


def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if "r" in line.split()[1] and "[v" not in line:
                mem.seek(start)
                yield mem.read(end - start)


if sys.argv[1] == "memory":
    data = b"".join(memory(sys.argv[2]))
else:
    data = b"".join(open(name, "rb").read() for name in sys.argv[2:])
found = sum(data.count(form) for form in forms)
print(f"found {found} times" if found else "absent in %d" % len(data))
END
in_memory() { python3 "$work/find.py" memory "$1"; }
in_files() { python3 "$work/find.py" files "$@"; }

# The handler waits for its lock, with the key in its memory: what there is to see of it then.
exec {lock}<"$etc/secret"
flock "$lock"
ulimit -c unlimited
echo "$work/core.%p" >/proc/sys/kernel/core_pattern
key=$(random_pubkey)
waits() { [[ $(</proc/"$pid"/wchan) == *lock* ]]; }

# start: runs the handler until it waits; $pid is it.
start() {
	request_of "$key" >"$work/request"
	"$handler" <"$work/request" >"$work/reply" 2>>"$work/log" {lock}<&- &
	pid=$!
	wait_for 10 waits
}
start
ok 'a handler waits for the lock' waits
like "$(in_memory "$pid")" '^found' 'the key is in its memory, so this search would find it'
for file in cmdline environ comm status stack; do
	cat "/proc/$pid/$file" >"$work/proc.$file"
done
like "$(in_files "$work"/proc.*)" '^absent in [1-9]' 'it is in nothing else that /proc tells'
is "$(stat -c %U "/proc/$pid/environ")" root 'of which others may read little'
for file in environ mem; do
	setpriv --reuid nobody --clear-groups cat "/proc/$pid/$file" >"$work/nobody" 2>&1
	like "$(<"$work/nobody")" '^cat: [^ ]*: Permission denied$' "and nobody else can read its $file"
done
kill -ABRT "$pid"
wait "$pid" 2>/dev/null
is "$(ls "$work"/core.* 2>/dev/null)" '' 'it leaves no core dump'
{ bash -c 'kill -ABRT $$'; } 2>/dev/null
ok 'where another program does' ls "$work"/core.*

# Once it has replied, the key is wiped.
flock -u "$lock"
request_of "$key" >"$work/request"
strace -o "$work/trace" -e trace=write -e inject=write:delay_enter=20s:when=2 \
	"$handler" <"$work/request" >"$work/reply" 2>>"$work/log" &
tracer=$!
jobs+=("$tracer")
replies() { pgrep -x -P "$tracer" broker-handler && grep -q '^write(1' "$work/trace"; }
ok 'a handler is about to reply' wait_for 30 replies
pid=$(pgrep -x -P "$tracer" broker-handler)
like "$(in_memory "$pid")" '^absent in [1-9]' 'when it replies, the key is wiped from its memory'
ok 'though it was in use' is_complete "$key" "$(slot_port "$(interface_of "$key")")"
kill "$pid" "$tracer"
wait "$tracer" 2>/dev/null

# Everything that it logs and replies, whatever goes wrong with the key's file.
run() { request_of "$(random_pubkey)" | "$handler" "$@" >>"$work/replies" 2>>"$work/log"; }
run
ask "$(wg pubkey <"$etc/secret")" >>"$work/replies"
chmod 644 "$etc/secret"
run
like "$(tail -n 1 "$work/replies")" '"code":6,' 'a key that others may read is not used'
chmod 600 "$etc/secret"
cp "$etc/secret" "$etc/config"
run
{ echo -n PRIVATEKEY= && cat "$etc/secret"; } >"$etc/config"
run
{ echo -n MTU= && cat "$etc/secret"; } >"$etc/config"
run
configure
cp "$etc/secret" "$work/good"
sed -i 's/$/x/' "$etc/secret"
run
cp "$work/good" "$etc/secret"
run -c "$etc/secret"
dmesg >"$work/dmesg"
is "$(wc -l <"$work/replies")" 8 'all those were answered'
like "$(in_files "$work/log" "$work/replies" "$work/dmesg")" '^absent in [1-9]' \
	'the key is in no log and no reply'
done_testing
