#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for l3roamd or mmfd: their socket as it really is, with all its weaknesses.

Usage: meshd.py l3roamd|mmfd SOCKET LOG [SECONDS], which each answer takes. One client at a time,
read byte by byte and without a time-out; a client that closes before the end of its line freezes
it for good. Six others may wait; the next one gets EAGAIN. An entry outlives its interface, and a
name that is known is not joined again. mmfd dies if its asker has gone.

Each line of LOG is a command, and of what it names: whether it exists, is up, and is known.
LOG.state holds the entries: for each a line NAME=NUMBER of the interface that was joined.
"""
import json
import os
import signal
import socket
import sys
import time

IFF_UP = 1


def kernel(name, what):
    try:
        with open(f"/sys/class/net/{name}/{what}", encoding="ascii") as file:
            return int(file.read(), 0)
    except OSError:
        return 0


class Daemon:
    def __init__(self, path, log, delay):
        self.entries = {}
        self.delay = delay
        self.log_path = log
        self.log_file = open(log, "a", encoding="ascii")
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(5)
        self.save()

    def log(self, *words):
        print(*words, file=self.log_file, flush=True)

    def save(self):
        with open(self.log_path + ".new", "w", encoding="ascii") as file:
            file.writelines(sorted(f"{name}={index}\n" for name, index in self.entries.items()))
        os.rename(self.log_path + ".new", self.log_path + ".state")

    def read_line(self, client):
        line = b""
        while True:
            byte = client.recv(1)
            if not byte:
                self.log("frozen")
                time.sleep(1e9)
            if byte in b"\r\n":
                return line.decode("ascii", "replace")
            line += byte

    def change(self, command, name):
        index = kernel(name, "ifindex")
        self.log(command, name, "exists" if index else "missing",
                 "up" if kernel(name, "flags") & IFF_UP else "down",
                 "known" if name in self.entries else "new")
        if command == "del_meshif":
            self.entries.pop(name, None)
        elif index and name not in self.entries:
            self.entries[name] = index
        self.save()

    def serve(self):
        client, _ = self.listener.accept()
        with client:
            command, _, name = self.read_line(client).partition(" ")
            time.sleep(self.delay)
            if command in ("add_meshif", "del_meshif"):
                self.change(command, name)
            elif command == "get_meshifs":
                self.log(command)
                client.sendall(json.dumps({"mesh_interfaces": list(self.entries)}).encode())
            else:
                self.log("unknown", command)


def main():
    mode, path, log = sys.argv[1:4]
    daemon = Daemon(path, log, float(sys.argv[4]) if len(sys.argv) > 4 else 0)
    # Python ignores it; as in C, a write to one who has gone kills mmfd.
    if mode == "mmfd":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    while True:
        try:
            daemon.serve()
        except (BrokenPipeError, ConnectionResetError):
            daemon.log("gone")


main()
