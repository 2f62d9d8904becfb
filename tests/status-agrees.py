#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the three forms of broker-admin status agree with what wg shows.

Usage: status-agrees.py FOLDER PREFIX SLOTS. In the folder are dump (of wg show all dump), table,
json and prometheus. Prints a line for each thing that does not agree.
"""
import json
import re
import sys
import time

from prometheus_client.parser import text_string_to_metric_families

COLUMNS = ["INTERFACE", "PORT", "STATE", "PEER", "HANDSHAKE", "RECEIVED", "SENT", "ENDPOINT"]
STATES = ["live", "waiting", "stale", "broken"]
PATIENCE = 10  # seconds that may lie between two of the forms


def agree(what, told, wanted):
    if told != wanted:
        print(f"{what}: {told!r}, wanted {wanted!r}")


def read_dump(text, prefix):
    """What wg knows of each interface: the interface's line and its peer's."""
    peers = {}
    for line in text.splitlines():
        name, *fields = line.split("\t")
        if not re.fullmatch(re.escape(prefix) + "[1-9][0-9]*", name):
            continue
        if len(fields) == 4:
            peers[name] = {"port": int(fields[2]), "public_key": None, "endpoint": None,
                           "last_handshake": None, "received_bytes": 0, "sent_bytes": 0}
        else:
            key, _, endpoint, _, handshake, received, sent, _ = fields
            peers[name].update({"public_key": key,
                                "endpoint": None if endpoint == "(none)" else endpoint,
                                "last_handshake": int(handshake) or None,
                                "received_bytes": int(received), "sent_bytes": int(sent)})
    return peers


def state_of(peer):
    """By wg alone: an interface without a peer is broken."""
    if not peer["public_key"]:
        return "broken"
    if not peer["last_handshake"]:
        return "waiting"
    return "live" if time.time() - peer["last_handshake"] < 180 else "stale"


def in_bytes(count):
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            break
        count /= 1024
    return f"{count} B" if unit == "B" else f"{count:.1f} {unit}"


def in_words(age):
    if age is None:
        return "never"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if age >= length:
            return f"{age // length} {unit} ago"
    return f"{age} s ago"


def check_json(form, peers, slots, prefix):
    agree("json: version", form["version"], 1)
    agree("json: slots", form["slots"],
          {"total": slots, "used": len(peers), "free": slots - len(peers)})
    agree("json: time", abs(time.time() - form["time"]) < PATIENCE, True)
    agree("json: states", form["states"],
          {state: [state_of(peer) for peer in peers.values()].count(state) for state in STATES})
    for sum_of in ("received_bytes", "sent_bytes"):
        agree(f"json: {sum_of}", form[sum_of], sum(peer[sum_of] for peer in peers.values()))
    agree("json: interfaces, in the order of their numbers",
          [peer["interface"] for peer in form["peers"]],
          sorted(peers, key=lambda name: int(name[len(prefix):])))
    for peer in form["peers"]:
        name = peer.pop("interface")
        agree(f"json: {name}: slot", peer.pop("slot"), int(name[len(prefix):]))
        peer.pop("asked_age")  # of which wg knows nothing
        age = peer.pop("handshake_age")
        if peer["last_handshake"]:
            off = abs(time.time() - peer["last_handshake"] - age)
            agree(f"json: {name}: handshake_age", off < PATIENCE, True)
        else:
            agree(f"json: {name}: handshake_age", age, None)
        agree(f"json: {name}: state", peer.pop("state"), state_of(peers[name]))
        agree(f"json: {name}", peer, peers[name])


def check_table(text, peers, slots, states):
    *rows, summary = text.splitlines()
    if peers:
        agree("table: columns", rows[0].split(), COLUMNS)
    agree("table: rows", len(rows), len(peers) and len(peers) + 1)
    for row in rows[1:]:
        name, port, state, key, handshake, received, sent, endpoint = re.split("  +", row.strip())
        peer = peers[name]
        agree(f"table: {name}", [int(port), state, key, received, sent, endpoint],
              [peer["port"], state_of(peer), peer["public_key"] or "-",
               in_bytes(peer["received_bytes"]), in_bytes(peer["sent_bytes"]),
               peer["endpoint"] or "-"])
        then = peer["last_handshake"]
        words = [in_words(then and int(time.time()) - then - off) for off in range(PATIENCE)]
        agree(f"table: {name}: {handshake}", handshake in words, True)
    agree("table: summary", summary,
          f"{len(peers)} of {slots} slots used, {slots - len(peers)} free: "
          + ", ".join(f"{states.count(state)} {state}" for state in STATES))


def check_prometheus(text, peers, slots, states):
    families = list(text_string_to_metric_families(text))
    for family in families:
        agree(f"prometheus: {family.name}: type", family.type, "gauge")
        agree(f"prometheus: {family.name}: has a help text", bool(family.documentation), True)
    told = {(sample.name, *sample.labels.values()): sample.value
            for family in families for sample in family.samples}
    agree("prometheus: one version", [value for (name, *_), value in told.items()
                                      if name == "wg_broker_info"], [1])
    # Of which wg knows nothing.
    told = {key: value for key, value in told.items()
            if key[0] not in ("wg_broker_info", "wg_broker_prune_age_seconds")}
    wanted = {("wg_broker_slots",): slots, ("wg_broker_slots_free",): slots - len(peers),
              ("wg_broker_received_bytes",): sum(p["received_bytes"] for p in peers.values()),
              ("wg_broker_sent_bytes",): sum(p["sent_bytes"] for p in peers.values())}
    wanted.update({("wg_broker_peers", state): states.count(state) for state in STATES})
    agree("prometheus", told, wanted)


def main():
    folder, prefix, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
    text = {}
    for form in ("dump", "table", "json", "prometheus"):
        with open(f"{folder}/{form}", encoding="ascii") as file:
            text[form] = file.read()
    peers = read_dump(text["dump"], prefix)
    states = [state_of(peer) for peer in peers.values()]
    check_json(json.loads(text["json"]), peers, slots, prefix)
    check_table(text["table"], peers, slots, states)
    check_prometheus(text["prometheus"], peers, slots, states)


main()
