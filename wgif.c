// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WireGuard interfaces in the kernel: one small function for each thing that it can do. Errors that
 * a caller expects are returned, all others logged. Never touches an interface that it was not told
 * to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include "error.h"
#include "log.h"
#include "netlink.h"
#include "wgif.h"

struct wgif_kernel {
	struct nl_sock *route;
	struct nl_sock *generic; /* NULL until a device is looked at for the first time */
	int wireguard;		 /* number of the generic family */
};

struct wgif_kernel *wgif_open(void)
{
	struct wgif_kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel) {
		log_line(LOG_ERR, "unable to open the sockets to the kernel: out of memory");
		return NULL;
	}
	kernel->route = netlink_open(NETLINK_ROUTE);
	if (kernel->route)
		return kernel;
	free(kernel);
	return NULL;
}

void wgif_close(struct wgif_kernel *kernel)
{
	if (!kernel)
		return;
	nl_socket_free(kernel->route);
	nl_socket_free(kernel->generic);
	free(kernel);
}

/* The family exists only once the module is loaded: by the first interface, at the latest. */
static int open_generic(struct wgif_kernel *kernel)
{
	if (kernel->generic)
		return 0;
	kernel->generic = netlink_open(NETLINK_GENERIC);
	if (!kernel->generic)
		return -ERR_FAILURE;
	kernel->wireguard = netlink_family(kernel->generic, WG_GENL_NAME);
	if (kernel->wireguard >= 0)
		return 0;
	nl_socket_free(kernel->generic);
	kernel->generic = NULL;
	return -ERR_FAILURE;
}

int wgif_load(struct wgif_kernel *kernel)
{
	return open_generic(kernel);
}

/* A request about links, which needs no reader. */
static int change_link(struct wgif_kernel *kernel, struct nl_msg *message,
		       const struct netlink_task *task)
{
	return netlink_request(kernel->route, message, NULL, task);
}

static void read_altnames(struct wgif_link *link, struct nlattr *list)
{
	char name[WGIF_ALTNAME_SIZE];
	struct nlattr *altname;
	int left, more = 0;

	nla_for_each_nested(altname, list, left) {
		if (nla_type(altname) != IFLA_ALT_IFNAME)
			continue;
		nla_strlcpy(name, altname, sizeof(name));
		if (!link->has_key && key_from_altname(link->key, name) == 0)
			link->has_key = true;
		else if (more < WGIF_MORE_NAMES && strlen(name) < WGIF_MORE_SIZE)
			strcpy(link->more_names[more++], name);
	}
}

static bool is_wireguard(struct nlattr *link_info)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(info, IFLA_INFO_MAX, link_info, NULL) < 0 || !info[IFLA_INFO_KIND])
		return false;
	return nla_strcmp(info[IFLA_INFO_KIND], "wireguard") == 0;
}

static int on_link(struct nl_msg *message, void *argument)
{
	static struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING },	  [IFLA_MTU] = { .type = NLA_U32 },
		[IFLA_GROUP] = { .type = NLA_U32 },	  [IFLA_IFALIAS] = { .type = NLA_STRING },
		[IFLA_LINKINFO] = { .type = NLA_NESTED }, [IFLA_PROP_LIST] = { .type = NLA_NESTED },
	};
	const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *attributes[IFLA_MAX + 1];
	struct wgif_link *link = argument;

	memset(link, 0, sizeof(*link));
	if (nlmsg_parse(nlmsg_hdr(message), sizeof(*header), attributes, IFLA_MAX, policy) < 0)
		return NL_SKIP;
	link->index = (unsigned int)header->ifi_index;
	link->up = header->ifi_flags & IFF_UP;
	link->multicast = header->ifi_flags & IFF_MULTICAST;
	if (attributes[IFLA_IFNAME])
		nla_strlcpy(link->name, attributes[IFLA_IFNAME], sizeof(link->name));
	if (attributes[IFLA_MTU])
		link->mtu = nla_get_u32(attributes[IFLA_MTU]);
	if (attributes[IFLA_GROUP])
		link->group = nla_get_u32(attributes[IFLA_GROUP]);
	if (attributes[IFLA_IFALIAS])
		nla_strlcpy(link->alias, attributes[IFLA_IFALIAS], sizeof(link->alias));
	if (attributes[IFLA_LINKINFO])
		link->wireguard = is_wireguard(attributes[IFLA_LINKINFO]);
	if (attributes[IFLA_PROP_LIST])
		read_altnames(link, attributes[IFLA_PROP_LIST]);
	return NL_OK;
}

