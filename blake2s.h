/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BLAKE2s of RFC 7693, as far as it is used here: with a key, of a few bytes. Pure. */
#ifndef BLAKE2S_H
#define BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

#include "key.h"

enum {
	BLAKE2S_BLOCK = 64, /* bytes */
	BLAKE2S_TAG = 8,    /* bytes of the hash */
};

/* Hashes at least one byte, and no more than BLAKE2S_BLOCK. What it keeps of the key is wiped. */
void blake2s_tag(uint8_t tag[static BLAKE2S_TAG], const uint8_t key[static KEY_LEN],
		 const void *data, size_t len);

#endif
