# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel knows of the gateway's interfaces, for tests that look often. The shell's words for
the same are in tests/lib.sh."""
import base64
import dataclasses
import functools
import json
import os
import re
import subprocess
import time

GROUP = 40000
PREFIX = "babel-wg-"
STARTPORT = 40000
REPLY = re.compile(r'\{"version":1,("port":(?P<port>[1-9]\d*),"time":\d+'
                   r'|"error":\{"code":(?P<code>[1-6]),"reason":"[^"]+"\})\}\n')
NOTE = re.compile(r"wg-broker asked=[1-9]")
KEY_ALTNAME = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}=")
BUILD = os.environ.get("BROKER_BUILD", "build")
HANDLER = f"{BUILD}/broker-handler"
ADMIN = f"{BUILD}/broker-admin"


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options).stdout


def random_key():
    return base64.b64encode(os.urandom(32)).decode()


def request_of(key):
    return f'{{"version":1,"pubkey":"{key}"}}\n'


def altname_of(key):
    return PREFIX + key.replace("+", "-").replace("/", "_")


def boot_clock():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))


def secret():
    with open("/etc/wg-broker/secret", encoding="ascii") as file:
        return file.read().strip()


@dataclasses.dataclass
class Interface:
    """One of ours: of the group, whatever its name."""
    name: str
    index: int
    up: bool
    multicast: bool
    alias: str
    altnames: list
    addresses: set = dataclasses.field(default_factory=set)
    port: int = 0
    private_key: str = ""
    peers: dict = dataclasses.field(default_factory=dict)  # a key, and its last handshake

    def keys(self):
        """The altnames that are keys."""
        return [name for name in self.altnames if KEY_ALTNAME.fullmatch(name)]

    def slot(self):
        return int(self.name.removeprefix(PREFIX))

    def lacks(self, key, port):
        """Of what a reply with this port promises to this key: words, empty if nothing."""
        there = {
            "name": self.port == STARTPORT + self.slot() - 1,
            "altname": self.keys() == [altname_of(key)],
            "up": self.up,
            "multicast": self.multicast,
            "note": NOTE.match(self.alias),
            "address": self.addresses == {f"fe80{self.slot():028x}"},
            "private key": self.private_key == secret(),
            "port": self.port == port,
            "peer": list(self.peers) == [key],
        }
        return " ".join(what for what, is_there in there.items() if not is_there)


def read_addresses(found):
    by_index = {interface.index: interface for interface in found.values()}
    with open("/proc/net/if_inet6", encoding="ascii") as file:
        for line in file:
            address, index = line.split()[:2]
            if int(index, 16) in by_index:
                by_index[int(index, 16)].addresses.add(address)


def read_devices(found):
    for line in output("wg", "show", "all", "dump").splitlines():
        name, *fields = line.split("\t")
        if name not in found:
            continue
        if len(fields) == 4:
            found[name].private_key, found[name].port = fields[0], int(fields[2])
        else:
            found[name].peers[fields[0]] = int(fields[4])


def port_of(reply):
    """The port in a reply, or None."""
    match = REPLY.fullmatch(reply)
    return int(match["port"]) if match and match["port"] else None


def check_reply(reply, key, found):
    """What is wrong with a reply to this key: a list of words."""
    if reply and not REPLY.fullmatch(reply):
        return [f"reply {reply!r}"]
    port, mine = port_of(reply), of_key(found, key)
    if port is None:
        return []
    lacks = mine[0].lacks(key, port) if mine else "interface"
    return [f"port {port} without its {lacks}"] if lacks else []


@functools.cache
def public_key():
    return output("wg", "pubkey", input=secret()).strip()


def set_gateway(device, *change):
    """At an interface of the namespace "nodes", whose only peer the gateway is."""
    output("ip", "netns", "exec", "nodes", "wg", "set", device, "peer", public_key(), *change)


def shake_hands(device, port):
    """A new session: the node's side forgets the old one."""
    set_gateway(device, "remove")
    set_gateway(device, "endpoint", f"192.0.2.1:{port}", "allowed-ips", "::/0",
                "persistent-keepalive", "25")


def links_of(group, *where):
    """As ip tells them; where is its options, such as a namespace."""
    text = output("ip", *where, "-j", "link", "show", "group", str(group))
    # It prints {} for a link of another group.
    return [link for link in json.loads(text or "[]") if link]


def interfaces():
    """All of ours, by name."""
    found = {link["ifname"]: Interface(link["ifname"], link["ifindex"], "UP" in link["flags"],
                                       "MULTICAST" in link["flags"], link.get("ifalias", ""),
                                       link.get("altnames", [])) for link in links_of(GROUP)}
    read_addresses(found)
    read_devices(found)
    return found


def of_key(found, key):
    """The interfaces with this key as their altname: one, or none."""
    return [one for one in found.values() if altname_of(key) in one.altnames]


def set_alias(name, text):
    with open(f"/sys/class/net/{name}/ifalias", "w", encoding="ascii") as file:
        file.write(text or "\n")


def write_note(name, asked, looked, handshake=0, stamp=0):
    """See note.h."""
    set_alias(name, f"wg-broker asked={asked} since={asked} looked={looked} handshake={handshake} stamp={stamp} "
                    f"clock={int(time.time()) - boot_clock()}")


def delete(names):
    """At once, which takes the kernel little longer than one."""
    if not names:
        return
    subprocess.run(["ip", "-batch", "-"], check=True, text=True,
                   input="".join(f"link set dev {name} group 7\n" for name in names))
    subprocess.run(["ip", "link", "delete", "group", "7"], check=True)
