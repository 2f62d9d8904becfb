#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# needs: sanitize
"""broker-accept with a handler of the test's own: limits, shortages, the end. No WireGuard.

Once as it is installed, and once built with the sanitizers."""
import contextlib
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BROKER_BUILD", "build")
WAIT = 60  # seconds for what is to come
PAUSE = 1.5  # seconds for what is not
PORT = 41000  # for a listening socket of its own
# Does what the first line says, and says "done" at the second or at the end.
HANDLER = r"""#!/bin/sh
read -r word
case $word in
address) echo "$REMOTE_ADDR" ;;
descriptors) exec ls -m /proc/self/fd ;;
same) [ /proc/$$/fd/0 -ef /proc/$$/fd/1 ] && echo same ;;
stderr) [ /proc/$$/fd/0 -ef /proc/$$/fd/2 ] && echo connection || echo log ;;
signals) echo $(sed -n 's/^Sig[BI][lg][kn]:.//p' /proc/$$/status) ;;
environment) echo "${NOTIFY_SOCKET-none} $WORD" ;;
arguments) echo "$@" ;;
hold) echo held && read -r word && echo done ;;
die) kill -ABRT $$ ;;
esac
"""
work = tempfile.mkdtemp()
os.chmod(work, 0o755)
tests = failures = 0


def report(passed, description, *details):
    global tests, failures
    tests += 1
    failures += not passed
    print("ok" if passed else "not ok", tests, "-", description, flush=True)
    if not passed:
        lines = (line for detail in details for line in str(detail).split("\n"))
        print("".join(f"# {line}\n" for line in lines), end="")


def same(got, wanted, description):
    report(got == wanted, description, f"got:    {got!r}", f"wanted: {wanted!r}")


def wait_for(condition):
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def make_handler(mode=0o755, text=HANDLER):
    path = work + "/handler"
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def make_listener(family=socket.AF_INET6):
    if family == socket.AF_INET:
        return socket.create_server(("127.0.0.1", 0), backlog=100)
    return socket.create_server(("::", 0), family=family, backlog=100, dualstack_ipv6=True)


