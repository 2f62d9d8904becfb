#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever happens to a gateway, in any order, against a simple model of what nodes were promised.

Usage: model.py STEPS SEED DAEMON KEY...

A KEY is that of a node without a tunnel, or INTERFACE=KEY, of an interface in the namespace "nodes".
DAEMON is a folder for l3roamd's stand-in. SEED draws the steps: requests, alone, together and
killed; handshakes; time that passes; steps of the wall clock; prunes, flushes, some of them killed;
other limits; keys that are denied, permitted again, or kicked; a routing daemon's restart.

Prints how often each step was taken, and every promise that was broken; there the steps before it.
"""
import collections
import json
import os
import random
import subprocess
import sys
import time

from gateway import (ADMIN, BUILD, HANDLER, PREFIX, REPLY, check_reply, interfaces, of_key, port_of,
                     request_of, set_gateway, shake_hands)

INJECT = f"{BUILD}/sweep/inject"
# Seconds, as in the sources.
LIVE, FRESH, ASKED, DEAD, FULL, GRACE, SINCE = 180, 15, 300, 600, 30, 30, 300
TAKEN = ", in the place of "
QUOTA_MARK, MAXPENDING = 5, 2
SOURCES = ["192.0.2.50", "192.0.2.50", "192.0.2.50", "192.0.2.51", ""]  # of the nodes, in turn
LIMITS = [3, 5, 8]
HISTORY = 40


class Node:
    """What was promised to one key."""

    def __init__(self, text, source):
        self.device, self.key = text[:-45], text[-44:]
        self.source = source
        self.is_denied = False
        self.forget()

    def forget(self):
        self.port = self.index = None
        self.asked = self.since = self.handshake = None  # by the model's clock
        self.stamp = 0  # the handshake, as the kernel tells it
        self.is_unsure = False  # of its age, after a step of the wall clock that no prune has seen
        # A handler that is killed between setting its peer up anew and the note forgets handshakes.
        self.was_killed = False


class Model:
    """The gateway, as it should be."""

    def __init__(self, seed, folder, nodes):
        self.random = random.Random(seed)
        self.folder = folder
        self.nodes = nodes
        self.skipped = 0  # seconds that have passed without anybody's waiting
        self.limit = LIMITS[1]
        # What was found full counts for a while: after another limit, or a prune that was killed.
        self.full_since = -FULL
        # So does it that a source had all it may, after a handshake, a prune, or whatever took one.
        self.changed_at = 0
        self.daemon = None
        self.used = set()  # indices of interfaces that have had a handshake
        self.is_stepped = False  # the wall clock, since the last prune
        self.found = {}  # what was there when it was last looked at
        self.broken, self.history = [], collections.deque(maxlen=HISTORY)
        self.taken = collections.Counter()

    def now(self):
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.skipped

    def is_live(self, node):
        return node.handshake is not None and self.now() - node.handshake < LIVE - 2

    def start(self, *command, text="", daemon=True, source=""):
        variables = {"MAXCONNECTIONS": str(self.limit), "MAXPENDING": str(MAXPENDING),
                     "REMOTE_ADDR": source, "DENYKEYS": f"{self.folder}/deny"}
        if daemon:
            variables["L3ROAMDSOCK"] = f"{self.folder}/l3roamd"
        process = subprocess.Popen(
            ["unshare", "--time", "--fork", "--boottime", str(self.skipped), "--", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **variables})
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, *command, **options):
        process = self.start(*command, **options)
        reply, words = process.communicate()
        return process.returncode, reply, words

    def blame(self, words):
        self.broken.append(f"{words}; before: {' | '.join(self.history)}")

    def look(self):
        """What there is; and handshakes that happened by themselves."""
        self.found = interfaces()
        for node in self.nodes:
            mine = of_key(self.found, node.key)
            stamp = mine[0].peers.get(node.key, 0) if mine and mine[0].index == node.index else 0
            if stamp not in (0, node.stamp):
                node.handshake, node.stamp, node.is_unsure = self.now(), stamp, self.is_stepped
                node.was_killed = False
                self.changed_at = self.now()
        self.used |= {one.index for one in self.found.values() if any(one.peers.values())}
        return self.found

    # What is checked.

    def check_reply(self, node, reply, words, found, was_free):
        """Of one that was not killed."""
        match = REPLY.fullmatch(reply)
        if not match:
            self.blame(f"reply {reply!r} {words!r}")
            return
        if node.is_denied:
            if match["code"] != "5":
                self.blame(f"a key that is denied: {reply!r}")
            return
        if "MAXPENDING" in words:
            self.check_quota(node, words)
            return
        if not match["port"]:
            is_excused = self.now() - self.full_since < FULL + 1
            if match["code"] != "1" or (was_free and not is_excused):
                self.blame(f"code {match['code']} with a free slot: {words!r}")
            if not is_excused and not self.pending_of(node.source) and self.could_give_way():
                self.blame("code 1 where one that never had a handshake could give way")
            return
        port, mine = port_of(reply), of_key(found, node.key)
        wrong = check_reply(reply, node.key, found)
        if wrong:
            self.blame("; ".join(wrong))
            return
        if mine[0].index != node.index:
            if ", new, " in words and mine[0].slot() > self.limit:
                self.blame(f"slot {mine[0].slot()} is beyond the limit {self.limit}")
            if (", new, " in words or TAKEN in words) and len(found) > self.limit:
                self.blame(f"there are {len(found)} interfaces, and the limit is {self.limit}")
            if TAKEN in words and mine[0].index in self.used:
                self.blame(f"{mine[0].name} has had a handshake, and was given away")
            node.forget()
        elif self.is_live(node) and port != node.port:
            self.blame(f"port {port} for a live peer of port {node.port}")
        node.port, node.index = port, mine[0].index
        if len(self.pending_of(node.source)) > MAXPENDING:
            self.blame(f"{node.source} has more than it may")
        if ", known, " not in words:
            node.asked, node.handshake, node.stamp = self.now(), None, 0
            if node.since is None or node.asked - node.since >= SINCE - 1:
                node.since = node.asked

    def pending_of(self, source):
        """The source's interfaces that never had a handshake. A handler that was killed may leave
        one that does not count."""
        return [mine for node in self.nodes if source and node.source == source
                for mine in of_key(self.found, node.key)
                if mine.index not in self.used and any("-src-" in name for name in mine.altnames)]

    def check_quota(self, node, words):
        forgotten = sum(other.was_killed and other.source == node.source for other in self.nodes)
        # Until the next prune it counts what one that was killed has left, without a key.
        forgotten += sum(not one.keys() and any("-src-" in name for name in one.altnames)
                         for one in self.found.values())
        is_excused = self.now() - self.changed_at < QUOTA_MARK + 1
        if len(self.pending_of(node.source)) + forgotten < MAXPENDING and not is_excused:
            self.blame(f"{node.source} has not all that it may: {words!r}")

    def could_give_way(self):
        """Whether an interface waits for its first handshake for longer than any mark counts."""
        # Where the limit was lowered nobody comes in, and not in another's place either.
        return all(one.slot() <= self.limit for one in self.found.values()) and any(
            node.since is not None and self.now() - node.since > GRACE + FULL + 2
            and node.asked - node.since < SINCE - 2
            for node in self.nodes
            for mine in of_key(self.found, node.key)
            if mine.index == node.index and mine.index not in self.used)

    def check_all(self, found):
        """What holds at any time."""
        for node in self.nodes:
            mine = of_key(found, node.key)
            if len(mine) > 1:
                self.blame("two interfaces of one key")
            if not self.is_live(node):
                continue
            if not mine or mine[0].index != node.index or mine[0].lacks(node.key, node.port):
                self.blame(f"a live peer has lost its interface of port {node.port}")
                node.forget()

    def check_daemon(self, found, words):
        """After whatever has told it everything."""
        with open(f"{self.folder}/log.state", encoding="ascii") as file:
            known = {line.partition("=")[0] for line in file}
        there = {one.name for one in found.values() if one.up and one.keys()}
        if known != there:
            self.blame(f"the daemon knows {sorted(known)}, there are {sorted(there)}: {words!r}")

    def count_free(self):
        """Slots that a new node can have; those beyond a lowered limit count."""
        free = sum(f"{PREFIX}{slot}" not in self.found for slot in range(1, self.limit + 1))
        return max(0, min(free, self.limit - len(self.found)))

    def is_free(self, node):
        return self.count_free() > 0 or bool(of_key(self.found, node.key))

    # The steps.

    def request(self):
        node = self.random.choice(self.nodes)
        self.history[-1] += f" {node.key[:4]}"
        was_free = self.is_free(node)
        _, reply, words = self.run(HANDLER, text=request_of(node.key), source=node.source)
        self.notice_taken(words)
        self.check_reply(node, reply, words, self.look(), was_free)

    def notice_taken(self, words):
        """What gave way may have been one of those for which a source was refused another one."""
        if TAKEN in words:
            self.changed_at = self.now()

    def together(self):
        """Of two that want the last slot only one can have it."""
        nodes = [self.random.choice(self.nodes) for _ in range(2)]
        was_free = [self.is_free(node) for node in nodes]
        left = self.count_free()
        running = [self.start(HANDLER, text=request_of(node.key), source=node.source)
                   for node in nodes]
        ends = [process.communicate() for process in running]
        self.notice_taken(" ".join(words for _, words in ends))
        found = self.look()
        for node, free, (reply, words) in zip(nodes, was_free, ends):
            # The other one may have got the interface that this one was told, if its time was up.
            is_up = node.since is not None and self.now() - node.since >= GRACE - 2
            if (is_up and not self.is_live(node) and not of_key(found, node.key)
                    and any(TAKEN in others for _, others in ends)):
                node.forget()
            else:
                self.check_reply(node, reply, words, found, free and left > 1)

    def killed(self):
        """Without the daemon, which a client that dies in the midst of a line would freeze."""
        node = self.random.choice(self.nodes)
        call = self.random.randint(40, 110)
        self.history[-1] += f" {node.key[:4]} before {call}"
        self.run(INJECT, "-n", str(call), "-k", HANDLER, text=request_of(node.key), daemon=False,
                 source=node.source)
        self.look()
        self.changed_at = self.now()
        if not self.is_live(node):
            # It may have got another one, or none, and will hear of it with its next request.
            node.forget()
            node.was_killed = True

    def handshake(self):
        node = self.random.choice([node for node in self.nodes if node.device])
        mine = of_key(self.found, node.key)
        if not mine or mine[0].index != node.index:
            return
        self.history[-1] += f" {node.key[:4]}"
        shake_hands(node.device, node.port)
        for _ in range(8):
            time.sleep(0.2)
            stamp = node.stamp
            self.look()
            if node.stamp != stamp:
                return

    def pass_time(self):
        self.quiet()
        seconds = self.random.choice([10, 40, 150, 320, 650])
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
        self.skipped += seconds

    def quiet(self):
        """No handshake comes from now on, until the step for that."""
        for node in self.nodes:
            if node.device:
                set_gateway(node.device, "remove")
        self.look()

    def step_clock(self):
        self.quiet()
        seconds = self.random.choice([-100000, -1000, -200, -20, 20, 200, 1000, 100000])
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
        self.is_stepped = True
        for node in self.nodes:
            node.is_unsure = True

    def prune(self):
        before = self.found
        status, _, words = self.run(ADMIN, "prune")
        found = self.look()
        if status:
            self.blame(f"prune exits with {status}: {words!r}")
        for one in found.values():
            if not one.keys():
                self.blame(f"{one.name} is left half-made by a prune")
        for node in self.nodes:
            self.check_pruned(node, before, found, words)
        self.is_stepped = False
        self.changed_at = self.now()
        self.check_daemon(found, words)

    def check_pruned(self, node, before, found, words):
        was, is_there = of_key(before, node.key), of_key(found, node.key)
        now = self.now()
        if node.is_denied:
            if is_there:
                self.blame("a key that is denied keeps its interface")
            node.forget()
            return
        if not was or was[0].index != node.index or node.handshake is node.asked is None:
            return
        if node.handshake is not None:
            age, limit, may_stay = now - node.handshake, DEAD, node.is_unsure
        else:
            age, limit, may_stay = now - node.asked, ASKED, False
        if age < limit - 2 and not is_there:
            self.blame(f"pruned after {age:.0f} s of {limit}: {words!r}")
        if age > limit + 2 and is_there and not may_stay:
            self.blame(f"not pruned after {age:.0f} s of {limit}: {words!r}")
        if not is_there:
            node.forget()

    def killed_prune(self):
        self.run(INJECT, "-n", str(self.random.randint(30, 160)), "-k", ADMIN, "prune", daemon=False)
        found = self.look()
        self.full_since = self.changed_at = self.now()
        for node in self.nodes:
            if not of_key(found, node.key) and (node.is_denied or not self.is_live(node)):
                node.forget()

    def flush(self):
        status, _, words = self.run(ADMIN, "flush")
        found = self.look()
        if status or found:
            self.blame(f"flush exits with {status} and leaves {list(found)}: {words!r}")
        for node in self.nodes:
            node.forget()
        self.check_daemon(found, words)

    def deny(self):
        """Or permit it again."""
        node = self.random.choice(self.nodes)
        node.is_denied = not node.is_denied
        self.run(ADMIN, *(["deny"] if node.is_denied else ["deny", "-r"]), "--", node.key)

    def kick(self):
        node = self.random.choice(self.nodes)
        was_there = bool(of_key(self.found, node.key))
        status, _, words = self.run(ADMIN, "kick", "--", node.key)
        if bool(status) == was_there or of_key(self.look(), node.key):
            self.blame(f"kick exits with {status}: {words!r}")
        node.forget()
        self.changed_at = self.now()

    def change_limit(self):
        self.limit, self.full_since = self.random.choice(LIMITS), self.now()

    def restart_daemon(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        with open(f"{self.folder}/log.state", "w", encoding="ascii"):
            pass
        self.daemon = subprocess.Popen(["tests/meshd.py", "l3roamd", f"{self.folder}/l3roamd",
                                        f"{self.folder}/log"])
        status, _, words = self.run(ADMIN, "-w", "30", "resync")
        if status:
            self.blame(f"resync exits with {status}: {words!r}")
        self.check_daemon(self.look(), words)

    STEPS = {request: 40, together: 8, killed: 8, handshake: 14, pass_time: 8, step_clock: 5,
             prune: 6, killed_prune: 3, flush: 1, change_limit: 3, deny: 4, kick: 2,
             restart_daemon: 2}

    def step(self):
        kinds, weights = zip(*self.STEPS.items())
        kind = self.random.choices(kinds, weights)[0]
        name = kind.__name__
        self.taken[name] += 1
        self.history.append(name)
        kind(self)
        self.check_all(self.found)


def main():
    steps, seed, folder, *texts = sys.argv[1:]
    os.mkdir(f"{folder}/deny")
    nodes = [Node(text, SOURCES[number % len(SOURCES)]) for number, text in enumerate(texts)]
    model = Model(seed, folder, nodes)
    model.restart_daemon()
    for number in range(1, int(steps) + 1):
        model.step()
        if model.broken:
            print(json.dumps({"step": number, "limit": model.limit, "broken": model.broken}))
            break
    model.daemon.kill()
    print(json.dumps({"steps": sum(model.taken.values()), **model.taken}))
    return bool(model.broken)


sys.exit(main())
