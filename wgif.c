// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WireGuard interfaces in the kernel: the only file that knows libnl. Every request asks for the
 * kernel's acknowledgement. Errors that a caller expects are returned, all others logged here in
 * the kernel's own words. Never touches an interface that it was not told to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <syslog.h>

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#include "wgif.h"

enum { MESSAGE_SIZE = 1024 };

/* What came back of a request. */
struct answer {
	bool complete;
	int error;	/* an errno, 0 for success */
	char words[96]; /* the kernel's own, from an extended ACK; may be empty */
};

struct wgif_kernel {
	struct nl_sock *route;
	struct nl_sock *generic; /* NULL until a device is looked at for the first time */
	int wireguard;		 /* number of the generic family */
	struct nl_cb *callbacks;
	struct answer answer; /* of the last request */
};

/* The extended ACK of the kernel, see linux/netlink.h: attributes that follow the error. */
static void read_words(struct answer *answer, struct nlmsghdr *header)
{
	struct nlattr *words;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* The socket asks for capped answers: the request is not repeated in them. */
	words = nlmsg_find_attr(header, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
	if (words)
		nla_strlcpy(answer->words, words, sizeof(answer->words));
}

static int on_error(struct sockaddr_nl *sender, struct nlmsgerr *error, void *argument)
{
	struct answer *answer = argument;

	(void)sender;
	answer->complete = true;
	answer->error = -error->error;
	read_words(answer, (struct nlmsghdr *)((char *)error - NLMSG_HDRLEN));
	return NL_STOP;
}

static int on_end(struct nl_msg *message, void *argument)
{
	struct answer *answer = argument;

	(void)message;
	answer->complete = true;
	answer->error = 0;
	return NL_OK;
}

static int on_change(struct nl_msg *message, void *argument)
{
	(void)message;
	(void)argument;
	return NL_OK;
}

/* Wipes and frees a message, which may hold the private key. It may be NULL. */
static void discard(struct nl_msg *message)
{
	if (message)
		explicit_bzero(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
	nlmsg_free(message);
}

/* Gives up a message that could not be built. Returns NULL, which request() takes for that. */
static struct nl_msg *spoilt(struct nl_msg *message)
{
	discard(message);
	return NULL;
}

/*
 * Sends a request, hands each message that comes back to parse (which may be NULL), and waits for
 * the end. Consumes the message. The outcome is in kernel->answer.
 */
static void request(struct wgif_kernel *kernel, struct nl_sock *socket, struct nl_msg *message,
		    nl_recvmsg_msg_cb_t parse, void *argument)
{
	struct answer *answer = &kernel->answer;
	int ret;

	*answer = (struct answer){ .error = message ? EIO : ENOMEM };
	if (!message)
		return;
	nl_cb_set(kernel->callbacks, NL_CB_VALID, parse ? NL_CB_CUSTOM : NL_CB_DEFAULT, parse,
		  argument);
	ret = nl_send_auto(socket, message);
	discard(message);
	while (ret >= 0 && !answer->complete)
		ret = nl_recvmsgs(socket, kernel->callbacks);
	if (!answer->complete)
		snprintf(answer->words, sizeof(answer->words), "%s", nl_geterror(ret));
}

/* What an interface is called in the log where only its number is known. */
static const char *label(unsigned int index)
{
	static char text[40];

	snprintf(text, sizeof(text), "interface number %u", index);
	return text;
}

/*
 * What a request came to: 0, the error given where the errno is the one expected, and else
 * -ERR_FAILURE after it has logged why.
 */
static int outcome(const struct wgif_kernel *kernel, int expected, int error, const char *verb,
		   const char *object)
{
	const struct answer *answer = &kernel->answer;
	const char *reason = strerror(answer->error);

	if (answer->error == 0)
		return 0;
	if (answer->error == expected)
		return error;
	if (answer->error == EPERM)
		reason = "Operation not permitted; run it as root or with CAP_NET_ADMIN";
	else if (answer->error == EOPNOTSUPP)
		reason = "Operation not supported; has this kernel got WireGuard?";
	log_line(LOG_ERR, "unable to %s %s: %s%s%s%s", verb, object, reason,
		 answer->words[0] ? " (" : "", answer->words, answer->words[0] ? ")" : "");
	return -ERR_FAILURE;
}

static struct nl_sock *open_socket(int protocol)
{
	struct nl_sock *socket = nl_socket_alloc();
	const int on = 1;

	if (!socket || nl_connect(socket, protocol) < 0) {
		log_line(LOG_ERR, "unable to open a netlink socket: %s", strerror(errno));
		nl_socket_free(socket);
		return NULL;
	}
	/* No message of ours or the kernel's comes near the four pages that are read at once. */
	nl_socket_disable_msg_peek(socket);
	/* Older kernels lack these two; their errors then have no words. */
	(void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return socket;
}

/* The callbacks that all requests share; one for what comes back is set for each. */
static struct nl_cb *make_callbacks(struct answer *answer)
{
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);

	if (!callbacks)
		return NULL;
	nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, answer);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, answer);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, answer);
	/* What comes and goes during a dump is no reason to end it. */
	nl_cb_set(callbacks, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_change, NULL);
	return callbacks;
}

