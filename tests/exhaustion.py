#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources that ask with new keys all the time, and never connect; and nodes that come and go.

Usage: exhaustion.py SEED MINUTES SOURCES RATE INTERFACE=KEY...

Each of SOURCES asks RATE times a minute. An INTERFACE is one in the namespace "nodes". Its node has
an address of its own; it asks, again after half a minute if it is refused, connects, stays for some
minutes, goes, and comes back. The strangers begin half a minute before the nodes. A prune runs every
five minutes, as its timer has it.

Prints one object of JSON: of the strangers' requests how many were served, or refused with which
code; of the nodes' visits how many there were, how many were refused at first, how often a node asked
in vain, the median and the worst wait for a port in seconds, and how many had a port, but no
handshake.
"""
import collections
import heapq
import json
import os
import random
import statistics
import subprocess
import sys
import time

from gateway import ADMIN, HANDLER, REPLY, output, random_key, request_of, set_gateway, shake_hands

RETRY, PRUNE, HEAD_START = 30, 300, 30  # seconds


class Show:
    def __init__(self, seed, minutes, sources, rate, nodes):
        self.seed, self.draws = seed, {}
        self.events, self.number = [], 0
        self.strangers = collections.Counter()
        self.visits = self.refused = self.in_vain = self.without_handshake = 0
        self.waits = []
        self.minutes = minutes
        begin = time.monotonic()
        self.end = begin + 60 * minutes
        self.at(begin + PRUNE, self.prune)
        for source in range(sources):
            address = f"198.51.{100 + source // 250}.{1 + source % 250}"
            self.at(begin + self.uniform(address, 0, 60 / rate), self.stranger, address, 60 / rate)
        for number, node in enumerate(nodes, 1):
            device, _, key = node.partition("=")
            address = f"203.0.113.{number}"
            self.at(begin + HEAD_START + self.uniform(address, 0, 10 * minutes), self.come, address,
                    device, key)

    def uniform(self, address, least, most):
        """Each address draws by itself: what happens to it is the same in each order of them all."""
        draw = self.draws.setdefault(address, random.Random(f"{self.seed} {address}"))
        return draw.uniform(least, most)

    def at(self, when, what, *arguments):
        self.number += 1
        heapq.heappush(self.events, (when, self.number, what, arguments))

    def later(self, least, most, what, address, *arguments):
        self.at(time.monotonic() + self.uniform(address, least, most), what, address, *arguments)

    def ask(self, address, key):
        reply = subprocess.run([HANDLER], input=request_of(key), capture_output=True, text=True,
                               env={**os.environ, "REMOTE_ADDR": address}, check=False).stdout
        return REPLY.fullmatch(reply)

    def stranger(self, address, rest):
        match = self.ask(address, random_key())
        self.strangers["served" if match["port"] else f"code {match['code']}"] += 1
        self.later(0.8 * rest, 1.2 * rest, self.stranger, address, rest)

    def come(self, address, device, key):
        self.visits += 1
        self.try_to_join(address, device, key, time.monotonic())

    def try_to_join(self, address, device, key, since):
        match = self.ask(address, key)
        if match["port"]:
            self.waits.append(time.monotonic() - since)
            shake_hands(device, match["port"])
            self.later(60, 300, self.leave, address, device, key)
            return
        self.refused += time.monotonic() - since < RETRY / 2
        self.in_vain += 1
        self.later(0.9 * RETRY, 1.1 * RETRY, self.try_to_join, address, device, key, since)

    def leave(self, address, device, key):
        shown = output("ip", "netns", "exec", "nodes", "wg", "show", device, "latest-handshakes")
        self.without_handshake += shown.split()[-1] == "0"
        set_gateway(device, "remove")
        self.later(60, 300, self.come, address, device, key)

    def prune(self):
        subprocess.run([ADMIN, "prune"], capture_output=True, check=True)
        self.at(time.monotonic() + PRUNE, self.prune)

    def run(self):
        while self.events[0][0] < self.end:
            when, _, what, arguments = heapq.heappop(self.events)
            time.sleep(max(0, when - time.monotonic()))
            what(*arguments)
        # If none got in, all have waited to the end.
        waits = self.waits or [time.monotonic() - self.end + 60 * self.minutes]
        return {"strangers": self.strangers, "visits": self.visits, "refused": self.refused,
                "in_vain": self.in_vain, "without_handshake": self.without_handshake,
                "median": round(statistics.median(waits), 2), "worst": round(max(waits), 2)}


def main():
    seed, minutes, sources, rate, *nodes = sys.argv[1:]
    print(json.dumps(Show(seed, float(minutes), int(sources), float(rate), nodes).run()))


main()
