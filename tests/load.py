#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many nodes at once, which behave as real ones do, or a flood of connections.

A node connects from an address of its own, sends one line, holds its sending
side open, and waits for its reply for 10 s times the factor. Prints one object
of JSON:

  nodes      how many there were
  answered   nodes with a port
  refused    the other replies, and how often each came
  seconds    from the first connection to the last reply
  median     the wait for a reply, in seconds
  slowest    the longest of them
"""
import argparse
import asyncio
import collections
import ipaddress
import json
import resource
import socket
import sys
import time

WAIT = 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-H", "--host", action="append", required=True,
                        help="the gateway; given more than once: taken in turn")
    parser.add_argument("-s", "--source", action="append", default=[],
                        help="first source address for the host in the same place")
    parser.add_argument("-p", "--port", type=int, default=40000)
    parser.add_argument("-k", "--keys", help="file of public keys, one a node")
    parser.add_argument("-f", "--factor", type=float, default=1,
                        help="how many times slower than real all is")
    parser.add_argument("-a", "--answered", metavar="FILE",
                        help="write a line for each node with a port: its key and that")
    parser.add_argument("-q", "--sequential", action="store_true", help="one after the other")
    parser.add_argument("-r", "--rest", type=float, default=0,
                        help="seconds from one to the next, with -q")
    parser.add_argument("-S", "--silent", type=int, metavar="N",
                        help="instead: N connections that send nothing")
    parser.add_argument("-o", "--one", action="store_true", help="all of them from one source")
    return parser.parse_args()


async def connect(options, number):
    turn = number % len(options.host)
    local = None
    if options.source:
        first = ipaddress.ip_address(options.source[turn])
        # An IPv6 node has a /64 of its own.
        step = number << 64 if first.version == 6 else number
        local = (str(first + (0 if options.one else step)), 0)
    return await asyncio.open_connection(options.host[turn], options.port, local_addr=local)


async def exchange(options, number, key):
    """The reply, or what went wrong."""
    writer = None
    try:
        reader, writer = await connect(options, number)
        writer.write(f'{{"version":1,"pubkey":"{key}"}}\n'.encode())
        return json.loads(await reader.read())
    except (OSError, ValueError) as error:
        return {"error": str(error)}
    finally:
        if writer:
            writer.close()


async def node(options, number, key):
    """What came of a node: its reply, and how long it waited for that."""
    begun = time.monotonic()
    try:
        reply = await asyncio.wait_for(exchange(options, number, key), WAIT * options.factor)
    except asyncio.TimeoutError:
        reply = {"error": "timeout"}
    return key, reply, time.monotonic() - begun


async def in_turn(options, keys):
    results = []
    for numbered in enumerate(keys):
        results.append(await node(options, *numbered))
        await asyncio.sleep(options.rest)
    return results


async def all_nodes(options):
    with open(options.keys, encoding="ascii") as file:
        keys = file.read().split()
    begun = time.monotonic()
    if options.sequential:
        results = await in_turn(options, keys)
    else:
        results = await asyncio.gather(*(node(options, *numbered) for numbered in enumerate(keys)))
    seconds = time.monotonic() - begun
    answered = [result for result in results if "port" in result[1]]
    refused = collections.Counter(json.dumps(reply) for _, reply, _ in results
                                  if "port" not in reply)
    if options.answered:
        with open(options.answered, "w", encoding="ascii") as file:
            for key, reply, _ in answered:
                print(key, reply["port"], file=file)
    waits = [wait for _, _, wait in answered] or [0]
    print(json.dumps({
        "nodes": len(keys),
        "answered": len(answered),
        "refused": refused,
        "seconds": round(seconds, 3),
        "median": round(sorted(waits)[len(waits) // 2], 3),
        "slowest": round(max(waits), 3),
    }))


def probe(connection):
    """Finds out within a minute or two that the gateway does not know a connection: a queue that
    is full drops what the node takes for open, and who sends nothing never hears of it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)


async def silent(options, number, counts):
    """Holds a connection until the other side ends it."""
    writer = None
    try:
        reader, writer = await connect(options, number)
        counts["open"] += 1
        probe(writer.get_extra_info("socket"))
        await reader.read()
        counts["ended"] += 1
    except OSError as error:
        counts[type(error).__name__] += 1
    finally:
        if writer:
            writer.close()


async def flood(options):
    counts = collections.Counter()
    tasks = [asyncio.create_task(silent(options, i, counts)) for i in range(options.silent)]
    while not counts["open"]:
        await asyncio.sleep(0.1)
    print("begun", flush=True)
    await asyncio.wait(tasks)
    print(json.dumps(counts))


def main():
    options = arguments()
    if bool(options.silent) == bool(options.keys):
        sys.exit("load.py: either --keys or --silent is wanted")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(flood(options) if options.silent else all_nodes(options))


if __name__ == "__main__":
    main()
