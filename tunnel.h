/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's own interface, towards the gateway that accepted it. */
#ifndef TUNNEL_H
#define TUNNEL_H

#include "broker.h"

/*
 * The group of the interfaces that are ours, so that no other program's is ever touched. Another
 * than that of a gateway's interfaces: a gateway may be another gateway's node.
 */
enum { TUNNEL_GROUP = 40001 };

struct wgif_kernel;

/* How the interface is to be. */
struct tunnel {
	const char *ifname;
	unsigned int mtu; /* bytes */
	struct in6_addr address;
	uint8_t private_key[KEY_LEN];
	uint8_t public_key[KEY_LEN];
};

/*
 * Sets the interface's own address: the one given; else from mac, an Ethernet address or the name
 * of an interface that has one, as EUI-64; else, if both are NULL, from the public key. That one
 * is random enough, the same after every reboot and at every gateway, and tells nobody more than
 * the key does. Returns 0, or -ERR_CONFIG after it has logged why.
 */
int tunnel_choose_address(struct tunnel *tunnel, const char *address, const char *mac);

/*
 * Whether there is the interface with a live session with this peer, so that nobody has to be
 * asked. Returns 1 or 0, or a negative error after it has logged why: -ERR_EXISTS if there is an
 * interface of that name that is not ours.
 */
int tunnel_is_live(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN]);

/*
 * Brings the interface, whatever there is of it, to the wanted state. With an endpoint it gets this
 * peer and no other, and a new session; with NULL its peer, which has a live one, stays. Every step
 * may be done again. Returns 1 if it made the interface, 0 if that was there, or a negative error
 * after it has logged why.
 */
int tunnel_furnish(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint);

#endif