struct wgif_kernel *wgif_open(void)
{
	struct wgif_kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return NULL;
	/* The largest that we send; libnl would clear a whole page for each. */
	nlmsg_set_default_size(MESSAGE_SIZE);
	kernel->callbacks = make_callbacks(&kernel->answer);
	kernel->route = open_socket(NETLINK_ROUTE);
	if (kernel->callbacks && kernel->route)
		return kernel;
	wgif_close(kernel);
	return NULL;
}

void wgif_close(struct wgif_kernel *kernel)
{
	if (!kernel)
		return;
	nl_socket_free(kernel->route);
	nl_socket_free(kernel->generic);
	nl_cb_put(kernel->callbacks);
	free(kernel);
}

/* The family's number changes with each load of the module, and exists only once it is loaded. */
static int open_generic(struct wgif_kernel *kernel)
{
	if (kernel->generic)
		return 0;
	kernel->generic = open_socket(NETLINK_GENERIC);
	if (!kernel->generic)
		return -ERR_FAILURE;
	kernel->wireguard = genl_ctrl_resolve(kernel->generic, WG_GENL_NAME);
	if (kernel->wireguard >= 0)
		return 0;
	nl_socket_free(kernel->generic);
	kernel->generic = NULL;
	kernel->answer = (struct answer){ .error = EOPNOTSUPP };
	return outcome(kernel, 0, 0, "find", "the kernel's WireGuard");
}

static void read_altnames(struct wgif *wgif, struct nlattr *list)
{
	struct nlattr *altname;
	int left;

	nla_for_each_nested(altname, list, left)
		if (nla_type(altname) == IFLA_ALT_IFNAME &&
		    key_from_altname(wgif->key, nla_get_string(altname)) == 0) {
			wgif->keyed = true;
			return;
		}
}

static int on_link(struct nl_msg *message, void *argument)
{
	static struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING },	  [IFLA_MTU] = { .type = NLA_U32 },
		[IFLA_GROUP] = { .type = NLA_U32 },	  [IFLA_IFALIAS] = { .type = NLA_STRING },
		[IFLA_LINKINFO] = { .type = NLA_NESTED }, [IFLA_PROP_LIST] = { .type = NLA_NESTED },
	};
	const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *link[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct wgif *wgif = argument;

	memset(wgif, 0, sizeof(*wgif));
	if (nlmsg_parse(nlmsg_hdr(message), sizeof(*header), link, IFLA_MAX, policy) < 0)
		return NL_SKIP;
	wgif->index = (unsigned int)header->ifi_index;
	wgif->up = header->ifi_flags & IFF_UP;
	if (link[IFLA_IFNAME])
		nla_strlcpy(wgif->name, link[IFLA_IFNAME], sizeof(wgif->name));
	if (link[IFLA_MTU])
		wgif->mtu = nla_get_u32(link[IFLA_MTU]);
	if (link[IFLA_GROUP])
		wgif->group = nla_get_u32(link[IFLA_GROUP]);
	if (link[IFLA_IFALIAS])
		nla_strlcpy(wgif->alias, link[IFLA_IFALIAS], sizeof(wgif->alias));
	if (link[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND])
		wgif->wireguard = strcmp(nla_get_string(info[IFLA_INFO_KIND]), "wireguard") == 0;
	if (link[IFLA_PROP_LIST])
		read_altnames(wgif, link[IFLA_PROP_LIST]);
	return NL_OK;
}

