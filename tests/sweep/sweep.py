#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Has everything go wrong that can, one thing at a time, and looks at what comes of it.

Usage: sweep.py faults|kills|pairs COUNT SEED LIVE_KEY [SCENARIO...]
       sweep.py faults|kills COUNT SEED - NODE_SCENARIO...

faults  each system call of a program fails with each errno that it may have, or moves half of its
        bytes; each request to the kernel is refused or its answer is lost; each allocation fails.
        Each once, and once from there on for ever.
kills   the program is killed before each of its system calls
pairs   it waits there while another one runs, and goes on or is killed

COUNT is how many of each scenario are tried, drawn by SEED; 0 is for all. LIVE_KEY has an interface
with a live session, which has to live through all of it. For a node, KEYS is a folder for its
private key, and GW1 and GW2 are its gateways, as tests/64-sweep.t has them. Writes TAP: a test for each scenario, with
what was tried and what came of it, and each failure.
"""
import collections
import dataclasses
import errno
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from errno import (EACCES, EAFNOSUPPORT, EAGAIN, EBUSY, ECHILD, ECONNREFUSED, ECONNRESET, EINTR, EINVAL,
                   EIO, EMFILE, EMSGSIZE, ENFILE, ENOBUFS, ENODEV, ENOENT, ENOLCK, ENOMEM, ENOPROTOOPT,
                   ENOSPC, ENOSYS, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPERM, EPIPE, ESRCH)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from gateway import (ADMIN, BUILD, GROUP, HANDLER, PREFIX, REPLY, STARTPORT, altname_of, boot_clock,
                     check_reply, delete, interfaces, links_of, of_key, output, port_of, random_key, request_of,
                     set_alias, write_note)

INJECT = f"{BUILD}/sweep/inject"
MALLOC = f"{BUILD}/sweep/malloc.so"
# Allocations are counted in dynamic programs.
DYNAMIC = "build/debug"
# Seconds for one run. The handler's own: TIMEOUT, which is 1 here, the grace after it, and the same
# for the log.
LONGEST = 30
EXITS = {0, 71, 75, 78}
# What makes the first system call of main(); before it only libc's start can fail.
FIRST = {"broker-handler": "getpeername", "broker-admin": "prctl", "broker-connect": "prctl"}

ERRORS = {
    "read": [EINTR, EIO, EAGAIN, ECONNRESET], "write": [EINTR, EPIPE, ENOSPC, EAGAIN, EIO],
    "openat": [ENOENT, EACCES, EMFILE, ENFILE, EINTR, ENOMEM], "close": [EINTR, EIO],
    "newfstatat": [EACCES, ENOMEM], "lseek": [EINVAL], "poll": [EINTR, ENOMEM],
    "mmap": [ENOMEM], "munmap": [ENOMEM], "mprotect": [ENOMEM], "brk": [ENOMEM], "mremap": [ENOMEM],
    "ioctl": [ENODEV, EPERM, EINTR], "flock": [EINTR, ENOLCK, EAGAIN],
    "socket": [EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT],
    "socketpair": [EMFILE, ENFILE, ENOMEM], "pipe2": [EMFILE, ENFILE],
    "bind": [ENOMEM, EACCES], "connect": [ECONNREFUSED, EAGAIN, ENOENT, EINTR],
    "setsockopt": [ENOPROTOOPT, ENOBUFS], "getsockopt": [ENOPROTOOPT], "getsockname": [ENOBUFS],
    "getpeername": [ENOTSOCK, ENOTCONN, ENOBUFS], "shutdown": [ENOTSOCK, ENOTCONN],
    "sendmsg": [EINTR, EAGAIN, ENOBUFS, ENOMEM, EPERM, ECONNREFUSED],
    "recvmsg": [EINTR, EAGAIN, ENOBUFS, ENOMEM], "sendto": [EINTR, EAGAIN, EPIPE, ENOBUFS],
    "recvfrom": [EINTR, EAGAIN, ENOTSOCK, ECONNRESET], "clone": [EAGAIN, ENOMEM],
    "wait4": [EINTR, ECHILD], "kill": [ESRCH, EPERM], "prctl": [EPERM, EINVAL],
    "landlock_create_ruleset": [ENOSYS, EOPNOTSUPP, EPERM, ENOMEM],
    "landlock_restrict_self": [EPERM, EINVAL], "capget": [EPERM], "capset": [EPERM],
    "close_range": [ENOSYS, EMFILE], "getrandom": [EAGAIN, ENOSYS], "fcntl": [EINVAL],
    "rt_sigaction": [EINVAL], "rt_sigprocmask": [EINVAL], "setitimer": [EINVAL], "alarm": [],
    "clock_nanosleep": [EINTR], "exit_group": [], "rt_sigreturn": [], "getpid": [],
}
OTHERS = [EPERM, ENOMEM, EINTR]
SHORT = {"read", "write", "recvfrom", "sendto"}
REFUSALS = [ENOMEM, EBUSY, EPERM, ENODEV, EOPNOTSUPP, EMSGSIZE, ENOBUFS]


@dataclasses.dataclass
class Run:
    """What became of a program."""
    status: int
    reply: str
    words: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Fault:
    """What goes wrong: options of inject, or a number for malloc.so."""
    name: str  # for a system call "NAME (NUMBER) ERROR", with "for ever" behind it
    options: tuple = ()
    malloc: str = ""

    def is_endless(self, what):
        return self.name.endswith(" for ever") and what in self.name.split()

    def command(self, command):
        if self.malloc:
            program = os.path.join(DYNAMIC, os.path.basename(command[0]))
            return ["env", f"LD_PRELOAD={MALLOC}", f"SWEEP_MALLOC={self.malloc}",
                    f"SWEEP_COUNT={COUNT_FILE}", program, *command[1:]]
        return [INJECT, *self.options, *command]


class Program:
    """One that runs, on files: nobody waits for a pipe that its children hold."""

    def __init__(self, command, text="", variables=None):
        self.start = time.monotonic()
        self.files = [tempfile.TemporaryFile() for _ in range(3)]
        self.files[0].write(text.encode())
        self.files[0].seek(0)
        stdin, stdout, stderr = self.files
        self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr,
                                        env={**os.environ, **(variables or {})})

    def wait(self):
        try:
            status = self.process.wait(2 * LONGEST)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        texts = []
        for file in self.files[1:]:
            file.seek(0)
            texts.append(file.read().decode("utf-8", "backslashreplace"))
        for file in self.files:
            file.close()
        return Run(status if status >= 0 else 128 - status, *texts, time.monotonic() - self.start)

    def wait_for_pause(self):
        """Whether it waits before its call; if not, it has ended."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return False

    def wait_for_lock(self):
        """Until it ends, or waits for another one's lock."""
        while self.process.poll() is None:
            with open("/proc/locks", encoding="ascii") as file:
                if "->" in file.read():
                    return
            time.sleep(0.001)


