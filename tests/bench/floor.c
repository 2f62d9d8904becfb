// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a request may cost: what the kernel does for it, asked by messages made by hand.
 * Nothing is parsed, checked, confined or logged. Reads a line from stdin:
 *
 *	find ALTNAME		looks up an interface, and if there is one, reads its device
 *	new NUMBER ALTNAME	makes one, with a peer, and brings it up
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

enum { LINE_LEN = 256, GROUP = 40001, MTU = 1374, FIRST_PORT = 47000, FIRST_INDEX = 100000 };

static struct {
	struct nlmsghdr header;
	char payload[1024];
} message;

/* Begins a message, with the header of its kind. */
static void begin(int type, int flags, const void *header, size_t len)
{
	memset(&message, 0, sizeof(message));
	message.header.nlmsg_type = (uint16_t)type;
	message.header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message.header.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(message.payload, header, len);
}

/* Adds an attribute, and returns it. */
static struct nlattr *put(int type, const void *data, size_t len)
{
	const uint32_t at = NLMSG_ALIGN(message.header.nlmsg_len);
	struct nlattr *attribute = (void *)((char *)&message + at);

	attribute->nla_type = (uint16_t)type;
	attribute->nla_len = (uint16_t)(sizeof(*attribute) + len);
	if (len > 0)
		memcpy((char *)(attribute + 1), data, len);
	message.header.nlmsg_len = at + (uint32_t)NLA_ALIGN(attribute->nla_len);
	return attribute;
}

static void put_u32(int type, uint32_t value)
{
	put(type, &value, sizeof(value));
}

static struct nlattr *begin_nest(int type)
{
	return put(NLA_F_NESTED | type, NULL, 0);
}

static void end_nest(struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)&message + message.header.nlmsg_len - (char *)nest);
}

/* Reads a part of an answer. Returns whether it was the last. */
static bool read_part(int socket, char *part, size_t size)
{
	ssize_t left = recv(socket, part, size, 0);
	const struct nlmsghdr *header = (void *)part;
	bool is_last = left <= 0;

	for (; left > 0 && NLMSG_OK(header, (size_t)left); header = NLMSG_NEXT(header, left))
		is_last = !(header->nlmsg_flags & NLM_F_MULTI) || header->nlmsg_type == NLMSG_DONE;
	return is_last;
}

/* Sends the message, and reads the whole answer. Returns its first message; NULL for an error. */
static const struct nlmsghdr *ask(int socket)
{
	static _Alignas(struct nlmsghdr) char first[16384], other[16384];
	const struct nlmsghdr *header = (void *)first;
	bool is_complete;

	if (send(socket, &message, message.header.nlmsg_len, 0) < 0)
		return NULL;
	is_complete = read_part(socket, first, sizeof(first));
	while (!is_complete)
		is_complete = read_part(socket, other, sizeof(other));
	if (header->nlmsg_type == NLMSG_ERROR && ((struct nlmsgerr *)NLMSG_DATA(header))->error)
		return NULL;
	return header;
}

static void must(int socket, const char *what)
{
	if (ask(socket))
		return;
	fprintf(stderr, "floor: unable to %s\n", what);
	exit(1);
}

/* The number of WireGuard's family of generic netlink. */
static int find_family(int generic)
{
	const struct genlmsghdr genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	const struct nlmsghdr *answer;
	const struct nlattr *attribute;
	uint16_t number;

	begin(GENL_ID_CTRL, 0, &genl, sizeof(genl));
	put(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME, sizeof(WG_GENL_NAME));
	answer = ask(generic);
	if (!answer)
		exit(1);
	attribute = (void *)((char *)NLMSG_DATA(answer) + GENL_HDRLEN);
	while (attribute->nla_type != CTRL_ATTR_FAMILY_ID)
		attribute = (void *)((char *)attribute + NLA_ALIGN(attribute->nla_len));
	memcpy(&number, (char *)(attribute + 1), sizeof(number));
	return number;
}

static void begin_device(int generic, int command, int flags, int index)
{
	const struct genlmsghdr genl = { .cmd = (uint8_t)command, .version = WG_GENL_VERSION };

	begin(find_family(generic), flags, &genl, sizeof(genl));
	put_u32(WGDEVICE_A_IFINDEX, (uint32_t)index);
}

