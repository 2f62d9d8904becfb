/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slot is a number from 1 on that stands for an interface's name, its UDP port and its address.
 * Pure: nothing here asks the kernel.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>
#include <netinet/in.h>

#include "key.h"

struct config;

enum {
	SLOT_END = 65536, /* one more than the highest slot */
	SLOT_MARKER_SIZE = IFNAMSIZ + 32,
};

/* The slot of an interface by its name, or 0 if it is not a name of ours; and the reverse. */
unsigned int slot_from_ifname(const struct config *config, const char *ifname);
void slot_ifname(char ifname[static IFNAMSIZ], const struct config *config, unsigned int slot);

/* The UDP port of a slot, or 0 if the slot is beyond the limit. */
unsigned int slot_port(const struct config *config, unsigned int slot);

/* fe80::<slot> */
struct in6_addr slot_address(unsigned int slot);

/*
 * The altname that an interface of ours bears after a walk over all the slots was in vain, so
 * that the next one is spared; its note tells when that was. Whoever deletes interfaces takes it
 * away. Another number of slots makes another marker.
 */
void slot_marker(char marker[static SLOT_MARKER_SIZE], const struct config *config);

/*
 * The altname that an interface of ours bears whose note has the limit that was last found to hold:
 * no interface was in a slot beyond it.
 */
void slot_limit_marker(char marker[static SLOT_MARKER_SIZE], const struct config *config);

/*
 * The altname that an interface of ours bears until its first handshake, so that it counts for the
 * source that asked for it; the number is from 1 to the source's quota. tag stands for the source.
 */
void slot_pending_name(char name[static SLOT_MARKER_SIZE], const struct config *config,
		       uint64_t tag, unsigned int number);
bool slot_is_pending_name(const struct config *config, const char *name);

/*
 * A key's own order of so many slots: a node that comes back tends to get the port it had, and on
 * an almost full gateway a free slot is found in few steps. slot_next() gives each slot once, and
 * then 0.
 */
struct slot_walk {
	unsigned int slots, step;
	uint32_t start, stride;
};

void slot_begin(struct slot_walk *walk, unsigned int slots, const uint8_t key[static KEY_LEN]);
unsigned int slot_next(struct slot_walk *walk);

#endif