def run(*arguments):
    return Program(*arguments).wait()


class Scenario:
    """A program, and a state of the gateway in which it runs."""
    name = ""
    command = []
    text = ""
    variables = {}
    # What the program is run by.
    prefix = []
    exits = EXITS
    fault = None
    # Whether it ends also if the kernel has every call interrupted, again and again.
    has_deadline = True
    lies = frozenset()
    # Whether it has to say why it failed.
    is_talkative = True
    # The key of a node that has a session.
    live = None

    def run(self, fault=None):
        self.fault = fault
        command = fault.command(self.command) if fault else self.command
        return run(self.prefix + command, self.text, self.variables)

    def prepare(self):
        """Sets the state up."""

    def judge(self, ran, killed):
        """What is wrong with it, before anything heals it: a list of words."""
        wrong = []
        # A library that tries again and again is ended by the deadline.
        exits = self.exits | ({128 + signal.SIGALRM} if self.fault.is_endless("EINTR") else set())
        if not killed and ran.status not in exits:
            wrong.append(f"exit status {ran.status}")
        if ran.seconds > LONGEST:
            wrong.append(f"{ran.seconds:.1f} s")
        # The log asks poll(2) whether it may write.
        if (self.is_talkative and not killed and ran.status and not ran.words
                and not self.fault.is_endless("write") and not self.fault.is_endless("poll")):
            wrong.append("it failed and does not say why")
        return wrong

    def heal(self):
        """Runs what an operator or a node would run next. The same as judge()."""
        return []

    def verdict(self, ran):
        return f"exit {ran.status}"

    def clean(self):
        """After some runs."""


