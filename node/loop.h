/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run after run, for those who have a supervisor and no timer. */
#ifndef LOOP_H
#define LOOP_H

/*
 * How many seconds to wait at least after a run with this exit status, which was the nth failure in
 * a row if it was one. Pure.
 */
unsigned int loop_pause(int status, unsigned int failures);

/*
 * Waits at random, up to so many seconds. Then calls run(argument) in one child after the other,
 * which exits with what that returns. Returns 0 after SIGTERM or SIGINT, which end the child, too;
 * or the exit code of a run after which nothing but another configuration helps.
 */
int loop_run(unsigned int first_wait, int (*run)(void *argument), void *argument);

#endif
