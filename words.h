/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a peer is told of: its state, times, sizes and endpoint, as text. */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>
#include <net/if.h>
#include <netinet/in.h>

#include "endpoint.h"
#include "session.h"

enum {
	WORDS_SIZE = 32,
	WORDS_ENDPOINT_SIZE = INET6_ADDRSTRLEN + IFNAMSIZ + 10,
};

/* One word. */
const char *words_state(enum session_state state);

/* Writes how many seconds ago something was, or "never" if they are negative. Returns the text. */
const char *words_age(char text[static WORDS_SIZE], int64_t seconds);

/* Writes a number of bytes in binary units, as ip and wg do. Returns the text. */
const char *words_bytes(char text[static WORDS_SIZE], uint64_t bytes);

/* Writes an endpoint as wg does, or nothing if there is none. */
void words_endpoint(char text[static WORDS_ENDPOINT_SIZE], const union endpoint *endpoint);

#endif
