/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's own interface, towards the gateway that accepted it. */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "key.h"

/*
 * Our interfaces belong to this group, so that we never touch another program's. A gateway's
 * interfaces have another one, since a gateway may be a node of another gateway.
 */
enum { TUNNEL_GROUP = 40001 };

/* Seconds to wait for a handshake: the kernel tries one at once, and again after five. */
enum { TUNNEL_HANDSHAKE_TIME = 10 };

struct session;
struct wgif_kernel;
union endpoint;

/* What the interface should be like. */
struct tunnel {
	const char *ifname;
	unsigned int mtu; /* bytes */
	uint32_t mark;	  /* firewall mark of the packets to the gateway; 0 is none */
	bool ipv4, ipv6;  /* what may pass through it: one or both */
	struct in6_addr address;
	uint8_t private_key[KEY_LEN];
	uint8_t public_key[KEY_LEN];
};

/*
 * Sets the interface's own address. Takes the one given, if it is not NULL; else makes an EUI-64
 * of mac, an Ethernet address or the name of an interface that has one; else, if both are NULL,
 * takes 64 bits of the public key. Those are random enough, stay the same after every reboot and at
 * every gateway, and reveal no more than the key does. Returns 0; -ERR_CONFIG; or -ERR_ABSENT if
 * there is no such interface, which may come later; after it has logged why.
 */
int tunnel_choose_address(struct tunnel *tunnel, const char *address, const char *mac);

/*
 * Whether the interface has a live session with this peer. Reads it into session, but the link only
 * if session->link.index is 0. Returns 1 or 0; -ERR_ABSENT if there is no interface; or, after it
 * has logged why, -ERR_FOREIGN if an interface of that name is not ours, or -ERR_FAILURE.
 */
int tunnel_is_live(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], struct session *session);

/*
 * Changes what differs from the tunnel on an interface whose session is live, as tunnel_is_live()
 * read it, and nothing else. The session goes on; the private key is not needed. Returns 0, or a
 * negative error after it has logged why.
 */
int tunnel_refresh(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		   const uint8_t peer_key[static KEY_LEN], const struct session *session);

/*
 * Configures the interface for a new session with this peer at this endpoint, and no other peer.
 * Makes it first if it is missing. Remembers that the endpoint's address failed, until there is a
 * handshake. May be repeated after any failure. Returns 1 if it made the interface, 0 if there was
 * one, or a negative error after it has logged why.
 */
int tunnel_configure(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		     const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint);

/*
 * Waits until the clock_ms() of the deadline for the first handshake with that peer, and then
 * forgets that the address failed. Returns whether there was one, or a negative error after it has
 * logged why.
 */
int tunnel_wait(struct wgif_kernel *kernel, const struct tunnel *tunnel,
		const uint8_t peer_key[static KEY_LEN], const union endpoint *endpoint,
		int64_t deadline);

/*
 * Reads the interface with the only peer that it has, whichever that is. Returns 0, or the same
 * negative errors as tunnel_is_live().
 */
int tunnel_read(struct wgif_kernel *kernel, const struct tunnel *tunnel, struct session *session);

/* Removes the peer; the interface stays. Returns 0, or a negative error likewise. */
int tunnel_disconnect(struct wgif_kernel *kernel, const struct tunnel *tunnel);

/*
 * The addresses of gateways that failed within the last hour, as the interface's note has them: a
 * set of bits, to which an address belongs with the one that is its own. Two addresses may have the
 * same: this only tells which one to ask last.
 */
int64_t tunnel_failed(const struct session *session);
int64_t tunnel_address_bit(const union endpoint *endpoint);

#endif