/* A message that begins with a struct ifinfomsg. Returns NULL if there is no memory. */
static struct nl_msg *link_message(int type, int flags, unsigned int index)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };
	struct nl_msg *message = nlmsg_alloc_simple(type, flags);
	int ret;

	if (!message)
		return NULL;
	ret = nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	return ret < 0 ? netlink_abort_message(message) : message;
}

static int put_name_to_find(struct nl_msg *message, const char *name)
{
	/* The kernel takes a name for an altname and an altname for a name. */
	NLA_PUT_STRING(message, IFLA_ALT_IFNAME, name);
	NLA_PUT_U32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return 0;

nla_put_failure:
	return -1;
}

int wgif_find(struct wgif_kernel *kernel, const char *name, struct wgif_link *link)
{
	const struct netlink_task task = {
		.verb = "look up", .object = name, .expected = ENODEV, .error = -ERR_ABSENT
	};
	const struct netlink_reader reader = { .parse = on_link, .argument = link };
	struct nl_msg *message = link_message(RTM_GETLINK, 0, 0);

	if (message && put_name_to_find(message, name) < 0)
		message = netlink_abort_message(message);
	return netlink_request(kernel->route, message, &reader, &task);
}

/* What on_each_link() calls. */
struct visitor {
	void (*each)(void *argument, const struct wgif_link *link);
	void *argument;
};

static int on_each_link(struct nl_msg *message, void *argument)
{
	const struct visitor *visitor = argument;
	struct wgif_link link;
	int ret;

	ret = on_link(message, &link);
	if (ret == NL_OK && link.wireguard)
		visitor->each(visitor->argument, &link);
	return NL_OK;
}

/* The kernel then leaves out all other kinds. */
static int put_kind_to_list(struct nl_msg *message)
{
	struct nlattr *info = nla_nest_start(message, NLA_F_NESTED | IFLA_LINKINFO);

	if (!info)
		return -1;
	NLA_PUT_STRING(message, IFLA_INFO_KIND, "wireguard");
	nla_nest_end(message, info);
	NLA_PUT_U32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return 0;

nla_put_failure:
	return -1;
}

int wgif_foreach(struct wgif_kernel *kernel,
		 void (*each)(void *argument, const struct wgif_link *link), void *argument)
{
	const struct netlink_task task = { .verb = "list", .object = "the interfaces" };
	struct visitor visitor = { .each = each, .argument = argument };
	const struct netlink_reader reader = { .parse = on_each_link, .argument = &visitor };
	struct nl_msg *message = link_message(RTM_GETLINK, NLM_F_DUMP, 0);

	if (message && put_kind_to_list(message) < 0)
		message = netlink_abort_message(message);
	return netlink_request(kernel->route, message, &reader, &task);
}

/* Any socket will do. To look the link up by netlink would cost ten times as much. */
static int read_index(struct wgif_kernel *kernel, struct wgif_link *link)
{
	const struct netlink_task task = { .verb = "find the number of", .object = link->name };
	struct ifreq request = { 0 };
	int ret;

	memcpy(request.ifr_name, link->name, sizeof(request.ifr_name));
	ret = ioctl(nl_socket_get_fd(kernel->route), SIOCGIFINDEX, &request);
	if (ret < 0)
		return netlink_failed(&task, errno, "");
	link->index = (unsigned int)request.ifr_ifindex;
	return 0;
}

int wgif_create(struct wgif_kernel *kernel, const char *name, unsigned int group, unsigned int mtu,
		struct wgif_link *link)
{
	const struct netlink_task task = {
		.verb = "create", .object = name, .expected = EEXIST, .error = -ERR_EXISTS
	};
	struct rtnl_link *wanted = rtnl_link_alloc();
	struct nl_msg *message = NULL;
	int ret = -1;

