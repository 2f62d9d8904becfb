/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses a request in a confined process. */
#ifndef PARSER_H
#define PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "confined.h"
#include "key.h"

/*
 * Starts the process, see confined_start(). Returns 0, or -ERR_FAILURE after it has logged why.
 * confined_end() is needed either way.
 */
int parser_start(struct confined *parser);

/*
 * Has the next bytes of a request parsed, PARSER_CHUNK of them at most. Returns what request_feed()
 * does, or -ERR_FAILURE after it has logged why: if the process died, or did not answer until the
 * deadline. Whatever it was made to do, 0 comes with a key that is not all zero.
 */
enum { PARSER_CHUNK = 1024 };
int parser_feed(struct confined *parser, const char *data, size_t len,
		uint8_t pubkey[static KEY_LEN]);

#endif
