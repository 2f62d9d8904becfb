#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A node's side of the protocol, well-behaved or not, one or many at once.

Connects, sends, and waits until the gateway closes the connection. Prints one
line of JSON for each connection, in the order of the requests:

  reply    what came, as text
  port     the port in it, or null
  code     the error's code in it, or null
  sent     seconds from the first byte sent to the last, or null if not all was sent
  replied  seconds from the first byte sent to the first byte of the reply, or null
  ended    seconds from the first byte sent to the end of the connection
  end      how it ended: eof, reset, timeout (ours), or the words of another error
"""
import argparse
import asyncio
import json
import sys
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
    parser.add_argument("-f", "--file", help="send what this file holds")
    parser.add_argument("-k", "--keys", help="send a request for each line of this file")
    parser.add_argument("key", nargs="*")
    return parser.parse_args()


def requests(options):
    if options.text is not None:
        return [options.text.encode().decode("unicode_escape").encode("latin-1")]
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


async def send(options, writer, data, result, start):
    try:
        for i, unit in enumerate(units(options, data)):
            if i and options.delay:
                await asyncio.sleep(options.delay)
            writer.write(unit)
            await writer.drain()
        result["sent"] = round(time.monotonic() - start, 3)
        if options.after == "half":
            writer.write_eof()
    except ConnectionError:
        pass  # the gateway has had enough; the reader sees how it ends


async def receive(reader, result, start):
    reply = b""
    while True:
        try:
            data = await reader.read(65536)
        except ConnectionError:
            result["end"] = "reset"
            break
        if not data:
            result["end"] = "eof"
            break
        if not reply:
            result["replied"] = round(time.monotonic() - start, 3)
        reply += data
        result["reply"] = reply.decode("utf-8", "backslashreplace")


async def exchange(options, data, result):
    reader, writer = await asyncio.open_connection(options.host, options.port)
    start = time.monotonic()
    sender = asyncio.create_task(send(options, writer, data, result, start))
    try:
        if options.after == "close":
            await sender
            result["end"] = "closed by us"
        else:
            await asyncio.wait_for(receive(reader, result, start), options.timeout)
    except asyncio.TimeoutError:
        result["end"] = "timeout"
    result["ended"] = round(time.monotonic() - start, 3)
    sender.cancel()
    writer.close()


async def connection(options, data):
    result = dict.fromkeys(["reply", "port", "code", "sent", "replied", "ended", "end"])
    try:
        await exchange(options, data, result)
        answer = json.loads(result["reply"] or "{}")
        result["port"] = answer.get("port")
        result["code"] = answer.get("error", {}).get("code")
    except OSError as error:
        result["end"] = str(error)
    except ValueError as error:
        result["end"] += f", and the reply is not JSON: {error}"
    return result


async def main():
    options = arguments()
    work = [connection(options, data) for data in requests(options) for _ in range(options.times)]
    for result in await asyncio.gather(*work):
        print(json.dumps(result))


sys.exit(asyncio.run(main()))