class Acceptor:
    """A broker-accept that runs, with its log, and what it tells systemd."""

    def __init__(self, *options, listener=None, port=None, user=None, closed=False):
        self.listener = open("/dev/null") if port else listener or make_listener()
        self.port = port or self.listener.getsockname()[1]
        self.log_path = f"{work}/log-{time.monotonic_ns()}"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind("\0" + self.log_path)
        self.told = []
        begun = time.monotonic()
        with open(self.log_path, "wb") as log, open("/dev/null") as other:
            self.process = subprocess.Popen(
                [PROGRAM, *options, work + "/handler", "-a", "b c"], stdin=self.listener,
                stdout=subprocess.DEVNULL, stderr=log, user=user, pass_fds=[other.fileno()],
                restore_signals=False, preexec_fn=(lambda: os.closerange(0, 3)) if closed else None,
                env={**os.environ, "NOTIFY_SOCKET": "@" + self.log_path, "WORD": "kept"})
        self.manager.settimeout(WAIT)
        self.told.append((self.manager.recv(1000).decode(), time.monotonic() - begun))
        self.manager.setblocking(False)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
        self.process.kill()
        self.process.wait()
        self.listener.close()

    def log(self):
        with open(self.log_path, encoding="ascii") as log:
            return log.read().replace("broker-accept: ", "")

    def words(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told.append((self.manager.recv(1000).decode(), time.monotonic()))
        return [word for word, _ in self.told]

    def connect(self, source="127.0.0.1", host=None):
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        sock = socket.socket(family)
        sock.settimeout(WAIT)
        sock.bind((source, 0))
        sock.connect((host or source, self.port))
        return sock

    def ask(self, word, *where):
        with self.connect(*where) as sock:
            return talk(sock, word)

    def hold(self, *where):
        sock = self.connect(*where)
        sock.sendall(b"hold\n")
        return sock

    def handlers(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return len(file.read().split())

    def limit(self, what, soft):
        return resource.prlimit(self.pid, what, (soft, resource.prlimit(self.pid, what)[1]))

    def seconds(self):
        """of the processor, with those of children that have ended"""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT)


def talk(sock, word):
    """What the handler says to that, or how the connection ended."""
    try:
        sock.sendall(word.encode() + b"\n")
        return read(sock)
    except (ConnectionResetError, BrokenPipeError):
        return "closed"


def read(sock):
    text = b""
    try:
        while not text.endswith(b"\n"):
            data = sock.recv(1000)
            if not data:
                break
            text += data
    except ConnectionResetError:
        return "closed"
    return text.decode().strip() or "closed"


def is_silent(sock):
    """whether nothing comes and the connection stays open"""
    sock.settimeout(PAUSE)
    try:
        return sock.recv(1000) and False
    except socket.timeout:
        return True
    finally:
        sock.settimeout(WAIT)


def test_handler():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    with Acceptor() as acceptor:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
        same(acceptor.words(), ["READY=1"], "it is ready at once")
        same(acceptor.ask("same"), "same", "the connection is stdin and stdout of the handler")
        same(acceptor.ask("stderr"), "log", "but not stderr")
        # The last is the folder that is being listed.
        same(acceptor.ask("descriptors"), "0, 1, 2, 3", "it has no other descriptor but stderr")
        # But for the two of glibc's own, which its posix_spawn(3) ignores.
        same([int(mask, 16) & ~(3 << 31) for mask in acceptor.ask("signals").split()], [0, 0],
             "no signal is blocked or ignored")
        same(acceptor.ask("arguments"), "-a b c", "it has its arguments")
        same(acceptor.ask("environment"), "none kept",
             "and the environment, without systemd's socket")
        same(acceptor.ask("address"), "127.0.0.1", "REMOTE_ADDR: IPv4 that is mapped")
        same(acceptor.ask("address", "::1"), "::1", "REMOTE_ADDR: IPv6")
        for _ in range(200):
            acceptor.ask("address")
        same(sorted(os.listdir(f"/proc/{acceptor.pid}/fd")), ["0", "1", "2"],
             "after 200 connections no descriptor is left")
        report(wait_for(lambda: acceptor.handlers() == 0), "and no child")
        same(acceptor.log(), "", "there was nothing to log")
    with Acceptor(listener=make_listener(socket.AF_INET)) as acceptor:
        same(acceptor.ask("address"), "127.0.0.1", "REMOTE_ADDR: IPv4")


def test_total():
    with Acceptor("-m", "2") as acceptor:
        first, second = acceptor.hold(), acceptor.hold("127.0.0.2")
        same([read(first), read(second)], ["held"] * 2, "as many handlers as -m says run")
        third = acceptor.hold("127.0.0.3")
        report(is_silent(third), "one more connection waits")
        same(acceptor.handlers(), 2, "and no more handlers run")
        before = acceptor.seconds()
        time.sleep(PAUSE)
        report(acceptor.seconds() - before < 0.1, "while it waits nothing spins")
        same(talk(first, ""), "done", "a handler ends")
        same(read(third), "held", "then the connection is served")


def test_source():
    with Acceptor("-s", "2") as acceptor:
        held = [acceptor.hold("127.0.0.2"), acceptor.hold("127.0.0.2")]
        same([read(sock) for sock in held], ["held"] * 2,
             "as many of one source as -s says are served")
        same(acceptor.ask("address", "127.0.0.2"), "closed", "one more is closed")
        same(acceptor.ask("address", "127.0.0.3"), "127.0.0.3", "another source is served")
        held += [acceptor.hold("2001:db8:0:1::1"), acceptor.hold("2001:db8:0:1:f::2")]
        same([read(sock) for sock in held[2:]], ["held"] * 2, "so with IPv6")
        same(acceptor.ask("address", "2001:db8:0:1::3"), "closed", "where a /64 is one source")
        same(acceptor.ask("address", "2001:db8:0:2::1"), "2001:db8:0:2::1",
             "and another /64 another")
        for _ in range(100):
            acceptor.ask("address", "127.0.0.2")
        same(talk(held[0], ""), "done", "a handler ends")
        report(wait_for(lambda: acceptor.ask("address", "127.0.0.2") == "127.0.0.2"),
               "then its source is served again")
        same(acceptor.log(), "connections turned away, since their source has too many: 1, "
             "the last from 127.0.0.2\n", "the log has one line on it all, for now")
        report(wait_for(lambda: any(re.fullmatch("STATUS=handlers running: 3 of 1024; "
                                                 "connections turned away: 1[0-9]{2}", word)
                                    for word in acceptor.words())),
               "systemd is told of all", acceptor.words())
        times = [told for word, told in acceptor.told if word.startswith("STATUS")]
        report(all(b - a > 0.9 for a, b in zip(times, times[1:])), "once a second at most", times)


def test_no_address():
    path = os.path.join(work, "config")
    with open(path, "w", encoding="ascii") as file:
        file.write("LOGADDRESS=no\n")
    os.chmod(path, 0o644)
    with Acceptor("-s", "1", "-c", path) as acceptor:
        held = acceptor.hold("127.0.0.2")
        same(read(held), "held", "with LOGADDRESS=no a connection is served")
        same(acceptor.ask("address", "127.0.0.2"), "closed", "and one more closed")
        wait_for(acceptor.log)
        same(acceptor.log(), "connections turned away, since their source has too many: 1\n",
             "the log has no address")


def shortage(what, description, line, *options, user=None, soft=None):
    with Acceptor(*options, user=user) as acceptor:
        same(acceptor.ask("address"), "127.0.0.1", f"{description}: it was well")
        report(wait_for(lambda: acceptor.handlers() == 0), f"{description}: no handler runs")
        before = acceptor.limit(what, soft)
        used = acceptor.seconds()
        socks = [acceptor.connect() for _ in range(20)]
        for sock in socks:
            sock.sendall(b"address\n")
        report(is_silent(socks[0]), f"{description}: nodes wait")
        used = acceptor.seconds() - used
        report(used < 0.3, f"{description}: nothing spins", used)
        acceptor.limit(what, before[0])
        same([read(sock) for sock in socks], ["127.0.0.1"] * 20,
             f"{description}: later all are served")
        same(acceptor.log(), f"unable to {line}; until that works again, nodes wait\n",
             f"{description}: the log says so once")


def test_failures():
    shortage(resource.RLIMIT_NOFILE, "no descriptors",
             "accept a connection: Too many open files", soft=3)
    shortage(resource.RLIMIT_NPROC, "no processes",
             "start a handler: Resource temporarily unavailable", user=65534, soft=0)
    for error, breakage in (("No such file or directory", lambda: os.unlink(work + "/handler")),
                            ("Permission denied", lambda: make_handler(0o644)),
                            ("Exec format error", lambda: make_handler(text="\0"))):
        with Acceptor() as acceptor:
            breakage()
            same([acceptor.ask("address") for _ in range(20)], ["closed"] * 20,
                 f"{error}: connections are closed")
            same(acceptor.log(), f"unable to start a handler: {error}; until that works again, "
                 "nodes are turned away\n", f"{error}: the log says so once")
            make_handler()
            same(acceptor.ask("address"), "127.0.0.1", f"{error}: with a handler it goes on")
    with Acceptor() as acceptor:
        same(acceptor.ask("die"), "closed", "a handler that dies has ended its connection")
        report(wait_for(acceptor.log), "that is logged")
        for _ in range(100):
            acceptor.ask("die")
        same(acceptor.ask("address"), "127.0.0.1", "a hundred more die, and it goes on")
        same(acceptor.log(), "handlers killed: 1, the last by signal 6 (Aborted)\n", "the log has one line, for now")


def test_kill():
    """Killed when a connection has left the kernel's queue, before it does another step with it."""
    listener = make_listener()
    with Acceptor(listener=listener.dup()) as acceptor:
        tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-p", str(acceptor.pid),
                                   "-e", "inject=accept4:delay_exit=2000000"], stderr=subprocess.PIPE)
        tracer.stderr.readline()  # attached
        sock = acceptor.connect()
        sock.sendall(b"address\n")
        report(wait_for(lambda: not select.select([acceptor.listener], [], [], 0)[0]),
               "the connection has left the queue")
        acceptor.process.kill()
        same(acceptor.process.wait(WAIT), -signal.SIGKILL, "then it is killed")
        same(read(sock), "127.0.0.1", "and the connection is served all the same")
        tracer.wait(WAIT)
    with Acceptor(listener=listener) as acceptor:
        same(acceptor.ask("address"), "127.0.0.1", "the next one goes on")


