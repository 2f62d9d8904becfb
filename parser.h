/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses a request in a process of its own, which can do nothing else. */
#ifndef PARSER_H
#define PARSER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "key.h"

struct parser {
	pid_t pid;
	int fd;
};

/*
 * Starts the process. It gets a copy of all that this one has in memory: so call it before secrets
 * are read. Returns 0, or -ERR_FAILURE after it has logged why. parser_end() is needed either way.
 */
int parser_start(struct parser *parser);

/*
 * Has the next bytes of a request parsed, PARSER_CHUNK of them at most. Returns what request_feed()
 * does, or -ERR_FAILURE after it has logged why: if the process died, or did not answer until the
 * deadline. Whatever it was made to do, 0 comes with a key that is not all zero.
 */
enum { PARSER_CHUNK = 1024 };
int parser_feed(struct parser *parser, const char *data, size_t len,
		uint8_t pubkey[static KEY_LEN]);

/* Ends the process. */
void parser_end(struct parser *parser);

#endif
