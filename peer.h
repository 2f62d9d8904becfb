/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a node's key to its interface. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <net/if.h>

#include "key.h"

struct config;
struct wgif_kernel;

/* What a node's request came to. */
enum peer_result {
	PEER_NEW,     /* the interface was made */
	PEER_RENEWED, /* it was there, and its peer was set up anew */
	PEER_KNOWN,   /* it was there, and nothing was changed */
};

struct peer {
	char ifname[IFNAMSIZ];
	unsigned int port; /* UDP */
	enum peer_result result;
};

/*
 * Gives the node with this key its interface: the one that it has, or a new one. key_file is the
 * private key's, of key_open(), and the lock; a negative one is what became of that. Returns 0 with
 * peer filled in; -ERR_FULL; -ERR_KEY if the key is the gateway's own; or, after it has logged
 * why, -ERR_CONFIG, -ERR_LOCKED or -ERR_FAILURE. It may wait for the lock; a signal that is
 * caught ends that wait.
 */
int peer_admit(struct wgif_kernel *kernel, const struct config *config, int key_file,
	       const uint8_t pubkey[static KEY_LEN], struct peer *peer);

/*
 * Waits until no other process makes, renews or removes interfaces; peer_unlock() ends that.
 * Returns 0, or, after it has logged why, -ERR_LOCKED: if a signal came first.
 */
int peer_lock(const struct config *config, int key_file);
void peer_unlock(int key_file);

/* A slot has become free: requests may walk over them again. The lock is held. */
int peer_clear_marker(struct wgif_kernel *kernel, const struct config *config);

#endif
