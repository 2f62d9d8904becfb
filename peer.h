/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a node's key to its interface. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>
#include <netinet/in.h>

#include "key.h"

struct config;
struct session;
struct wgif_kernel;

/* A node's request, as far as it matters here. */
struct peer_request {
	uint8_t pubkey[KEY_LEN];
	struct in6_addr source; /* whom it counts for, see endpoint_source(); zero for nobody */
	/* Whether the operator permits it, unless it is NULL. Returns 0 or a negative error. */
	int (*permit)(void *argument);
	void *argument;
};

/* What a node's request came to. */
enum peer_result {
	PEER_NEW,     /* the interface was made */
	PEER_RENEWED, /* it was there, and its peer was set up anew */
	PEER_KNOWN,   /* it was there, and nothing was changed */
	PEER_TAKEN,   /* it was another's, which never had a handshake */
};

struct peer {
	char ifname[IFNAMSIZ];
	unsigned int port; /* UDP */
	enum peer_result result;
};

/*
 * Gives the node with this key its interface: the one that it has, or a new one. It asks for
 * permission if it is to make or renew one: not for a live session. key_file is the private key's,
 * of key_open(), and the lock; a negative one is what became of that. Returns 0 with peer filled
 * in; -ERR_FULL; -ERR_QUOTA if the source has as many interfaces without a handshake as it may;
 * -ERR_KEY if the key is the gateway's own; what permit() returned; or, after it has logged why,
 * -ERR_CONFIG, -ERR_LOCKED or -ERR_FAILURE. It may wait for the lock; a signal that is caught ends
 * that wait.
 */
int peer_admit(struct wgif_kernel *kernel, const struct config *config, int key_file,
	       const struct peer_request *request, struct peer *peer);

/*
 * Takes an interface's key off, so that no request finds it any more. With may_stay it gives it
 * back if there has been a handshake since the session was read: a handler may have seen that one
 * and answered. Returns 1 if it is off, 0 if it is back, or a negative error. The lock is held.
 */
int peer_release(struct wgif_kernel *kernel, const struct config *config,
		 const struct session *session, bool may_stay);

/*
 * Waits until no other process makes, renews or removes interfaces; peer_unlock() ends that.
 * Returns 0, or, after it has logged why, -ERR_LOCKED: if a signal came first.
 */
int peer_lock(const struct config *config, int key_file);
void peer_unlock(int key_file);

#endif