/* A message that begins with a struct ifinfomsg. Returns NULL if there is no memory. */
static struct nl_msg *link_message(int type, int flags, unsigned int index)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };
	struct nl_msg *message = nlmsg_alloc_simple(type, flags);

	if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

int wgif_find(struct wgif_kernel *kernel, const char *name, struct wgif *wgif)
{
	/* The kernel takes a name for an altname and an altname for a name. */
	struct nl_msg *message = link_message(RTM_GETLINK, 0, 0);

	if (!message || nla_put_string(message, IFLA_ALT_IFNAME, name) < 0 ||
	    nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		message = spoilt(message);
	request(kernel, kernel->route, message, on_link, wgif);
	return outcome(kernel, ENODEV, -ERR_ABSENT, "look up", "an interface");
}

/* What on_each_link() calls. */
struct walk {
	void (*each)(void *argument, const struct wgif *wgif);
	void *argument;
};

static int on_each_link(struct nl_msg *message, void *argument)
{
	const struct walk *walk = argument;
	struct wgif wgif;

	if (on_link(message, &wgif) == NL_OK && wgif.wireguard)
		walk->each(walk->argument, &wgif);
	return NL_OK;
}

int wgif_foreach(struct wgif_kernel *kernel, void (*each)(void *argument, const struct wgif *wgif),
		 void *argument)
{
	struct nl_msg *message = link_message(RTM_GETLINK, NLM_F_DUMP, 0);
	struct walk walk = { .each = each, .argument = argument };
	struct nlattr *info = NULL;

	if (message)
		info = nla_nest_start(message, NLA_F_NESTED | IFLA_LINKINFO);
	/* The kernel then leaves out all other kinds. */
	if (!info || nla_put_string(message, IFLA_INFO_KIND, "wireguard") < 0 ||
	    nla_nest_end(message, info) < 0 ||
	    nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		message = spoilt(message);
	request(kernel, kernel->route, message, on_each_link, &walk);
	return outcome(kernel, 0, 0, "list", "the interfaces");
}

/* Any socket will do. To look the link up by netlink would cost ten times as much. */
static int read_index(struct wgif_kernel *kernel, const char *name, unsigned int *index)
{
	struct ifreq link = { 0 };

	snprintf(link.ifr_name, sizeof(link.ifr_name), "%s", name);
	kernel->answer = (struct answer){ 0 };
	if (ioctl(nl_socket_get_fd(kernel->route), SIOCGIFINDEX, &link) < 0)
		kernel->answer.error = errno;
	*index = (unsigned int)link.ifr_ifindex;
	return outcome(kernel, 0, 0, "find the number of", name);
}

int wgif_create(struct wgif_kernel *kernel, const char *name, unsigned int group, unsigned int mtu,
		unsigned int *index)
{
	int ret;

	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *message = NULL;

	if (link && rtnl_link_set_type(link, "wireguard") == 0) {
		rtnl_link_set_name(link, name);
		rtnl_link_set_group(link, group);
		rtnl_link_set_mtu(link, mtu);
		/* WireGuard's default lacks it, and routing daemons need it. */
		rtnl_link_set_flags(link, IFF_MULTICAST);
		if (rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &message) < 0)
			message = NULL;
	}
	rtnl_link_put(link);
	request(kernel, kernel->route, message, NULL, NULL);
	ret = outcome(kernel, EEXIST, -ERR_EXISTS, "create", name);
	/* Only Linux 6.2 and later would tell in their answer, to NLM_F_ECHO. */
	return ret < 0 ? ret : read_index(kernel, name, index);
}

/* Changes a link as set says. Consumes set; NULL is one for which there was no memory. */
static void change(struct wgif_kernel *kernel, unsigned int index, struct rtnl_link *set)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *message = NULL;

	if (link && set) {
		rtnl_link_set_ifindex(link, (int)index);
		if (rtnl_link_build_change_request(link, set, 0, &message) < 0)
			message = NULL;
	}
	rtnl_link_put(link);
	rtnl_link_put(set);
	request(kernel, kernel->route, message, NULL, NULL);
}