	if (wanted)
		ret = rtnl_link_set_type(wanted, "wireguard");
	if (ret == 0) {
		rtnl_link_set_name(wanted, name);
		rtnl_link_set_group(wanted, group);
		rtnl_link_set_mtu(wanted, mtu);
		/* WireGuard's default lacks it, and routing daemons need it. */
		rtnl_link_set_flags(wanted, IFF_MULTICAST);
		/* On failure it leaves the message NULL. */
		(void)rtnl_link_build_add_request(wanted, NLM_F_CREATE | NLM_F_EXCL, &message);
	}
	rtnl_link_put(wanted);
	ret = change_link(kernel, message, &task);
	if (ret < 0)
		return ret;
	snprintf(link->name, sizeof(link->name), "%s", name);
	link->mtu = mtu;
	/* Only Linux 6.2 and later would tell in their answer, to NLM_F_ECHO. */
	return read_index(kernel, link);
}

/*
 * Builds a request to change a link as wanted says, which it frees. Returns NULL if there is no
 * memory, or wanted is NULL for that reason.
 */
static struct nl_msg *change_message(const struct wgif_link *link, struct rtnl_link *wanted)
{
	struct rtnl_link *present = rtnl_link_alloc();
	struct nl_msg *message = NULL;

	if (present && wanted) {
		rtnl_link_set_ifindex(present, (int)link->index);
		/* On failure it leaves the message NULL. */
		(void)rtnl_link_build_change_request(present, wanted, 0, &message);
	}
	rtnl_link_put(present);
	rtnl_link_put(wanted);
	return message;
}

static int take_down(struct wgif_kernel *kernel, const struct wgif_link *link)
{
	const struct netlink_task task = { .verb = "take down", .object = link->name };
	struct rtnl_link *wanted = rtnl_link_alloc();

	if (wanted)
		rtnl_link_unset_flags(wanted, IFF_UP);
	return change_link(kernel, change_message(link, wanted), &task);
}

int wgif_rename(struct wgif_kernel *kernel, struct wgif_link *link, const char *name)
{
	const struct netlink_task task = {
		.verb = "rename", .object = link->name, .expected = EEXIST, .error = -ERR_EXISTS
	};
	struct rtnl_link *wanted;
	int ret;

	/* Linux before 6.2 does not rename an interface that is up. */
	ret = take_down(kernel, link);
	if (ret < 0)
		return ret;
	wanted = rtnl_link_alloc();
	if (wanted)
		rtnl_link_set_name(wanted, name);
	ret = change_link(kernel, change_message(link, wanted), &task);
	if (ret == 0)
		snprintf(link->name, sizeof(link->name), "%s", name);
	return ret;
}

/*
 * Adds an alias to what is wanted. Without memory for it libnl would read from nowhere later: then
 * this frees the link and returns NULL.
 */
static struct rtnl_link *want_alias(struct rtnl_link *wanted, const char *alias)
{
	if (!wanted)
		return NULL;
	rtnl_link_set_ifalias(wanted, alias);
	if (rtnl_link_get_ifalias(wanted))
		return wanted;
	rtnl_link_put(wanted);
	return NULL;
}

int wgif_set_up(struct wgif_kernel *kernel, const struct wgif_link *link, unsigned int mtu,
		const char *alias)
{
	const struct netlink_task task = {
		.verb = "bring up", .object = link->name, .expected = EADDRINUSE, .error = -ERR_BUSY
	};
	struct rtnl_link *wanted = rtnl_link_alloc();

	if (wanted) {
		rtnl_link_set_mtu(wanted, mtu);
		rtnl_link_set_flags(wanted, IFF_UP | IFF_MULTICAST);
	}
	if (alias)
		wanted = want_alias(wanted, alias);
	return change_link(kernel, change_message(link, wanted), &task);
}

int wgif_set_alias(struct wgif_kernel *kernel, const struct wgif_link *link, const char *alias)
{
	const struct netlink_task task = { .verb = "set the alias of", .object = link->name };
	struct rtnl_link *wanted = want_alias(rtnl_link_alloc(), alias);

	return change_link(kernel, change_message(link, wanted), &task);
}

/* Builds a request to add or delete one altname. */
static struct nl_msg *altname_message(int type, int flags, const struct wgif_link *link,
				      const char *altname)
{
	struct nl_msg *message = link_message(type, flags, link->index);
	struct nlattr *list;

	if (!message)
		return NULL;
	list = nla_nest_start(message, NLA_F_NESTED | IFLA_PROP_LIST);
	if (!list)
		return netlink_abort_message(message);
	NLA_PUT_STRING(message, IFLA_ALT_IFNAME, altname);
	nla_nest_end(message, list);
	return message;

nla_put_failure:
	return netlink_abort_message(message);
}

