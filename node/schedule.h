/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a run begins, and when it ends. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

/* Waits as long as chance says, up to so many seconds: nodes do not all come at the same moment. */
void schedule_wait(unsigned int seconds);

/*
 * Sets *end to the clock_ms() of the end of a run of so many seconds, or far away for 0. The name
 * service knows no deadline: SIGTERM ends a run that is still waiting for it two seconds later.
 * Returns 0, or -1 after it has logged why.
 */
int schedule_set_end(unsigned int seconds, int64_t *end);

/*
 * Only one run at a time works with a private key: locks its file, which the kernel ends with the
 * process. Waits for another run, but not beyond the clock_ms() of the end. Returns 0 or the exit
 * code, after it has logged why.
 */
int schedule_lock(const char *key_path, int64_t end);

#endif
