/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many interfaces a source may have that never had a handshake. The kernel counts: each has an
 * altname with the source's tag and a number, which it gives back after its first handshake.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdint.h>
#include <netinet/in.h>

struct config;
struct wgif_kernel;
struct wgif_link;

struct quota {
	struct wgif_kernel *kernel;
	const struct config *config;
	/* Stands for the source where everyone may read it: only the gateway knows for which. */
	uint64_t tag;
	unsigned int number; /* of the next interface; 0 if nothing is counted */
};

/*
 * Looks whether the source, of endpoint_source(), has anything left, as far as it can be told by
 * one look. One that is zero, or 127.0.0.0/8, is not counted. key_file is that of the private key,
 * which the tag is made with. Returns 0, -ERR_QUOTA, or -ERR_CONFIG or -ERR_FAILURE after it has
 * logged why.
 */
int quota_open(struct quota *quota, struct wgif_kernel *kernel, const struct config *config,
	       int key_file, const struct in6_addr *source);

/*
 * Finds the source's next number. If it is 1, none of its interfaces waits under that number.
 * Returns 0, -ERR_QUOTA or -ERR_FAILURE. The lock is held, here and below.
 */
int quota_take(struct quota *quota);

/* Gives an interface the name that it is counted by. Returns 0, -ERR_EXISTS or -ERR_FAILURE. */
int quota_count(const struct quota *quota, const struct wgif_link *link);

/* Takes such a name off, whosever it is. Returns 0 or -ERR_FAILURE. */
int quota_give_back(struct wgif_kernel *kernel, const struct config *config,
		    const struct wgif_link *link);

#endif