def unkeyed(found):
    """The names of those that belong to no key."""
    return [one.name for one in found.values() if not one.keys()]


def add_unkeyed(name):
    """As a handler leaves one that is killed after its first step."""
    output("ip", "link", "add", name, "type", "wireguard")
    output("ip", "link", "set", name, "group", str(GROUP))


class AtGateway(Scenario):
    """With a live peer that is left alone."""

    def __init__(self, live):
        self.live, self.key = live, None

    def clean(self):
        delete([one.name for one in interfaces().values()
                if altname_of(self.live) not in one.altnames])


class Request(AtGateway):
    """A node asks."""
    command = [HANDLER]
    is_talkative = False

    @property
    def text(self):
        return request_of(self.key)

    def prepare(self):
        self.key = random_key()

    def verdict(self, ran):
        reply = REPLY.fullmatch(ran.reply)
        if not reply:
            return "no reply"
        return "served" if reply["port"] else f"code {reply['code']}"

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        found = interfaces()
        wrong += check_reply(ran.reply, self.key, found)
        if len(of_key(found, self.key)) > 1:
            wrong.append("two interfaces of one key")
        return wrong

    def heal(self):
        ran = self.run()
        if not port_of(ran.reply):
            return [f"no healing: {ran.reply!r} {ran.words!r}"]
        found = interfaces()
        wrong = check_reply(ran.reply, self.key, found)
        # One that had to be undone, and was not.
        left = unkeyed(found)
        if len(left) > 1:
            wrong.append(f"left over: {left}")
        delete(left)
        return wrong


class New(Request):
    name = "a new peer"


class Waiting(Request):
    """Its peer asked long ago, and is set up anew."""
    name = "a peer that waits"

    def prepare(self):
        self.key = self.key or random_key()
        mine = of_key(interfaces(), self.key)
        if not mine:
            run([HANDLER], self.text)
            mine = of_key(interfaces(), self.key)
        set_alias(mine[0].name, "")


class HalfMade(Request):
    """Its handler was killed after the altname, in a slot of its own."""
    name = "a half-made interface"

    def prepare(self):
        super().prepare()
        found = interfaces()
        name = next(name for name in map((PREFIX + "{}").format, range(1, 900)) if name not in found)
        add_unkeyed(name)
        subprocess.run(["ip", "link", "property", "add", "dev", name, "altname",
                        altname_of(self.key)], check=True)


class Live(Request):
    """It has a live session: its interface is not touched, whatever fails."""
    name = "a live peer"

    def prepare(self):
        self.key = self.live


class Full(Request):
    """No slot is left, and a marker says so."""
    name = "a gateway that is known to be full"
    variables = {"MAXCONNECTIONS": "1"}

    def prepare(self):
        super().prepare()
        if f"{PREFIX}1" not in interfaces():
            run([HANDLER], request_of(random_key()), self.variables)

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        return wrong + (["an interface of it"] if of_key(interfaces(), self.key) else [])

    def heal(self):
        ran = self.run()
        reply = REPLY.fullmatch(ran.reply)
        return [] if reply and reply["code"] == "1" else [f"no healing: {ran.reply!r} {ran.words!r}"]


class Unmarked(Full):
    """No slot is left, and it finds out."""
    name = "a full gateway"

    def prepare(self):
        super().prepare()
        output("ip", "link", "property", "del", "dev", f"{PREFIX}-full-1", "altname", f"{PREFIX}-full-1")


class Malformed(Request):
    """It makes no sense."""
    name = "a malformed request"
    text = "GET / HTTP/1.1\r\n\r\n"

    def heal(self):
        return []


class Admin(AtGateway):
    """broker-admin, with peers of its own."""
    has_deadline = False
    # Who is told that something is not there can but believe it.
    lies = {ENODEV}

    def verdict(self, ran):
        return "done" if ran.status == 0 else "failed and says so" if ran.words else "silent"

    @staticmethod
    def make(asked):
        """A peer that asked so many seconds ago."""
        key = random_key()
        run([HANDLER], request_of(key))
        name = of_key(interfaces(), key)[0].name
        write_note(name, boot_clock() - asked, boot_clock() - asked)
        return key


