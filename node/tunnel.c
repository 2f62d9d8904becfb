// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A node's interface. All state is in the kernel, as on the gateway: the group says that the
 * interface is ours, and a note in its alias (see note.h) says how old its handshake is, even when
 * the wall clock was set; on nodes that happens.
 *
 * Each step is one message to the kernel, and a run that dies between two of them leaves an
 * interface that the next run completes. Never cuts a live session, and never touches an interface
 * that is not ours.
 */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "session.h"
#include "wgif.h"
#include "node/tunnel.h"

enum {
	KEEPALIVE = 25,	    /* seconds: what NATs and gateways expect of a node */
	MAC_LEN = 6,	    /* bytes of an Ethernet address */
	FAILED_TIME = 3600, /* seconds after which what failed gets a chance like any other */
	FAILED_BITS = 47,   /* of a number in a note */
	LOOK_TIME = 50,	    /* milliseconds from one look at the handshake to the next */
	MIN_MTU = 1280,	    /* bytes: IPv6 needs them */
};

/*
 * Asks the kernel for an interface's Ethernet address. Returns 0; -ERR_ABSENT if there is no such
 * interface now, but may be later; or -ERR_CONFIG.
 */
static int get_mac(uint8_t mac[static MAC_LEN], const char *ifname)
{
	struct ifreq request = { .ifr_ifindex = 0 };
	const size_t len = strlen(ifname);
	int fd, ret;

	if (len >= sizeof(request.ifr_name) || strpbrk(ifname, "/: "))
		return -ERR_CONFIG;
	memcpy(request.ifr_name, ifname, len);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -ERR_ABSENT;
	ret = ioctl(fd, SIOCGIFHWADDR, &request);
	close(fd);
	if (ret < 0)
		return -ERR_ABSENT;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -ERR_CONFIG;
	memcpy(mac, request.ifr_hwaddr.sa_data, MAC_LEN);
	return 0;
}

/* Reads an Ethernet address from text that is one, or names an interface. The same results. */
static int read_mac(uint8_t mac[static MAC_LEN], const char *text)
{
	int count, len = 0;

	count = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		       &mac[3], &mac[4], &mac[5], &len);
	if (count == MAC_LEN && !text[len])
		return 0;
	return get_mac(mac, text);
}

int tunnel_choose_address(struct tunnel *tunnel, const char *address, const char *mac)
{
	static const uint8_t link_local[8] = { 0xfe, 0x80 };
	uint8_t *bytes = tunnel->address.s6_addr, m[MAC_LEN];
	int ret;

	if (address) {
		ret = inet_pton(AF_INET6, address, bytes);
		if (ret == 1 && memcmp(bytes, link_local, sizeof(link_local)) == 0)
			return 0;
		log_line(LOG_ERR, "%s is not an address in fe80::/64", address);
		return -ERR_CONFIG;
	}
	memcpy(bytes, link_local, sizeof(link_local));
	if (!mac) {
		memcpy(bytes + 8, tunnel->public_key, 8);
		/* The bit says "assigned by a manufacturer": RFC 4291, appendix A. */
		bytes[8] &= (uint8_t)~2;
		return 0;
	}
	ret = read_mac(m, mac);
	if (ret < 0) {
		log_line(LOG_ERR,
			 ret == -ERR_ABSENT ?
				 "there is no interface %s to take the address from" :
				 "%s is neither a MAC address nor an Ethernet interface",
			 mac);
		return ret;
	}
	memcpy(bytes + 8, (const uint8_t[]){ m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] },
	       8);
	return 0;
}

/* Reads the interface. Returns 0, -ERR_ABSENT, or an error after it has logged why. */
static int read_interface(struct wgif_kernel *kernel, const struct tunnel *tunnel,
			  const uint8_t peer_key[static KEY_LEN], struct session *session)
{
	int ret;

	ret = session_read(kernel, tunnel->ifname, TUNNEL_GROUP, peer_key, session);
	if (ret == -ERR_FOREIGN)
		log_line(LOG_ERR, "%s is not an interface of ours: name another one with -i",
			 session->link.name);
	return ret;
}

