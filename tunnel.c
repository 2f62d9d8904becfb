// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A node's interface. As on the gateway the kernel is the only memory: the group tells that the
 * interface is ours, and a note in its alias (see note.c) how old its handshake is, whatever
 * happens to the wall clock; and at a node that happens.
 *
 * The steps are in such an order, each of them one message to the kernel, that whoever dies
 * between two of them leaves what the next run completes. Never cuts a live session, and never
 * touches an interface that is not ours.
 */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "tunnel.h"
#include "wgif.h"

enum { KEEPALIVE = 25 }; /* seconds: what NATs and gateways expect of a node */

/* Reads an Ethernet address, or asks the kernel for that of an interface. */
static int read_mac(uint8_t mac[static 6], const char *text)
{
	struct ifreq request = { .ifr_ifindex = 0 };
	int fd, ret, len = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &len) == 6 &&
	    !text[len])
		return 0;
	if (strlen(text) >= sizeof(request.ifr_name))
		return -1;
	memcpy(request.ifr_name, text, strlen(text));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	ret = ioctl(fd, SIOCGIFHWADDR, &request);
	close(fd);
	if (ret < 0 || request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -1;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

int tunnel_choose_address(struct tunnel *tunnel, const char *address, const char *mac)
{
	static const uint8_t link_local[8] = { 0xfe, 0x80 };
	uint8_t *bytes = tunnel->address.s6_addr, m[6];

	if (address) {
		if (inet_pton(AF_INET6, address, bytes) == 1 &&
		    memcmp(bytes, link_local, sizeof(link_local)) == 0)
			return 0;
		log_line(LOG_ERR, "%s is not an address in fe80::/64", address);
		return -ERR_CONFIG;
	}
	memcpy(bytes, link_local, sizeof(link_local));
	if (!mac) {
		memcpy(bytes + 8, tunnel->public_key, 8);
		/* The bit that means "given by a manufacturer", see RFC 4291, appendix A. */
		bytes[8] &= (uint8_t)~2;
		return 0;
	}
	if (read_mac(m, mac) < 0) {
		log_line(LOG_ERR, "%s is no MAC address, nor an Ethernet interface", mac);
		return -ERR_CONFIG;
	}
	memcpy(bytes + 8, (const uint8_t[]){ m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] },
	       8);
	return 0;
}

/* Finds the interface. Returns 0, -ERR_ABSENT, or an error after it has logged why. */
static int find(struct wgif_kernel *kernel, const struct tunnel *tunnel, struct wgif *wgif)
{
	int ret = wgif_find(kernel, tunnel->ifname, wgif);

	if (ret < 0 || (wgif->wireguard && wgif->group == TUNNEL_GROUP))
		return ret;
	log_line(LOG_ERR, "%s is not an interface of ours: name another one with -i", wgif->name);
	return -ERR_EXISTS;
}

int tunnel_is_live(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN])
{
	const struct moment now = moment_now();
	struct wgif_device device;
	struct note note;
	struct wgif wgif;
	int64_t age;
	int ret;

	ret = find(kernel, tunnel, &wgif);
	if (ret == 0)
		ret = wgif_get_device(kernel, wgif.index, peer_key, &device);
	if (ret != 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	if (!wgif.up || !device.has_peer ||
	    memcmp(device.public_key, tunnel->public_key, KEY_LEN) != 0)
		return 0;
	note_parse(&note, wgif.alias);
	note_look(&note, device.handshake, now);
	age = note_age(&note, now);
	return age >= 0 && age < PEER_LIVE_TIME;
}

/* Writes down how old the handshake is; that of a new session is yet to come. */
static int write_note(struct wgif_kernel *kernel, const struct wgif *wgif,
		      const uint8_t peer_key[static KEY_LEN], bool anew,
		      char alias[static NOTE_SIZE])
{
	const struct moment now = moment_now();
	struct wgif_device device;
	struct note note;
	int ret;

	ret = wgif_get_device(kernel, wgif->index, peer_key, &device);
	if (ret < 0)
		return ret;
	if (!device.has_peer) {
		log_line(LOG_ERR, "unable to add the peer to %s: the kernel left it out",
			 wgif->name);
		return -ERR_FAILURE;
	}
	note_parse(&note, wgif->alias);
	if (anew)
		note = (struct note){ .asked = now.boot, .looked = now.boot };
	note_look(&note, device.handshake, now);
	note_format(alias, &note);
	return 0;
}

/* Finds the interface, or makes it. Returns 1 if it made it, 0 if not, or an error. */
static int find_or_create(struct wgif_kernel *kernel, const struct tunnel *tunnel,
			  struct wgif *wgif)
{
	unsigned int index;
	int ret, created = 0;

	ret = find(kernel, tunnel, wgif);
	if (ret == -ERR_ABSENT) {
		/* Another run may be faster; then we go on with what it made. */
		ret = wgif_create(kernel, tunnel->ifname, TUNNEL_GROUP, tunnel->mtu, &index);
		created = ret == 0;
		if (ret == 0 || ret == -ERR_EXISTS)
			ret = find(kernel, tunnel, wgif);
	}
	return ret < 0 ? ret : created;
}

int tunnel_furnish(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint)
{
	const struct wgif_setup setup = {
		.private_key = tunnel->private_key,
		.peer_key = peer_key,
		.endpoint = endpoint,
		.keepalive = KEEPALIVE,
		.alone = endpoint != NULL,
	};
	char alias[NOTE_SIZE];
	struct wgif wgif;
	int ret, created;

	created = find_or_create(kernel, tunnel, &wgif);
	if (created < 0)
		return created;
	ret = wgif_set_device(kernel, wgif.index, &setup);
	if (ret == 0)
		ret = wgif_add_address(kernel, wgif.index, &tunnel->address);
	if (ret == 0)
		ret = wgif_drop_other_addresses(kernel, wgif.index, &tunnel->address);
	if (ret == 0)
		ret = write_note(kernel, &wgif, peer_key, endpoint != NULL, alias);
	if (ret == 0)
		ret = wgif_set_up(kernel, wgif.index, tunnel->mtu, alias);
	if (ret == -ERR_BUSY)
		log_line(LOG_ERR, "unable to bring up %s: its UDP port is taken", wgif.name);
	return ret < 0 ? ret : created;
}
