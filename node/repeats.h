/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs that follow each other, and log only what the one before did not. */
#ifndef REPEATS_H
#define REPEATS_H

/*
 * From here on lines of the log that were said in the run before are left out: in this process, and
 * in those that it makes. Returns 0, or -1 after it has logged why.
 */
int repeats_begin(void);

/* The next run begins. */
void repeats_next(void);

#endif