int wgif_add_altname(struct wgif_kernel *kernel, const struct wgif_link *link, const char *altname)
{
	const struct netlink_task task = { .verb = "add an altname to",
					   .object = link->name,
					   .expected = EEXIST,
					   .error = -ERR_EXISTS };
	const int flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;

	return change_link(kernel, altname_message(RTM_NEWLINKPROP, flags, link, altname), &task);
}

int wgif_delete_altname(struct wgif_kernel *kernel, const struct wgif_link *link,
			const char *altname)
{
	const struct netlink_task task = {
		.verb = "delete an altname of", .object = link->name, .expected = ENOENT, .error = 0
	};

	/* No flags: the value of NLM_F_EXCL would be NLM_F_BULK here. */
	return change_link(kernel, altname_message(RTM_DELLINKPROP, 0, link, altname), &task);
}

/* An address for a request to build upon. Returns NULL if there is no memory. */
static struct rtnl_addr *make_address(const struct wgif_link *link, const struct in6_addr *address)
{
	struct rtnl_addr *object = rtnl_addr_alloc();
	struct nl_addr *local = nl_addr_build(AF_INET6, address, sizeof(*address));
	int ret = -NLE_NOMEM;

	if (object && local) {
		nl_addr_set_prefixlen(local, 64);
		rtnl_addr_set_ifindex(object, (int)link->index);
		rtnl_addr_set_flags(object, IFA_F_NODAD);
		ret = rtnl_addr_set_local(object, local);
	}
	nl_addr_put(local);
	if (ret == 0)
		return object;
	rtnl_addr_put(object);
	return NULL;
}

int wgif_add_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		     const struct in6_addr *address)
{
	const struct netlink_task task = { .verb = "add the address of", .object = link->name };
	struct rtnl_addr *object = make_address(link, address);
	struct nl_msg *message = NULL;

	/* On failure it leaves the message NULL. */
	if (object)
		(void)rtnl_addr_build_add_request(object, NLM_F_REPLACE, &message);
	rtnl_addr_put(object);
	return change_link(kernel, message, &task);
}

int wgif_delete_address(struct wgif_kernel *kernel, const struct wgif_link *link,
			const struct in6_addr *address)
{
	const struct netlink_task task = { .verb = "delete an address of",
					   .object = link->name,
					   .expected = EADDRNOTAVAIL,
					   .error = 0 };
	struct rtnl_addr *object = make_address(link, address);
	struct nl_msg *message = NULL;

	/* On failure it leaves the message NULL. */
	if (object)
		(void)rtnl_addr_build_delete_request(object, 0, &message);
	rtnl_addr_put(object);
	return change_link(kernel, message, &task);
}

enum { MAX_FOUND = 16 };

/* What on_address() looks for, and the addresses that it finds. */
struct address_search {
	unsigned int index;
	const struct in6_addr *keep;
	bool is_kept;			  /* that one is there */
	struct in6_addr found[MAX_FOUND]; /* the others */
	int count;
};

static int on_address(struct nl_msg *message, void *argument)
{
	const struct ifaddrmsg *header = nlmsg_data(nlmsg_hdr(message));
	struct address_search *search = argument;
	struct nlattr *attributes[IFA_MAX + 1];
	struct in6_addr address;
	int ret;

	if (!nlmsg_valid_hdr(nlmsg_hdr(message), sizeof(*header)))
		return NL_SKIP;
	/* Older kernels dump the addresses of all interfaces, whichever one is asked for. */
	if (header->ifa_family != AF_INET6 || header->ifa_index != search->index)
		return NL_SKIP;
	ret = nlmsg_parse(nlmsg_hdr(message), sizeof(*header), attributes, IFA_MAX, NULL);
	if (ret < 0 || !attributes[IFA_ADDRESS] ||
	    nla_len(attributes[IFA_ADDRESS]) != sizeof(address))
		return NL_SKIP;
	nla_memcpy(&address, attributes[IFA_ADDRESS], sizeof(address));
	if (IN6_ARE_ADDR_EQUAL(&address, search->keep))
		search->is_kept = true;
	else if (IN6_IS_ADDR_LINKLOCAL(&address) && search->count < MAX_FOUND)
		search->found[search->count++] = address;
	return NL_OK;
}

