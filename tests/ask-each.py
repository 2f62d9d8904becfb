#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks for the keys of a file, one after the other, as nodes do that hold the connection open.

Usage: ask-each.py FILE [STOP]. Prints for each one line of JSON: port, code, and the seconds until
the reply. With STOP it begins again at the end of the file, until a file of that name exists.
"""
import json
import os
import socket
import sys
import time


def ask(key):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", 40000), timeout=60) as connection:
        connection.sendall(json.dumps({"version": 1, "pubkey": key}).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            data = connection.recv(4096)
            if not data:
                break
            line += data
    seconds = time.monotonic() - start
    reply = json.loads(line) if line else {}
    return {"port": reply.get("port"), "code": reply.get("error", {}).get("code"),
            "seconds": seconds}


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        keys = file.read().split()
    stop = sys.argv[2] if len(sys.argv) > 2 else None
    while True:
        for key in keys:
            print(json.dumps(ask(key)), flush=True)
            if stop and os.path.exists(stop):
                return
        if not stop:
            return


main()