int wgif_rename(struct wgif_kernel *kernel, unsigned int index, const char *name)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int ret;

	/* Linux before 6.2 does not rename an interface that is up. */
	if (link)
		rtnl_link_unset_flags(link, IFF_UP);
	change(kernel, index, link);
	ret = outcome(kernel, 0, 0, "take down", label(index));
	if (ret < 0)
		return ret;
	link = rtnl_link_alloc();
	if (link)
		rtnl_link_set_name(link, name);
	change(kernel, index, link);
	return outcome(kernel, EEXIST, -ERR_EXISTS, "rename an interface to", name);
}

int wgif_set_up(struct wgif_kernel *kernel, unsigned int index, unsigned int mtu, const char *alias)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (link) {
		rtnl_link_set_mtu(link, mtu);
		rtnl_link_set_ifalias(link, alias);
		rtnl_link_set_flags(link, IFF_UP | IFF_MULTICAST);
	}
	change(kernel, index, link);
	return outcome(kernel, EADDRINUSE, -ERR_BUSY, "bring up", label(index));
}

int wgif_set_alias(struct wgif_kernel *kernel, unsigned int index, const char *alias)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (link)
		rtnl_link_set_ifalias(link, alias);
	change(kernel, index, link);
	return outcome(kernel, 0, 0, "set the alias of", label(index));
}

/* Adds or takes away one altname. */
static void change_altname(struct wgif_kernel *kernel, int type, unsigned int index,
			   const char *altname)
{
	/* For a deletion the value of NLM_F_EXCL would be NLM_F_BULK. */
	const int flags = type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0;
	struct nl_msg *message = link_message(type, flags, index);
	struct nlattr *list = NULL;

	if (message)
		list = nla_nest_start(message, NLA_F_NESTED | IFLA_PROP_LIST);
	if (!list || nla_put_string(message, IFLA_ALT_IFNAME, altname) < 0 ||
	    nla_nest_end(message, list) < 0)
		message = spoilt(message);
	request(kernel, kernel->route, message, NULL, NULL);
}

int wgif_add_altname(struct wgif_kernel *kernel, unsigned int index, const char *altname)
{
	change_altname(kernel, RTM_NEWLINKPROP, index, altname);
	return outcome(kernel, EEXIST, -ERR_EXISTS, "add an altname to", label(index));
}

int wgif_delete_altname(struct wgif_kernel *kernel, unsigned int index, const char *altname)
{
	change_altname(kernel, RTM_DELLINKPROP, index, altname);
	return outcome(kernel, ENOENT, 0, "take an altname from", label(index));
}

/* An address for a request to build upon. Returns NULL if there is no memory. */
static struct rtnl_addr *make_address(unsigned int index, const struct in6_addr *address)
{
	struct rtnl_addr *object = rtnl_addr_alloc();
	struct nl_addr *local = nl_addr_build(AF_INET6, address, sizeof(*address));
	int ret = -NLE_NOMEM;

