#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prunes race with requests of the very keys that they remove.

Usage: race.py asked|handshake ROUNDS SEED HANDLER ADMIN KEY...

In each pass all the keys' peers are made dying, and a request of each key comes, each at a moment
of its own. Somewhere among them a prune starts: that moment is moved until the prune is the faster
in half of the cases. Half of the programs are delayed before each message to the kernel, so that
others can come in between. A round is one such request. All that is left to chance comes from the
seed, and is drawn before a pass begins.

asked      the peers never had a handshake, and asked 400 s ago
handshake  the peers' last handshake was 700 s ago, and a new one happens at about the time of the
           request: KEY is then INTERFACE=KEY, an interface of a node in the namespace "nodes"

Prints one object of JSON: rounds; the requests by what the handler said (new, renewed, known); and
lost, those answered with a port whose interface was gone right after, or when the prune was over.
"""
import collections
import json
import random
import re
import subprocess
import sys
import threading
import time

from gateway import (GROUP, PREFIX, STARTPORT, altname_of, boot_clock, links_of, output, request_of,
                     shake_hands, write_note)

# In seconds: the time in which all the requests come, and the delay before a message; for the second
# mode longer, so that a handshake fits in between.
SPREAD = {"asked": 0.3, "handshake": 1}
DELAY = {"asked": 0.003, "handshake": 0.05}
# By how much the prune is moved from pass to pass.
STEP = 1.15


def delayed(mode, whether, *command):
    delay = f"inject=sendmsg:delay_enter={int(DELAY[mode] * 1e6)}"
    slowly = ["strace", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", delay]
    return [*slowly, *command] if whether else command


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def ifindex(ifname):
    try:
        with open(f"/sys/class/net/{ifname}/ifindex", encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return None


class Node:
    """One key, and what became of its last request."""

    def __init__(self, text):
        self.device, self.key = text[:-45], text[-44:]
        self.altname = altname_of(self.key)
        self.ifname = self.index = self.port = self.manner = self.reply = None
        self.delayed, self.rests = False, []

    def draw(self, mode):
        """What is left to chance in the next pass."""
        self.delayed = random.choice((False, True))
        self.rests = [random.uniform(0, longest) for longest in (SPREAD[mode], 0.15, 0.15)]

    def ask(self, *handler):
        answer = run(*handler, input=request_of(self.key))
        self.reply = answer.stdout.strip() + answer.stderr.strip()
        self.port = json.loads(answer.stdout).get("port")
        if not self.port:
            return
        self.ifname = f"{PREFIX}{self.port - STARTPORT + 1}"
        self.index = ifindex(self.ifname)
        self.manner = re.search(r" port \d+, (\w+)", answer.stderr).group(1)

    def make_dying(self, stamps):
        now, stamp = boot_clock(), stamps.get(self.ifname, 0)
        write_note(self.ifname, now - 800 if self.device else now - 400, now - 400,
                   now - 700 if stamp else 0, stamp)

    def is_there(self, links):
        link = links.get(self.ifname, {})
        return (self.port and self.index and link.get("ifindex") == self.index and
                self.altname in link.get("altnames", []) and "UP" in link["flags"])


def handshakes():
    lines = output("wg", "show", "all", "latest-handshakes").splitlines()
    return {line.split("\t")[0]: int(line.split("\t")[2]) for line in lines}


def main():
    mode, rounds, seed, handler, admin = sys.argv[1:6]
    nodes = [Node(text) for text in sys.argv[6:]]
    random.seed(seed)
    manners, lost, done, lead = collections.Counter(), [], 0, SPREAD[mode] / 2

    def join(node):
        time.sleep(node.rests[0])
        other = threading.Timer(node.rests[1], shake_hands, [node.device, node.port])
        if mode == "handshake":
            other.start()
            time.sleep(node.rests[2])
        node.ask(*delayed(mode, node.delayed, handler))
        if mode == "handshake":
            other.join()

    for node in nodes:
        node.ask(handler)
    while done < int(rounds):
        if mode == "handshake":
            for node in nodes:
                shake_hands(node.device, node.port)
            # The stamps are in seconds.
            time.sleep(1.1)
        stamps = handshakes() if mode == "handshake" else {}
        prune = delayed(mode, random.choice((False, True)), admin, "prune")
        for node in nodes:
            node.draw(mode)
            node.make_dying(stamps)
        threads = [threading.Thread(target=join, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        time.sleep(lead)
        run(*prune)
        for thread in threads:
            thread.join()
        links = {link["ifname"]: link for link in links_of(GROUP)}
        seen = collections.Counter(node.manner for node in nodes)
        for node in nodes:
            if not node.is_there(links):
                lost.append(node.reply)
                node.ask(handler)
        manners += seen
        done += len(nodes)
        lead *= STEP if 2 * seen["new"] > len(nodes) else 1 / STEP
    print(json.dumps({"rounds": done, **manners, "lost": lost}))


main()