class Prune(Admin):
    """Of a dead peer, a half-made one beyond the limit, and one that may live."""
    name = "prune"
    command = [ADMIN, "prune"]

    def __init__(self, live):
        super().__init__(live)
        self.fresh, self.dead = None, None

    def prepare(self):
        self.fresh = self.fresh or self.make(0)
        # So it has asked just now.
        run([HANDLER], request_of(self.fresh))
        self.dead = self.make(400)
        add_unkeyed(f"{PREFIX}999")

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        found = interfaces()
        mine = of_key(found, self.fresh)
        if len(mine) != 1 or mine[0].lacks(self.fresh, STARTPORT + mine[0].slot() - 1):
            wrong.append("the peer that may live has lost its interface")
        if ran.status == 0 and self.has_dead(found):
            wrong.append("done, and the dead are still there")
        return wrong

    def has_dead(self, found):
        return bool(of_key(found, self.dead)) or f"{PREFIX}999" in found

    def heal(self):
        ran = self.run()
        found = interfaces()
        return [f"no healing: {list(found)}: {ran.words!r}"] if self.has_dead(found) else []

    def clean(self):
        self.fresh = None
        super().clean()


class Flush(Admin):
    """Of two peers."""
    name = "flush"
    # The live peer is not of this group.
    command = [ADMIN, "flush"]
    variables = {"IFGROUP": "40007"}

    def prepare(self):
        for _ in range(2):
            key = self.make(0)
            name = of_key(interfaces(), key)[0].name
            subprocess.run(["ip", "link", "set", name, "group", "40007"], check=True)

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        return wrong + (["done, and not all is gone"] if ran.status == 0 and links_of(40007) else [])

    def heal(self):
        self.run()
        return ["no healing"] if links_of(40007) else []


class Status(Admin):
    """As JSON."""
    name = "status"
    command = [ADMIN, "--json", "status"]

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        if ran.status == 0:
            try:
                json.loads(ran.reply)
            except ValueError:
                wrong.append(f"done, and says {ran.reply!r}")
        return wrong


class Pair(AtGateway):
    """A program that waits before one of its calls, while another one runs, and a dead peer."""
    first = second = []

    def __init__(self, live):
        super().__init__(live)
        self.runs = []
        self.killed = False

    @property
    def command(self):
        return self.first

    @property
    def text(self):
        return request_of(self.key)

    def prepare(self):
        self.key = Admin.make(400)

    def run(self, fault=None):
        self.fault = fault
        one = Program(fault.command(self.first), self.text)
        if "-p" not in fault.options:
            return one.wait()
        is_waiting = one.wait_for_pause()
        other = Program(self.second, self.text)
        if is_waiting:
            other.wait_for_lock()
            self.killed = fault.name.endswith("is killed")
            os.kill(one.process.pid, signal.SIGKILL if self.killed else signal.SIGCONT)
        self.runs = [one.wait(), other.wait()]
        return self.runs[0]

    def judge(self, ran, killed):
        wrong = []
        found = interfaces()
        left = unkeyed(found)
        if len(of_key(found, self.key)) > 1:
            wrong.append("two interfaces of one key")
        if len(left) > self.killed:
            wrong.append(f"left over: {left}")
        for number, each in enumerate(self.runs):
            if each.status not in EXITS and not (number == 0 and self.killed):
                wrong.append(f"exit status {each.status}")
            if each.seconds > LONGEST:
                wrong.append(f"{each.seconds:.1f} s")
            wrong += check_reply(each.reply, self.key, found)
        delete(left)
        return wrong

    def verdict(self, ran):
        return ", ".join("served" if '"port"' in each.reply else "no reply" if not each.reply
                         else each.reply.strip() for each in self.runs)

    def heal(self):
        wrong = []
        ran = run([ADMIN, "prune"])
        wrong += [f"prune: {ran.words!r}"] if ran.status else []
        ran = run([HANDLER], self.text)
        if not port_of(ran.reply) or check_reply(ran.reply, self.key, interfaces()):
            wrong.append("no healing")
        return wrong