	if (object && local) {
		nl_addr_set_prefixlen(local, 64);
		rtnl_addr_set_ifindex(object, (int)index);
		rtnl_addr_set_flags(object, IFA_F_NODAD);
		ret = rtnl_addr_set_local(object, local);
	}
	nl_addr_put(local);
	if (ret == 0)
		return object;
	rtnl_addr_put(object);
	return NULL;
}

int wgif_add_address(struct wgif_kernel *kernel, unsigned int index, const struct in6_addr *address)
{
	struct rtnl_addr *object = make_address(index, address);
	struct nl_msg *message = NULL;

	if (!object || rtnl_addr_build_add_request(object, NLM_F_REPLACE, &message) < 0)
		message = NULL;
	rtnl_addr_put(object);
	request(kernel, kernel->route, message, NULL, NULL);
	return outcome(kernel, 0, 0, "add the address of", label(index));
}

int wgif_delete_address(struct wgif_kernel *kernel, unsigned int index,
			const struct in6_addr *address)
{
	struct rtnl_addr *object = make_address(index, address);
	struct nl_msg *message = NULL;

	if (!object || rtnl_addr_build_delete_request(object, 0, &message) < 0)
		message = NULL;
	rtnl_addr_put(object);
	request(kernel, kernel->route, message, NULL, NULL);
	return outcome(kernel, EADDRNOTAVAIL, 0, "take an address from", label(index));
}

enum { MAX_FOUND = 16 };

/* What on_address() looks for, and the addresses that it finds. */
struct address_search {
	unsigned int index;
	const struct in6_addr *keep;
	struct in6_addr found[MAX_FOUND];
	int count;
};

static int on_address(struct nl_msg *message, void *argument)
{
	const struct ifaddrmsg *header = nlmsg_data(nlmsg_hdr(message));
	struct address_search *search = argument;
	struct nlattr *attributes[IFA_MAX + 1];
	struct in6_addr address;

	/* Older kernels dump the addresses of all interfaces, whichever one is asked for. */
	if (header->ifa_family != AF_INET6 || header->ifa_index != search->index ||
	    search->count == MAX_FOUND ||
	    nlmsg_parse(nlmsg_hdr(message), sizeof(*header), attributes, IFA_MAX, NULL) < 0 ||
	    !attributes[IFA_ADDRESS] || nla_len(attributes[IFA_ADDRESS]) != sizeof(address))
		return NL_SKIP;
	nla_memcpy(&address, attributes[IFA_ADDRESS], sizeof(address));
	if (IN6_IS_ADDR_LINKLOCAL(&address) && !IN6_ARE_ADDR_EQUAL(&address, search->keep))
		search->found[search->count++] = address;
	return NL_OK;
}

int wgif_drop_other_addresses(struct wgif_kernel *kernel, unsigned int index,
			      const struct in6_addr *address)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET6, .ifa_index = index };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	struct address_search search = { .index = index, .keep = address };
	int ret;

	if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		message = spoilt(message);
	request(kernel, kernel->route, message, on_address, &search);
	ret = outcome(kernel, 0, 0, "read the addresses of", label(index));
	for (int i = 0; i < search.count && ret == 0; i++)
		ret = wgif_delete_address(kernel, index, &search.found[i]);
	return ret;
}

int wgif_delete(struct wgif_kernel *kernel, unsigned int index)
{
	request(kernel, kernel->route, link_message(RTM_DELLINK, 0, index), NULL, NULL);
	/* Another process may have been faster. */
	return outcome(kernel, ENODEV, 0, "delete", label(index));
}

