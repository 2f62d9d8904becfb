#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many nodes at once that ask again and again, each from an address of its own, until SIGTERM.

Each waits for its reply as long as a node does, 10 s, and two seconds before it asks again. Prints
"begun" when all have asked once, and in the end one object of JSON:

  asked      how often
  answered   replies with a port
  other      what else came of it, and how often: another reply, or how the connection ended
  slowest    the longest wait for a reply with a port, in seconds
"""
import argparse
import asyncio
import collections
import ipaddress
import json
import signal
import time

WAIT = 10
PAUSE = 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=40000)
    parser.add_argument("-s", "--source", default="127.0.1.1", help="the first node's address")
    parser.add_argument("-k", "--keys", required=True, help="file of public keys, one a node")
    return parser.parse_args()


async def exchange(options, source, key):
    """The reply, or how it ended."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection(options.host, options.port,
                                                       local_addr=(source, 0))
        writer.write(f'{{"version":1,"pubkey":"{key}"}}\n'.encode())
        return (await reader.read()).decode() or "no reply"
    except OSError as error:
        return type(error).__name__
    finally:
        if writer:
            writer.close()


async def node(options, number, key, counts, ended):
    source = str(ipaddress.ip_address(options.source) + number)
    while not ended.is_set():
        begun = time.monotonic()
        counts["asked"] += 1
        try:
            reply = await asyncio.wait_for(exchange(options, source, key), WAIT)
        except asyncio.TimeoutError:
            reply = "timeout"
        if '"port"' in reply:
            counts["answered"] += 1
            counts["slowest"] = max(counts["slowest"], round(time.monotonic() - begun, 2))
        else:
            counts["other"][reply] += 1
        counts["first"].discard(number)
        try:
            await asyncio.wait_for(ended.wait(), PAUSE)
        except asyncio.TimeoutError:
            pass


async def main():
    options = arguments()
    with open(options.keys, encoding="ascii") as file:
        keys = file.read().split()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    counts = {"asked": 0, "answered": 0, "other": collections.Counter(), "slowest": 0,
              "first": set(range(len(keys)))}
    nodes = [asyncio.create_task(node(options, *each, counts, ended)) for each in enumerate(keys)]
    while counts["first"]:
        await asyncio.sleep(0.1)
    print("begun", flush=True)
    await asyncio.wait(nodes)
    del counts["first"]
    print(json.dumps(counts))


asyncio.run(main())