class Requests(Pair):
    name = "two requests of one key"
    first = second = [HANDLER]


class RequestPrune(Pair):
    name = "a request and a prune"
    first, second = [HANDLER], [ADMIN, "prune"]


class PruneRequest(Pair):
    name = "a prune and a request"
    first, second = [ADMIN, "prune"], [HANDLER]


class Prunes(Pair):
    name = "two prunes"
    first = second = [ADMIN, "prune"]


class Connect(Scenario):
    """A node, from nothing."""
    name = "a node's first tunnel"
    prefix = ["ip", "netns", "exec", "node"]
    exits = EXITS | {69, 76, 77}
    has_deadline = False
    lies = {ENODEV}
    gateway = "GW1"

    def __init__(self, _):
        self.command = self.command_for(self.gateway)

    @staticmethod
    def command_for(gateway):
        return [f"{BUILD}/broker-connect", "-o", "-g", "-k", f"{os.environ['KEYS']}/node.key",
                os.environ[gateway]]

    def prepare(self):
        output("ip", "-n", "node", "link", "delete", "wgmesh")
        for file in os.listdir(os.environ["KEYS"]):
            os.unlink(f"{os.environ['KEYS']}/{file}")

    def lacks(self):
        """What the tunnel is not, as words."""
        host = os.environ[self.gateway].split(",")[0]
        links = links_of(40001, "-n", "node")
        dump = output(*self.prefix, "wg", "show", "wgmesh", "dump").splitlines()[1:]
        peer = dump[0].split("\t") if len(dump) == 1 else [""] * 8
        there = {
            "interface": [link["ifname"] for link in links] == ["wgmesh"],
            "flags": links and {"UP", "MULTICAST"} <= set(links[0]["flags"]),
            "MTU": links and links[0]["mtu"] == 1374,
            "address": output("ip", "-n", "node", "-o", "addr", "show", "wgmesh").count("\n") == 1,
            "peer": peer[2].startswith(f"{host}:4"), "allowed IPs": peer[3] == "::/0",
            "keepalive": peer[7] == "25",
            "key": os.listdir(os.environ["KEYS"]) == ["node.key"],
        }
        return " ".join(what for what, is_there in there.items() if not is_there)

    def judge(self, ran, killed):
        wrong = super().judge(ran, killed)
        lacks = self.lacks()
        return wrong + ([f"done, without its {lacks}"] if ran.status == 0 and lacks else [])

    def heal(self):
        ran = run(self.prefix + self.command)
        lacks = self.lacks()
        if lacks:
            return [f"no healing: it lacks {lacks}: {ran.words!r}"]
        return [] if self.works() else ["no packet passes"]

    def works(self):
        dump = output(*self.prefix, "wg", "show", "wgmesh", "endpoints")
        slot = int(dump.rpartition(":")[2]) - STARTPORT + 1
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if " 0% packet loss" in output(*self.prefix, "ping", "-c", "1", "-W", "1",
                                           f"fe80::{slot:x}%wgmesh"):
                return True
        return False

    def clean(self):
        for gateway in "gw1", "gw2":
            output("ip", "-n", gateway, "link", "delete", "group", str(GROUP))


class Move(Connect):
    """It has a tunnel to another one, which is silent."""
    name = "a node's tunnel that moves"
    gateway = "GW2"

    def prepare(self):
        super().prepare()
        run(self.prefix + self.command_for("GW1"))
        output("ip", "-n", "node", "link", "set", "wgmesh", "down")


NODES = [Connect, Move]
PAIRS = [Requests, RequestPrune, PruneRequest, Prunes]
SCENARIOS = [Malformed, Live, Full, Unmarked, New, Waiting, HalfMade, Status, Prune, Flush]


