#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A node's side of the protocol, well-behaved or not, one or many at once.

Connects, sends, and waits until the gateway closes the connection. Prints one
line of JSON for each connection, in the order of the requests:

  reply    what came, as text
  port     the port in it, or null
  code     the error's code in it, or null
  lines    how many newlines are in it
  sent     seconds from the first byte sent to the last, or null if not all was sent
  replied  seconds from the first byte sent to the first byte of the reply, or null
  ended    seconds from the first byte sent to the end of the connection
  end      how it ended: eof, reset, timeout (ours), or the words of another error
"""
# Python takes much longer to start than a request takes: no module that is not needed.
import argparse
import json
import select
import socket
import sys
import threading
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=40000)
    parser.add_argument("-u", "--unit", choices=["whole", "byte", "line"], default="whole",
                        help="what is sent in one write")
    parser.add_argument("-d", "--delay", type=float, default=0, help="seconds between writes")
    parser.add_argument("-a", "--after", choices=["hold", "half", "close"], default="hold",
                        help="what is done with the sending side after the request")
    parser.add_argument("-t", "--timeout", type=float, default=60)
    parser.add_argument("-n", "--times", type=int, default=1, help="how often each is sent")
    parser.add_argument("-x", "--text", help="send this, in which \\n, \\x00 ... are understood")
    parser.add_argument("-r", "--rows", help="send each line of this file, as with -x, in turn")
    parser.add_argument("-f", "--file", help="send what this file holds")
    parser.add_argument("-k", "--keys", help="send a request for each line of this file")
    parser.add_argument("-s", "--show", help="print these, separated by blanks, instead of JSON")
    parser.add_argument("key", nargs="*")
    return parser.parse_args()


def unescaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def requests(options):
    if options.text is not None:
        return [unescaped(options.text)]
    if options.rows:
        with open(options.rows, encoding="ascii") as file:
            return [unescaped(line.rstrip("\n")) for line in file]
    if options.file:
        with open(options.file, "rb") as file:
            return [file.read()]
    keys = list(options.key)
    if options.keys:
        with open(options.keys, encoding="ascii") as file:
            keys += file.read().split()
    return [f'{{"version":1,"pubkey":"{key}"}}\n'.encode() for key in keys]


def units(options, data):
    if options.unit == "byte":
        return [data[i:i + 1] for i in range(len(data))]
    if options.unit == "line":
        return data.splitlines(keepends=True)
    return [data]


class Connection:
    """One request and what comes of it."""

    def __init__(self, options, data):
        self.options, self.data, self.start = options, data, None
        self.result = dict.fromkeys(
            ["reply", "port", "code", "lines", "sent", "replied", "ended", "end"])

    def note(self, what):
        self.result[what] = round(time.monotonic() - self.start, 3)

    def send(self, connection):
        """All of it; what may take long while receive() reads, since the gateway may reply."""
        try:
            for i, unit in enumerate(units(self.options, self.data)):
                if i:
                    time.sleep(self.options.delay)
                connection.sendall(unit)
            self.note("sent")
            if self.options.after == "half":
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the gateway has had enough; the reader sees how it ends

    def receive(self, connection):
        """How it ends."""
        reply = b""
        readable = select.poll()
        readable.register(connection, select.POLLIN)
        while True:
            rest = self.start + self.options.timeout - time.monotonic()
            if rest <= 0 or not readable.poll(1000 * rest):
                return "timeout"
            try:
                data = connection.recv(65536)
            except ConnectionError:
                return "reset"
            if not data:
                return "eof"
            if not reply:
                self.note("replied")
            reply += data
            self.result["reply"] = reply.decode("utf-8", "backslashreplace")

    def exchange(self):
        with socket.create_connection((self.options.host, self.options.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.start = time.monotonic()
            sender = threading.Thread(target=self.send, args=(connection,), daemon=True)
            if len(self.data) < 4096 and self.options.unit == "whole":
                self.send(connection)
            else:
                sender.start()
            if self.options.after == "close":
                self.result["end"] = "closed by us"
            else:
                self.result["end"] = self.receive(connection)
            self.note("ended")
            if sender.is_alive():
                sender.join(2)

    def run(self):
        result = self.result
        try:
            self.exchange()
            answer = json.loads(result["reply"] or "{}")
            result["port"] = answer.get("port")
            result["code"] = answer.get("error", {}).get("code")
            result["lines"] = (result["reply"] or "").count("\n")
        except OSError as error:
            result["end"] = str(error)
        except ValueError as error:
            result["end"] += f", and the reply is not JSON: {error}"


def shown(value):
    if value is None:
        return "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main():
    options = arguments()
    connections = [Connection(options, data)
                   for data in requests(options) for _ in range(options.times)]
    if options.rows:
        for connection in connections:
            connection.run()
    else:
        threads = [threading.Thread(target=connection.run) for connection in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for connection in connections:
        if options.show:
            print(*(shown(connection.result[name]) for name in options.show.split()))
        else:
            print(json.dumps(connection.result))


sys.exit(main())
