#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes babeld slow: between its clients and its local socket, each answer waits.

Usage: slow-proxy.py LISTEN BABELD SECONDS. Both are paths of Unix sockets.
"""
import os
import socket
import sys
import threading
import time


def to_babeld(client, babeld):
    while data := client.recv(4096):
        babeld.sendall(data)
    babeld.shutdown(socket.SHUT_WR)


def serve(client, path, delay):
    with client, socket.socket(socket.AF_UNIX) as babeld:
        babeld.connect(path)
        threading.Thread(target=to_babeld, args=(client, babeld), daemon=True).start()
        for line in babeld.makefile("rb"):
            if line.split()[0] in (b"ok", b"no", b"bad"):
                time.sleep(delay)
            client.sendall(line)


def main():
    path, babeld, delay = sys.argv[1], sys.argv[2], float(sys.argv[3])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, babeld, delay), daemon=True).start()


os.umask(0)
main()