/* A message to WireGuard's generic family, for one device. Returns NULL if there is no memory. */
static struct nl_msg *device_message(struct wgif_kernel *kernel, int command, int flags,
				     unsigned int index)
{
	struct nl_msg *message = nlmsg_alloc();

	if (message && (!genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, kernel->wireguard, 0,
				     flags, (uint8_t)command, WG_GENL_VERSION) ||
			nla_put_u32(message, WGDEVICE_A_IFINDEX, index) < 0)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

/* What on_device() looks for, and fills in. */
struct search {
	const uint8_t *peer_key;
	struct wgif_device *device;
};

static void read_peer(struct wgif_device *device, struct nlattr **peer)
{
	struct nlattr *endpoint = peer[WGPEER_A_ENDPOINT];

	device->has_peer = true;
	if (peer[WGPEER_A_LAST_HANDSHAKE_TIME]) {
		struct __kernel_timespec time;

		nla_memcpy(&time, peer[WGPEER_A_LAST_HANDSHAKE_TIME], sizeof(time));
		device->handshake = time.tv_sec;
	}
	if (peer[WGPEER_A_RX_BYTES])
		device->rx_bytes = nla_get_u64(peer[WGPEER_A_RX_BYTES]);
	if (peer[WGPEER_A_TX_BYTES])
		device->tx_bytes = nla_get_u64(peer[WGPEER_A_TX_BYTES]);
	if (endpoint)
		nla_memcpy(&device->endpoint, endpoint, sizeof(device->endpoint));
}

static int on_device(struct nl_msg *message, void *argument)
{
	static struct nla_policy device_policy[WGDEVICE_A_MAX + 1] = {
		[WGDEVICE_A_PUBLIC_KEY] = { .type = NLA_UNSPEC, .minlen = KEY_LEN },
		[WGDEVICE_A_LISTEN_PORT] = { .type = NLA_U16 },
		[WGDEVICE_A_PEERS] = { .type = NLA_NESTED },
	};
	static struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
		[WGPEER_A_PUBLIC_KEY] = { .type = NLA_UNSPEC, .minlen = KEY_LEN },
		[WGPEER_A_LAST_HANDSHAKE_TIME] = { .type = NLA_UNSPEC,
						   .minlen = sizeof(struct __kernel_timespec) },
		[WGPEER_A_RX_BYTES] = { .type = NLA_U64 },
		[WGPEER_A_TX_BYTES] = { .type = NLA_U64 },
	};
	struct nlattr *attributes[WGDEVICE_A_MAX + 1], *peer[WGPEER_A_MAX + 1], *each;
	const struct search *search = argument;
	struct wgif_device *device = search->device;
	int left;

	if (genlmsg_parse(nlmsg_hdr(message), 0, attributes, WGDEVICE_A_MAX, device_policy) < 0)
		return NL_SKIP;
	if (attributes[WGDEVICE_A_PUBLIC_KEY])
		nla_memcpy(device->public_key, attributes[WGDEVICE_A_PUBLIC_KEY], KEY_LEN);
	if (attributes[WGDEVICE_A_LISTEN_PORT])
		device->listen_port = nla_get_u16(attributes[WGDEVICE_A_LISTEN_PORT]);
	if (!attributes[WGDEVICE_A_PEERS])
		return NL_OK;
	nla_for_each_nested(each, attributes[WGDEVICE_A_PEERS], left)
		if (nla_parse_nested(peer, WGPEER_A_MAX, each, peer_policy) == 0 &&
		    peer[WGPEER_A_PUBLIC_KEY] &&
		    memcmp(nla_data(peer[WGPEER_A_PUBLIC_KEY]), search->peer_key, KEY_LEN) == 0)
			read_peer(device, peer);
	return NL_OK;
}