int wgif_keep_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		      const struct in6_addr *address)
{
	const struct netlink_task task = { .verb = "read the addresses of", .object = link->name };
	struct address_search search = { .index = link->index, .keep = address };
	const struct netlink_reader reader = { .parse = on_address, .argument = &search };
	struct ifaddrmsg header = { .ifa_family = AF_INET6, .ifa_index = link->index };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	int ret;

	if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		message = netlink_abort_message(message);
	ret = netlink_request(kernel->route, message, &reader, &task);
	if (ret == 0 && !search.is_kept)
		ret = wgif_add_address(kernel, link, address);
	for (int i = 0; i < search.count && ret == 0; i++)
		ret = wgif_delete_address(kernel, link, &search.found[i]);
	return ret;
}

int wgif_delete(struct wgif_kernel *kernel, const struct wgif_link *link)
{
	/* Another process may have been faster. */
	const struct netlink_task task = {
		.verb = "delete", .object = link->name, .expected = ENODEV, .error = 0
	};

	return change_link(kernel, link_message(RTM_DELLINK, 0, link->index), &task);
}

/* A message to WireGuard's generic family, for one device. Returns NULL if there is no memory. */
static struct nl_msg *device_message(struct wgif_kernel *kernel, int command, int flags,
				     const struct wgif_link *link)
{
	struct nl_msg *message = nlmsg_alloc();
	void *header;

	if (!message)
		return NULL;
	header = genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, kernel->wireguard, 0, flags,
			     (uint8_t)command, WG_GENL_VERSION);
	if (!header)
		return netlink_abort_message(message);
	NLA_PUT_U32(message, WGDEVICE_A_IFINDEX, link->index);
	return message;

nla_put_failure:
	return netlink_abort_message(message);
}

/* What on_device() looks for, and fills in. */
struct device_search {
	const uint8_t *peer_key; /* NULL for any */
	struct wgif_device *device;
};

/* Takes one entry of a peer's allowed IPs. */
static void read_allowed_ip(struct wgif_device *device, struct nlattr **entry)
{
	const bool is_family = entry[WGALLOWEDIP_A_FAMILY] && entry[WGALLOWEDIP_A_CIDR_MASK] &&
			       nla_get_u8(entry[WGALLOWEDIP_A_CIDR_MASK]) == 0;

	if (!is_family)
		device->has_other_ips = true;
	else if (nla_get_u16(entry[WGALLOWEDIP_A_FAMILY]) == AF_INET6)
		device->ipv6 = true;
	else
		device->ipv4 = true;
}

static void read_allowed_ips(struct wgif_device *device, struct nlattr *list)
{
	static struct nla_policy policy[WGALLOWEDIP_A_MAX + 1] = {
		[WGALLOWEDIP_A_FAMILY] = { .type = NLA_U16 },
		[WGALLOWEDIP_A_CIDR_MASK] = { .type = NLA_U8 },
	};
	struct nlattr *entry[WGALLOWEDIP_A_MAX + 1], *each;
	int left;

	nla_for_each_nested(each, list, left)
		if (nla_parse_nested(entry, WGALLOWEDIP_A_MAX, each, policy) == 0)
			read_allowed_ip(device, entry);
}