def test_end():
    listener = make_listener()
    with Acceptor(listener=listener.dup()) as acceptor:
        held = acceptor.hold()
        same(read(held), "held", "a handler runs")
        acceptor.process.send_signal(signal.SIGTERM)
        report(wait_for(lambda: acceptor.words()[-1] == "STOPPING=1"), "SIGTERM: systemd is told")
        late = acceptor.connect()
        late.sendall(b"address\n")
        report(is_silent(late), "what comes now waits")
        same(talk(held, ""), "done", "the handler may end what it does")
        same(acceptor.process.wait(WAIT), 0, "then it ends with 0")
        same(acceptor.log(), "", "without a word")
    with Acceptor("-w", "1", listener=listener) as acceptor:
        same(read(late), "127.0.0.1", "the next one serves what has waited")
        held = acceptor.hold()
        same(read(held), "held", "a handler runs, and does not end")
        begun = time.monotonic()
        same(acceptor.end(), 0, "SIGTERM: it ends with 0 all the same")
        report(0.9 < time.monotonic() - begun < WAIT / 2, "after the time that -w says")
        same(acceptor.log(), "handlers still running after 1 seconds: 1\n", "and says so")
        held.close()


def test_own_listener():
    with Acceptor("-l", str(PORT), port=PORT) as acceptor:
        same(acceptor.words(), ["READY=1"], "-l: it is ready at once")
        same(acceptor.ask("address"), "127.0.0.1", "-l: IPv4")
        same(acceptor.ask("address", "::1"), "::1", "-l: IPv6")
        same(acceptor.ask("same"), "same", "-l: the connection is stdin and stdout of the handler")
        same(acceptor.ask("stderr"), "connection", "-l: and stderr, so that it logs to syslog")
        same(acceptor.ask("descriptors"), "0, 1, 2, 3", "-l: it has no other descriptor")
        same(sorted(os.listdir(f"/proc/{acceptor.pid}/fd")), ["0", "1", "2"],
             "-l: nor is one left")
        queue = subprocess.run(["ss", "-Hlnt", f"sport = {PORT}"], capture_output=True, text=True,
                               check=True).stdout.split()
        same(queue[2], "4096", "-l: so many may wait")
        held = acceptor.hold()
        same(read(held), "held", "-l: a handler runs, and does not end")
        second = subprocess.run([PROGRAM, "-l", str(PORT), "/bin/true"], capture_output=True,
                                timeout=WAIT, text=True, check=False)
        same((second.returncode, second.stderr), (71, "broker-accept: unable to listen at TCP port "
                                                  f"{PORT}: Address already in use\n"),
             "-l: a port that is taken")
        same(acceptor.end(), 0, "-l: SIGTERM: it ends with 0")
    with Acceptor("-l", str(PORT), port=PORT) as acceptor:
        same(acceptor.ask("address"), "127.0.0.1", "-l: the next one has the port at once")
        same(talk(held, ""), "done", "-l: and the handler has gone on")
    with Acceptor("-l", str(PORT), port=PORT, closed=True) as acceptor:
        same(acceptor.ask("same"), "same", "-l: stdin, stdout and stderr are closed: it serves")
        same(acceptor.ask("stderr"), "connection", "-l: with the connection as all three")