/*
 * Takes the device's private key, which the kernel tells its administrators, out of what comes
 * back: libnl copies and frees that without wiping it.
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

int wgif_get_device(struct wgif_kernel *kernel, unsigned int index,
		    const uint8_t peer_key[static KEY_LEN], struct wgif_device *device)
{
	struct search search = { .peer_key = peer_key, .device = device };
	struct nl_msg *message;

	memset(device, 0, sizeof(*device));
	if (open_generic(kernel) < 0)
		return -ERR_FAILURE;
	message = device_message(kernel, WG_CMD_GET_DEVICE, NLM_F_DUMP, index);
	nl_cb_overwrite_recv(kernel->callbacks, receive_device);
	request(kernel, kernel->generic, message, on_device, &search);
	nl_cb_overwrite_recv(kernel->callbacks, NULL);
	return outcome(kernel, ENODEV, -ERR_ABSENT, "read", label(index));
}

/* Lets the peer use every IPv6 address: it is alone on its interface, and routes decide. */
static int put_allowed_ips(struct nl_msg *message)
{
	struct nlattr *list = nla_nest_start(message, NLA_F_NESTED | WGPEER_A_ALLOWEDIPS);
	struct nlattr *entry = list ? nla_nest_start(message, NLA_F_NESTED | 0) : NULL;

	if (!entry || nla_put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET6) < 0 ||
	    nla_put(message, WGALLOWEDIP_A_IPADDR, sizeof(in6addr_any), &in6addr_any) < 0 ||
	    nla_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, 0) < 0)
		return -1;
	nla_nest_end(message, entry);
	nla_nest_end(message, list);
	return 0;
}

static int put_endpoint(struct nl_msg *message, const union endpoint *endpoint)
{
	const int size = endpoint->any.sa_family == AF_INET ? (int)sizeof(endpoint->in) :
							      (int)sizeof(endpoint->in6);

	return nla_put(message, WGPEER_A_ENDPOINT, size, endpoint);
}

static int put_peer(struct nl_msg *message, const struct wgif_setup *setup, uint32_t flags)
{
	struct nlattr *entry = nla_nest_start(message, NLA_F_NESTED | 0);

	if (!entry || nla_put(message, WGPEER_A_PUBLIC_KEY, KEY_LEN, setup->peer_key) < 0 ||
	    nla_put_u32(message, WGPEER_A_FLAGS, flags) < 0)
		return -1;
	if (!(flags & WGPEER_F_REMOVE_ME)) {
		if (setup->endpoint && put_endpoint(message, setup->endpoint) < 0)
			return -1;
		if (setup->keepalive && nla_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
						    (uint16_t)setup->keepalive) < 0)
			return -1;
		if (put_allowed_ips(message) < 0)
			return -1;
	}
	nla_nest_end(message, entry);
	return 0;
}

static int put_setup(struct nl_msg *message, const struct wgif_setup *setup)
{
	struct nlattr *peers;

	if (nla_put(message, WGDEVICE_A_PRIVATE_KEY, KEY_LEN, setup->private_key) < 0)
		return -1;
	/* A port of 0 would have a device that is up change the one it has. */
	if (setup->listen_port &&
	    nla_put_u16(message, WGDEVICE_A_LISTEN_PORT, (uint16_t)setup->listen_port) < 0)
		return -1;
	if (setup->alone && nla_put_u32(message, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS) < 0)
		return -1;
	peers = nla_nest_start(message, NLA_F_NESTED | WGDEVICE_A_PEERS);
	if (!peers)
		return -1;
	/* The kernel works the list off in order. Removing clears the replay counter. */
	if (setup->renew && put_peer(message, setup, WGPEER_F_REMOVE_ME) < 0)
		return -1;
	if (put_peer(message, setup, WGPEER_F_REPLACE_ALLOWEDIPS) < 0)
		return -1;
	nla_nest_end(message, peers);
	return 0;
}

int wgif_set_device(struct wgif_kernel *kernel, unsigned int index, const struct wgif_setup *setup)
{
	struct nl_msg *message;

	if (open_generic(kernel) < 0)
		return -ERR_FAILURE;
	message = device_message(kernel, WG_CMD_SET_DEVICE, 0, index);
	if (!message || put_setup(message, setup) < 0)
		message = spoilt(message);
	request(kernel, kernel->generic, message, NULL, NULL);
	return outcome(kernel, EADDRINUSE, -ERR_BUSY, "configure", label(index));
}