static void read_peer(struct wgif_device *device, struct nlattr **peer)
{
	struct nlattr *endpoint = peer[WGPEER_A_ENDPOINT];

	device->has_peer = true;
	nla_memcpy(device->peer_key, peer[WGPEER_A_PUBLIC_KEY], KEY_LEN);
	if (peer[WGPEER_A_LAST_HANDSHAKE_TIME]) {
		struct __kernel_timespec time;

		nla_memcpy(&time, peer[WGPEER_A_LAST_HANDSHAKE_TIME], sizeof(time));
		device->handshake = time.tv_sec;
	}
	if (peer[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
		device->keepalive = nla_get_u16(peer[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
	if (peer[WGPEER_A_ALLOWEDIPS])
		read_allowed_ips(device, peer[WGPEER_A_ALLOWEDIPS]);
	if (peer[WGPEER_A_RX_BYTES])
		device->rx_bytes = nla_get_u64(peer[WGPEER_A_RX_BYTES]);
	if (peer[WGPEER_A_TX_BYTES])
		device->tx_bytes = nla_get_u64(peer[WGPEER_A_TX_BYTES]);
	if (endpoint)
		nla_memcpy(&device->endpoint, endpoint, sizeof(device->endpoint));
}

static bool is_wanted(const struct device_search *search, const struct nlattr *key)
{
	return key && (!search->peer_key || memcmp(nla_data(key), search->peer_key, KEY_LEN) == 0);
}

static int on_device(struct nl_msg *message, void *argument)
{
	static struct nla_policy device_policy[WGDEVICE_A_MAX + 1] = {
		[WGDEVICE_A_PUBLIC_KEY] = { .type = NLA_UNSPEC, .minlen = KEY_LEN },
		[WGDEVICE_A_LISTEN_PORT] = { .type = NLA_U16 },
		[WGDEVICE_A_FWMARK] = { .type = NLA_U32 },
		[WGDEVICE_A_PEERS] = { .type = NLA_NESTED },
	};
	static struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
		[WGPEER_A_PUBLIC_KEY] = { .type = NLA_UNSPEC, .minlen = KEY_LEN },
		[WGPEER_A_LAST_HANDSHAKE_TIME] = { .type = NLA_UNSPEC,
						   .minlen = sizeof(struct __kernel_timespec) },
		[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { .type = NLA_U16 },
		[WGPEER_A_ALLOWEDIPS] = { .type = NLA_NESTED },
		[WGPEER_A_RX_BYTES] = { .type = NLA_U64 },
		[WGPEER_A_TX_BYTES] = { .type = NLA_U64 },
	};
	struct nlattr *attributes[WGDEVICE_A_MAX + 1], *peer[WGPEER_A_MAX + 1], *each;
	const struct device_search *search = argument;
	struct wgif_device *device = search->device;
	int left;

	if (genlmsg_parse(nlmsg_hdr(message), 0, attributes, WGDEVICE_A_MAX, device_policy) < 0)
		return NL_SKIP;
	if (attributes[WGDEVICE_A_PUBLIC_KEY])
		nla_memcpy(device->public_key, attributes[WGDEVICE_A_PUBLIC_KEY], KEY_LEN);
	if (attributes[WGDEVICE_A_LISTEN_PORT])
		device->listen_port = nla_get_u16(attributes[WGDEVICE_A_LISTEN_PORT]);
	if (attributes[WGDEVICE_A_FWMARK])
		device->mark = nla_get_u32(attributes[WGDEVICE_A_FWMARK]);
	if (!attributes[WGDEVICE_A_PEERS])
		return NL_OK;
	nla_for_each_nested(each, attributes[WGDEVICE_A_PEERS], left)
		if (nla_parse_nested(peer, WGPEER_A_MAX, each, peer_policy) == 0 &&
		    is_wanted(search, peer[WGPEER_A_PUBLIC_KEY]))
			read_peer(device, peer);
	return NL_OK;
}

/*
 * Wipes the device's private key, which the kernel tells its administrators, from what comes back:
 * libnl copies and frees that without wiping it.
 */
static int receive_device(struct nl_sock *socket, struct sockaddr_nl *sender, unsigned char **data,
			  struct ucred **credentials)
{
	const int len = nl_recv(socket, sender, data, credentials);
	struct nlmsghdr *header = len > 0 ? (void *)*data : NULL;
	struct nlattr *key;

	for (int left = len; header && nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (header->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		key = nlmsg_find_attr(header, GENL_HDRLEN, WGDEVICE_A_PRIVATE_KEY);
		if (key)
			explicit_bzero(nla_data(key), (size_t)nla_len(key));
	}
	return len;
}

int wgif_get_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const uint8_t *peer_key, struct wgif_device *device)
{
	const struct netlink_task task = {
		.verb = "read", .object = link->name, .expected = ENODEV, .error = -ERR_ABSENT
	};
	struct device_search search = { .peer_key = peer_key, .device = device };
	const struct netlink_reader reader = { .parse = on_device,
					       .argument = &search,
					       .receive = receive_device };
	struct nl_msg *message;
	int ret;

	memset(device, 0, sizeof(*device));
	ret = open_generic(kernel);
	if (ret < 0)
		return ret;
	message = device_message(kernel, WG_CMD_GET_DEVICE, NLM_F_DUMP, link);
	return netlink_request(kernel->generic, message, &reader, &task);
}

/* Adds all the addresses of a family to those that the peer may use. */
static int put_all_addresses(struct nl_msg *message, uint16_t family, int len)
{
	struct nlattr *entry = nla_nest_start(message, NLA_F_NESTED | 0);

	if (!entry)
		return -1;
	NLA_PUT_U16(message, WGALLOWEDIP_A_FAMILY, family);
	NLA_PUT(message, WGALLOWEDIP_A_IPADDR, len, &in6addr_any);
	NLA_PUT_U8(message, WGALLOWEDIP_A_CIDR_MASK, 0);
	nla_nest_end(message, entry);
	return 0;

nla_put_failure:
	return -1;
}

/* No other peer is on the interface: routes decide, and so the peer may use all addresses. */
static int put_allowed_ips(struct nl_msg *message, const struct wgif_setup *setup)
{
	struct nlattr *list = nla_nest_start(message, NLA_F_NESTED | WGPEER_A_ALLOWEDIPS);
	int ret = 0;

	if (!list)
		return -1;
	if (setup->ipv4)
		ret = put_all_addresses(message, AF_INET, sizeof(struct in_addr));
	if (ret == 0 && setup->ipv6)
		ret = put_all_addresses(message, AF_INET6, sizeof(struct in6_addr));
	nla_nest_end(message, list);
	return ret;
}

/* What a peer is to have besides its key. */
static int put_peer_setup(struct nl_msg *message, const struct wgif_setup *setup)
{
	if (setup->endpoint)
		NLA_PUT(message, WGPEER_A_ENDPOINT, (int)endpoint_size(setup->endpoint),
			setup->endpoint);
	if (setup->keepalive)
		NLA_PUT_U16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
			    (uint16_t)setup->keepalive);
	return put_allowed_ips(message, setup);

nla_put_failure:
	return -1;
}

static int put_peers(struct nl_msg *message, const struct wgif_setup *setup)
{
	struct nlattr *peers = nla_nest_start(message, NLA_F_NESTED | WGDEVICE_A_PEERS);
	struct nlattr *entry = peers ? nla_nest_start(message, NLA_F_NESTED | 0) : NULL;
	int ret;

	if (!entry)
		return -1;
	NLA_PUT(message, WGPEER_A_PUBLIC_KEY, KEY_LEN, setup->peer_key);
	NLA_PUT_U32(message, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
	ret = put_peer_setup(message, setup);
	nla_nest_end(message, entry);
	nla_nest_end(message, peers);
	return ret;

nla_put_failure:
	return -1;
}

static int put_setup(struct nl_msg *message, const struct wgif_setup *setup)
{
	if (setup->private_key)
		NLA_PUT(message, WGDEVICE_A_PRIVATE_KEY, KEY_LEN, setup->private_key);
	/* A port of 0 has a device that is up change the one it has. */
	if (setup->listen_port || setup->new_port)
		NLA_PUT_U16(message, WGDEVICE_A_LISTEN_PORT, (uint16_t)setup->listen_port);
	if (setup->new_mark)
		NLA_PUT_U32(message, WGDEVICE_A_FWMARK, setup->mark);
	/* The kernel does that first. It clears the replay counter, too. */
	if (setup->replace_peers)
		NLA_PUT_U32(message, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
	return setup->peer_key ? put_peers(message, setup) : 0;

nla_put_failure:
	return -1;
}

int wgif_set_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const struct wgif_setup *setup)
{
	const struct netlink_task task = { .verb = "configure",
					   .object = link->name,
					   .expected = EADDRINUSE,
					   .error = -ERR_BUSY };
	struct nl_msg *message;
	int ret;

	ret = open_generic(kernel);
	if (ret < 0)
		return ret;
	message = device_message(kernel, WG_CMD_SET_DEVICE, 0, link);
	if (message && put_setup(message, setup) < 0)
		message = netlink_abort_message(message);
	return netlink_request(kernel->generic, message, NULL, &task);
}
