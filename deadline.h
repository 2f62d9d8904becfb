/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One deadline for all that may block. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>

/*
 * After so many seconds a call that blocks is interrupted (EINTR), and any further one, until
 * deadline_end(). deadline_passed() tells whether the time has come. A process that has not ended
 * it ten seconds later is killed by SIGKILL, even in the midst of a call that goes on.
 */
void deadline_set(unsigned int seconds);
void deadline_end(void);
bool deadline_passed(void);

/* After so many seconds the process is killed by SIGALRM, unless it ends before. */
void deadline_kill(unsigned int seconds);

#endif