static void find(int route, int generic, const char *altname)
{
	struct ifinfomsg link = { 0 };
	const struct nlmsghdr *answer;

	begin(RTM_GETLINK, 0, &link, sizeof(link));
	put(IFLA_ALT_IFNAME, altname, strlen(altname) + 1);
	put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	answer = ask(route);
	if (!answer) {
		puts("absent");
		return;
	}
	memcpy(&link, NLMSG_DATA(answer), sizeof(link));
	begin_device(generic, WG_CMD_GET_DEVICE, NLM_F_DUMP, link.ifi_index);
	must(generic, "read the device");
	puts("found");
}

static void create(int route, const struct ifinfomsg *link, int number, const char *altname)
{
	const int once = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	char name[IFNAMSIZ];
	struct nlattr *nest;

	snprintf(name, sizeof(name), "floor-%d", number);
	begin(RTM_NEWLINK, once, link, sizeof(*link));
	put(IFLA_IFNAME, name, strlen(name) + 1);
	put_u32(IFLA_MTU, MTU);
	put_u32(IFLA_GROUP, GROUP);
	nest = begin_nest(IFLA_LINKINFO);
	put(IFLA_INFO_KIND, "wireguard", sizeof("wireguard"));
	end_nest(nest);
	must(route, "make the interface");

	begin(RTM_NEWLINKPROP, once | NLM_F_APPEND, link, sizeof(*link));
	nest = begin_nest(IFLA_PROP_LIST);
	put(IFLA_ALT_IFNAME, altname, strlen(altname) + 1);
	end_nest(nest);
	must(route, "add the altname");
}

/* Any 32 bytes are a key: those of the altname's end are no other peer's. */
static void set_device(int generic, const struct ifinfomsg *link, int number, const char *altname)
{
	static const char private_key[WG_KEY_LEN] = "the private key of this gateway";
	const uint16_t port = (uint16_t)(FIRST_PORT + number), family = AF_INET6;
	const char any[16] = { 0 }, mask = 0;
	struct nlattr *peers, *peer, *list, *entry;

	begin_device(generic, WG_CMD_SET_DEVICE, NLM_F_ACK, link->ifi_index);
	put(WGDEVICE_A_PRIVATE_KEY, private_key, sizeof(private_key));
	put(WGDEVICE_A_LISTEN_PORT, &port, sizeof(port));
	peers = begin_nest(WGDEVICE_A_PEERS);
	peer = begin_nest(0);
	put(WGPEER_A_PUBLIC_KEY, altname + strlen(altname) - WG_KEY_LEN, WG_KEY_LEN);
	list = begin_nest(WGPEER_A_ALLOWEDIPS);
	entry = begin_nest(0);
	put(WGALLOWEDIP_A_FAMILY, &family, sizeof(family));
	put(WGALLOWEDIP_A_IPADDR, any, sizeof(any));
	put(WGALLOWEDIP_A_CIDR_MASK, &mask, sizeof(mask));
	end_nest(entry);
	end_nest(list);
	end_nest(peer);
	end_nest(peers);
	must(generic, "set the device");
}

static void set_up(int route, struct ifinfomsg *link, int number)
{
	const struct ifaddrmsg header = { .ifa_family = AF_INET6,
					  .ifa_prefixlen = 64,
					  .ifa_flags = IFA_F_NODAD,
					  .ifa_index = (uint32_t)link->ifi_index };
	const uint8_t address[16] = { 0xfe, 0x80, [14] = (uint8_t)(number >> 8), (uint8_t)number };
	static const char alias[] = "wg-broker asked=1000000 since=1000000 looked=1000000";

	begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, &header, sizeof(header));
	put(IFA_LOCAL, address, sizeof(address));
	must(route, "add the address");

	link->ifi_flags |= IFF_UP;
	link->ifi_change |= IFF_UP;
	begin(RTM_NEWLINK, NLM_F_ACK, link, sizeof(*link));
	put(IFLA_IFALIAS, alias, sizeof(alias));
	must(route, "bring the interface up");
}

int main(void)
{
	const int route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	const int generic = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	struct ifinfomsg link = { .ifi_flags = IFF_MULTICAST, .ifi_change = IFF_MULTICAST };
	char line[LINE_LEN] = "", altname[LINE_LEN];
	int number;

	if (read(STDIN_FILENO, line, sizeof(line) - 1) <= 0)
		return 2;
	if (sscanf(line, "find %255s", altname) == 1) {
		find(route, generic, altname);
		return 0;
	}
	if (sscanf(line, "new %d %255s", &number, altname) != 2 || strlen(altname) < WG_KEY_LEN)
		return 2;
	link.ifi_index = FIRST_INDEX + number;
	create(route, &link, number, altname);
	set_device(generic, &link, number, altname);
	set_up(route, &link, number);
	puts("made");
	return 0;
}
