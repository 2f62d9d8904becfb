/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which keys may have an interface. */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdint.h>

#include "key.h"

struct config;

/*
 * Two lists, each a directory with a file for each key, whose name is the key as base64url.
 * What is in the files does not matter.
 */
struct access {
	const struct config *config;
	int allow, deny; /* descriptors, or -1 for no such list */
};

/* Opens the lists. Returns 0, or -ERR_CONFIG after it has logged why. */
int access_open(struct access *access, const struct config *config);

/*
 * Whether a key is permitted: it is on no list of those that are not, and on the list of those that
 * are, if there is one. Returns 0, -ERR_DENIED, or -ERR_CONFIG after it has logged why it could not
 * tell.
 */
int access_check(const struct access *access, const uint8_t key[static KEY_LEN]);

#endif