def test_misuse():
    def run(*arguments, stdin=subprocess.DEVNULL):
        result = subprocess.run([PROGRAM, *arguments], stdin=stdin, capture_output=True,
                                timeout=WAIT, text=True, check=False)
        return result.returncode, (result.stdout + result.stderr).split("\n")[0]

    no_socket = (64, "broker-accept: stdin is no listening socket: systemd makes it one with "
                     "StandardInput=socket and Accept=no; -l opens one")
    same(run("/bin/true"), no_socket, "stdin is no socket")
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as sock:
        same(run("/bin/true", stdin=sock), no_socket, "stdin is a connection")
    same(run(), (64, "broker-accept: no handler is given; see --help"), "no handler")
    for words, error in ((["-l", "65536"], "-l takes a number from 1 to 65535, not '65536'"),
                         (["-m", "0"], "-m takes a number from 1 to 16384, not '0'"),
                         (["-m", "16385"], "-m takes a number from 1 to 16384, not '16385'"),
                         (["-s", "x"], "-s takes a number from 1 to 16384, not 'x'"),
                         (["-w", "3601"], "-w takes a number from 0 to 3600, not '3601'")):
        same(run(*words, "/bin/true"), (64, f"broker-accept: {error}; see --help"), " ".join(words))
    same(run("-x")[0], 64, "an unknown option")
    report(run("-h")[1].startswith("usage: broker-accept ") and run("-h")[0] == 0,
           "-h prints the usage")
    report(re.match("broker-accept [0-9]", run("-V")[1]), "-V prints the version")


make_handler()
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for each in "1::1", "1:f::2", "1::3", "2::1":
    subprocess.run(["ip", "addr", "add", f"2001:db8:0:{each}/128", "dev", "lo"], check=True)
for PROGRAM in BUILD + "/broker-accept", BUILD + "/sanitize/broker-accept":
    print("#", PROGRAM)
    for test in test_handler, test_total, test_source, test_no_address, test_failures, test_kill, test_end, \
            test_own_listener, test_misuse:
        test()
print(f"1..{tests}")
sys.exit(failures > 0)
