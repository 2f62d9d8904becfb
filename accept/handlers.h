/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handlers that run. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include <stdbool.h>

#include "endpoint.h"

enum { HANDLERS_MAX = 16384 };

/* What came of a try to start a handler. */
struct start {
	enum {
		START_DONE,	 /* it has a connection */
		START_IDLE,	 /* there was no connection any more */
		START_REFUSED,	 /* its source has too many: the connection is closed */
		START_NO_ACCEPT, /* the connection waits in the kernel's queue */
		START_NO_FORK,	 /* so it does here */
		START_NO_EXEC,	 /* the connection is closed */
	} result;
	int error;	     /* of errno(3), with the last three */
	union endpoint peer; /* who has connected */
};

/*
 * To be called once. The command is a path with its arguments. Its stderr is ours; or as inetd has
 * it, the connection, so that a handler logs to syslog.
 */
void handlers_open(char **command, unsigned int max_per_source, bool as_inetd);

/*
 * Starts a handler for the next connection of the listening socket, which is stdin and does not
 * block. The caller sees to it that there are no more than HANDLERS_MAX. The answer is valid until
 * the next call.
 */
const struct start *handlers_start(void);

/* How many run. */
unsigned int handlers_count(void);

/* Forgets those that have ended. Reports those that a signal has killed. */
void handlers_reap(void);

#endif