int tunnel_is_live(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], struct session *session)
{
	int ret;

	if (session->link.index)
		ret = session_read_device(kernel, peer_key, session);
	else
		ret = read_interface(kernel, tunnel, peer_key, session);
	if (ret < 0)
		return ret;
	return session->link.up && session->device.has_peer &&
	       memcmp(session->device.public_key, tunnel->public_key, KEY_LEN) == 0 &&
	       session_is_live(session);
}

int64_t tunnel_failed(const struct session *session)
{
	const int64_t since = session->now.boot - session->note.asked;

	return since >= 0 && since < FAILED_TIME ? session->note.failed : 0;
}

int64_t tunnel_address_bit(const union endpoint *endpoint)
{
	const bool is_ipv4 = endpoint->any.sa_family == AF_INET;
	const uint8_t *bytes =
		is_ipv4 ? (const uint8_t *)&endpoint->in.sin_addr : endpoint->in6.sin6_addr.s6_addr;
	const size_t len = is_ipv4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	return (int64_t)1 << hash % FAILED_BITS;
}

/*
 * Writes the note for the alias: how old the handshake is. A new session, at this endpoint, has
 * none yet.
 */
static int make_note(struct wgif_kernel *kernel, const uint8_t peer_key[static KEY_LEN],
		     const union endpoint *endpoint, struct session *session,
		     char alias[static NOTE_SIZE])
{
	const int64_t failed = tunnel_failed(session);
	int ret;

	ret = session_read_device(kernel, peer_key, session);
	if (ret < 0)
		return ret;
	if (!session->device.has_peer) {
		log_line(LOG_ERR, "unable to add the peer to %s: the kernel left it out",
			 session->link.name);
		return -ERR_FAILURE;
	}
	session->note = (struct note){
		.asked = session->now.boot,
		.looked = session->now.boot,
		.failed = failed | tunnel_address_bit(endpoint),
	};
	note_look(&session->note, session->device.handshake, session->now);
	note_format(alias, &session->note);
	return 0;
}

/*
 * Gives the interface its address, and takes other link-local ones away. With an MTU that is too
 * low for IPv6 it has no address, and takes none.
 */
static int keep_address(struct wgif_kernel *kernel, const struct tunnel *tunnel,
			const struct wgif_link *link)
{
	int ret = 0;

	if (link->mtu < MIN_MTU)
		ret = wgif_set_up(kernel, link, tunnel->mtu, NULL);
	return ret == 0 ? wgif_keep_address(kernel, link, &tunnel->address) : ret;
}

/*
 * Configures the interface in session->link for a new session. Returns 0, or a negative error after
 * it has logged why.
 */
static int configure(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		     const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint,
		     struct session *session)
{
	const struct wgif_setup setup = {
		.private_key = tunnel->private_key,
		.peer_key = peer_key,
		.ipv4 = tunnel->ipv4,
		.ipv6 = tunnel->ipv6,
		.endpoint = endpoint,
		.keepalive = KEEPALIVE,
		.replace_peers = true,
		/*
		 * Gateways may share their key. The one that the node has left would go on to send
		 * handshakes to the port that it knows, and each would pull the peer back to it.
		 */
		.new_port = true,
		.new_mark = true,
		.mark = tunnel->mark,
	};
	const struct wgif_link *link = &session->link;
	char alias[NOTE_SIZE];
	int ret;

	ret = wgif_set_device(kernel, link, &setup);
	if (ret == 0)
		ret = keep_address(kernel, tunnel, link);
	if (ret == 0)
		ret = make_note(kernel, peer_key, endpoint, session, alias);
	if (ret == 0)
		ret = wgif_set_up(kernel, link, tunnel->mtu, alias);
	if (ret == -ERR_BUSY)
		log_line(LOG_ERR, "unable to bring up %s: no UDP port is free", link->name);
	if (ret == -ERR_ABSENT)
		log_line(LOG_ERR, "unable to configure %s: it was deleted meanwhile", link->name);
	return ret;
}

/* Whether the device of a live session, or its peer, is to be changed. */
static bool differs(const struct wgif_device *device, const struct tunnel *tunnel)
{
	return device->mark != tunnel->mark || device->keepalive != KEEPALIVE ||
	       device->ipv4 != tunnel->ipv4 || device->ipv6 != tunnel->ipv6 ||
	       device->has_other_ips;
}

/*
 * Whether the alias is to be written again, with this note. It keeps the age of a handshake right,
 * as long as the clock is not set twice between two of them.
 */
