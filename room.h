/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a new interface may be made, without a look at all of them for each request: who has
 * looked leaves a marker for the next ones, an altname of one of the interfaces, whose note tells
 * what was found. Whoever removes interfaces takes the marker of a full gateway away.
 */
#ifndef ROOM_H
#define ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct wgif_kernel;
struct wgif_link;

/* What the marker of a full gateway tells, or would. */
enum room {
	ROOM_UNKNOWN, /* there may be a free slot */
	ROOM_TAKEN,   /* all slots were taken, but some interface may give way now */
	ROOM_NONE,    /* all slots are taken for a while, or there are none */
};

/* All interfaces, of session_list_links(), and the one of them that is about to change. */
struct room_list {
	const struct wgif_link *links;
	int count;
	unsigned int except; /* its index, or 0 */
};

/* The functions return -ERR_FAILURE after they have logged why. */

/* Returns a value of enum room, or -ERR_FAILURE. */
int room_look(struct wgif_kernel *kernel, const struct config *config);

/*
 * Whether there may be one interface more. After an operator has lowered the limit there are some
 * in slots beyond it: then a free slot is no room. An interface with the index except is about to
 * change, and so bears no marker, here and below. Returns 1, 0 or -ERR_FAILURE. The lock is held.
 */
int room_is_within_limit(struct wgif_kernel *kernel, const struct config *config,
			 unsigned int except);

/*
 * How full it is, in percent, by some slots that are chosen at random: it costs the same however
 * many there are. Interfaces beyond a limit that was lowered count. 100 if new nodes are refused.
 */
int room_usage(struct wgif_kernel *kernel, const struct config *config);

/*
 * Leaves word that all slots are taken, and until which second of the boot clock none can be had.
 * The lock is held.
 */
void room_mark_full(struct wgif_kernel *kernel, const struct config *config,
		    const struct room_list *list, int64_t until);

/* A slot has become free: requests may walk over them again. Returns 0 or -ERR_FAILURE. */
int room_clear_marker(struct wgif_kernel *kernel, const struct config *config);

enum {
	/*
	 * Seconds for which it counts that all slots are taken. For an operator's `ip link delete`
	 * nobody clears the marker.
	 */
	ROOM_FULL_TIME = 30,
	/*
	 * Seconds that an interface has for its first handshake while no slot is free. A node tries
	 * as soon as it has its reply, and then every five seconds.
	 */
	ROOM_GRACE_TIME = 30,
};

/* An interface that, by its note, never had a handshake. */
struct candidate {
	int64_t since; /* boot clock */
	const struct wgif_link *link;
};

/*
 * Finds the candidates, the oldest first, but not the one that is about to change. There is room
 * for all. Returns how many.
 */
int room_find_candidates(struct candidate *candidates, const struct room_list *list);

#endif
