/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of one network namespace take turns; the kernel ends the turn of one that dies. */
#ifndef TURN_H
#define TURN_H

#include <stdbool.h>

struct turn {
	bool is_first; /* nobody else had it */
	int fd;
};

/*
 * Takes the turn at once, or else waits for it, unless somebody of the same name waits already:
 * that one then has its turn after this call, and can do our work, too. Returns false in that case.
 * Nobody waits longer than five minutes; then the turn is taken whoever has it. End it with
 * turn_end().
 */
bool turn_take(struct turn *turn, const char *name);

/* The same, but it waits in any case, at most this many seconds. */
void turn_wait(struct turn *turn, unsigned int seconds);

void turn_end(struct turn *turn);

#endif