class Sweep:
    """One scenario, all its faults."""

    def __init__(self, mode, count, scenario):
        self.mode, self.count, self.scenario = mode, count, scenario
        self.failures, self.verdicts, self.tried = [], collections.Counter(), 0
        self.before = self.untouched()

    def untouched(self):
        """What must not change of the live peer's interface, where there is one."""
        return [(one.index, one.name, one.port, one.up, one.addresses, list(one.peers))
                for one in of_key(interfaces(), self.scenario.live)] if self.scenario.live else []

    def calls(self):
        """The names of the system calls of an undisturbed run, from main() on, with numbers."""
        self.scenario.prepare()
        with tempfile.NamedTemporaryFile("r", encoding="ascii") as file:
            self.scenario.run(Fault("", ("-l", file.name)))
            names = file.read().split()
        self.scenario.heal()
        first = names.index(FIRST[os.path.basename(self.scenario.command[0])])
        return [(number, name) for number, name in enumerate(names, 1) if number > first]

    def allocations(self):
        self.scenario.prepare()
        ran = self.scenario.run(Fault("", malloc="0"))
        self.scenario.heal()
        with open(COUNT_FILE, "rb") as file:
            return int.from_bytes(file.read(), "little") if ran.status in EXITS else 0

    def faults(self):
        if self.mode == "kills":
            return [Fault(f"killed before {name} ({number})", ("-n", str(number), "-k"))
                    for number, name in self.calls()]
        if self.mode == "pairs":
            return [Fault(f"{name} ({number}): it {then}", ("-n", str(number), "-p"))
                    for number, name in self.calls() for then in ("goes on", "is killed")]
        faults = []
        for number, name in self.calls():
            ways = [(errno.errorcode[error], ("-e", str(error)))
                    for error in ERRORS.get(name, OTHERS)]
            ways += [("short", ("-s",))] if name in SHORT else []
            if name == "sendmsg":
                ways += [(f"refused with {errno.errorcode[error]}", ("-r", str(error)))
                         for error in REFUSALS if error not in self.scenario.lies]
                ways += [("its answer is lost", ("-x",))]
            for words, options in ways:
                options = ("-n", str(number), *options)
                faults.append(Fault(f"{name} ({number}) {words}", options))
                if words != "EINTR" or self.scenario.has_deadline:
                    faults.append(Fault(f"{name} ({number}) {words} for ever", ("-f", *options)))
        for number in range(1, self.allocations() + 1):
            faults.append(Fault(f"allocation {number}", malloc=f"{number}"))
            faults.append(Fault(f"allocation {number} for ever", malloc=f"{number}+"))
        return faults

    def judge(self, fault, ran):
        self.tried += 1
        wrong = self.scenario.judge(ran, self.mode != "faults")
        self.verdicts[self.scenario.verdict(ran)] += 1
        wrong += self.scenario.heal()
        now = self.untouched()
        if now != self.before:
            wrong.append("the live peer's interface is another")
            self.before = now
        if wrong:
            self.failures.append((fault.name, wrong, ran))

    def sweep(self):
        faults = self.faults()
        drawn = faults
        if self.count and self.count < len(faults):
            drawn = random.sample(faults, self.count)
        for number, fault in enumerate(drawn, 1):
            self.scenario.prepare()
            self.judge(fault, self.scenario.run(fault))
            if number % 80 == 0:
                self.scenario.clean()
        self.scenario.clean()
        return len(faults)


def main():
    mode, count, seed, live, *names = sys.argv[1:]
    failed, number = 0, 0
    random.seed(seed)
    for kind in NODES if live == "-" else PAIRS if mode == "pairs" else SCENARIOS:
        if names and kind.__name__ not in names:
            continue
        sweep = Sweep(mode, int(count), kind(live))
        there = sweep.sweep()
        number += 1
        failed += bool(sweep.failures)
        print(f"{'not ok' if sweep.failures else 'ok'} {number} - {kind.name}: {mode}: "
              f"{sweep.tried} of {there}")
        print(f"# {kind.name}: " + ", ".join(
            f"{verdict}: {times}" for verdict, times in sorted(sweep.verdicts.items())), flush=True)
        for fault, wrong, ran in sweep.failures[:20]:
            print(f"# {kind.name}: {fault}: {'; '.join(wrong)}", file=sys.stderr)
            for line in (ran.words.splitlines() if ran else [])[-4:]:
                print(f"#     {line}", file=sys.stderr)
    print(f"1..{number}")
    return bool(failed)


with tempfile.NamedTemporaryFile() as count_file:
    COUNT_FILE = count_file.name
    os.truncate(COUNT_FILE, 8)
    status = main()
sys.exit(status)