static bool is_outdated(const struct session *session, const struct note *note)
{
	const int64_t step = note->clock - session->written.clock;

	/* Both clocks are cut to seconds. */
	return note->failed != session->written.failed || step < -1 || step > 1;
}

int tunnel_refresh(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], const struct session *session)
{
	const struct wgif_setup setup = {
		.peer_key = peer_key,
		.ipv4 = tunnel->ipv4,
		.ipv6 = tunnel->ipv6,
		.keepalive = KEEPALIVE,
		.new_mark = true,
		.mark = tunnel->mark,
	};
	const struct wgif_link *link = &session->link;
	const bool has_link = link->multicast && link->mtu == tunnel->mtu;
	struct note note = session->note;
	char alias[NOTE_SIZE];
	int ret;

	/* A run that was killed may have left that. */
	note.failed &= ~tunnel_address_bit(&session->device.endpoint);
	ret = keep_address(kernel, tunnel, link);
	if (ret == 0 && differs(&session->device, tunnel))
		ret = wgif_set_device(kernel, link, &setup);
	if (ret < 0 || (has_link && !is_outdated(session, &note)))
		return ret;
	note_format(alias, &note);
	return wgif_set_up(kernel, link, tunnel->mtu, alias);
}

int tunnel_configure(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		     const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint)
{
	struct session session;
	int ret, created = 0;

	ret = read_interface(kernel, tunnel, peer_key, &session);
	if (ret == -ERR_ABSENT) {
		ret = wgif_create(kernel, tunnel->ifname, TUNNEL_GROUP, tunnel->mtu, &session.link);
		created = ret == 0;
		/* Another run was faster: go on with what it made. */
		if (ret == -ERR_EXISTS)
			ret = read_interface(kernel, tunnel, peer_key, &session);
		if (ret == -ERR_ABSENT)
			log_line(LOG_ERR, "unable to configure %s: it was deleted meanwhile",
				 tunnel->ifname);
	}
	if (ret == 0)
		ret = configure(kernel, tunnel, peer_key, endpoint, &session);
	return ret < 0 ? ret : created;
}

/* Looks at the handshake until there is one. The same results as of tunnel_wait(). */
static int wait_for_handshake(struct wgif_kernel *kernel, const uint8_t peer_key[static KEY_LEN],
			      struct session *session, int64_t deadline)
{
	const struct timespec pause = { .tv_nsec = LOOK_TIME * 1000000L };
	int ret;

	for (;;) {
		ret = session_read_device(kernel, peer_key, session);
		if (ret < 0)
			return ret;
		if (session->device.handshake)
			return 1;
		if (clock_ms() >= deadline)
			return 0;
		nanosleep(&pause, NULL);
	}
}

int tunnel_wait(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint,
		int64_t deadline)
{
	struct session session;
	char alias[NOTE_SIZE];
	int ret;

	ret = read_interface(kernel, tunnel, peer_key, &session);
	if (ret == 0)
		ret = wait_for_handshake(kernel, peer_key, &session, deadline);
	if (ret == -ERR_ABSENT)
		log_line(LOG_ERR, "%s was deleted meanwhile", tunnel->ifname);
	if (ret != 1)
		return ret;
	session.note.failed &= ~tunnel_address_bit(endpoint);
	note_format(alias, &session.note);
	ret = wgif_set_alias(kernel, &session.link, alias);
	return ret < 0 ? ret : 1;
}

int tunnel_read(struct wgif_kernel *kernel, const struct tunnel *tunnel, struct session *session)
{
	static const uint8_t nobody[KEY_LEN];
	struct wgif_device device;
	int ret;

	ret = read_interface(kernel, tunnel, nobody, session);
	if (ret == 0)
		ret = wgif_get_device(kernel, &session->link, NULL, &device);
	if (ret == 0)
		ret = session_read_device(kernel, device.peer_key, session);
	return ret;
}

int tunnel_disconnect(struct wgif_kernel *kernel, const struct tunnel *tunnel)
{
	const struct wgif_setup setup = { .replace_peers = true };
	struct session session;
	int ret;

	ret = read_interface(kernel, tunnel, tunnel->public_key, &session);
	if (ret == -ERR_ABSENT)
		return 0;
	return ret < 0 ? ret : wgif_set_device(kernel, &session.link, &setup);
}
