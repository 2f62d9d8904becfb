/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that works on untrusted bytes, and can do nothing else. */
#ifndef CONFINED_H
#define CONFINED_H

#include <stddef.h>
#include <sys/types.h>

enum {
	CONFINED_QUESTION = 4096, /* bytes of a question at most */
	CONFINED_ANSWER = 64,
};

/* What it does with a question: fills in the answer. The state is its own, from start to end. */
typedef void confined_work(void *state, const char *question, size_t len, void *answer);

struct confined {
	const char *task;
	size_t answer_size;
	pid_t pid;
	int fd;
};

/*
 * Starts the process. The task is what it does, for the log: "parses the request". It gets a copy
 * of all that this process has in memory: so call this while there are no secrets in it. Returns 0,
 * or -ERR_FAILURE after it has logged why, which may be that there was no memory for the state:
 * NULL. confined_end() is needed either way.
 */
int confined_start(struct confined *child, const char *task, confined_work *work, void *state,
		   size_t answer_size);

/*
 * Has a question answered. Whatever is in the answer may be a lie. Returns 0, or -ERR_FAILURE after
 * it has logged why: if the process died, or did not answer until the deadline of deadline.h.
 */
int confined_ask(struct confined *child, const char *question, size_t len, void *answer);

/* Ends the process. */
void confined_end(struct confined *child);

#endif
