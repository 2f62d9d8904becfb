// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One deadline for all that may block. When it has come, a signal interrupts the call that blocks,
 * and again and again thereafter, so that none can slip in between a look at the flag and the
 * signal. The timer does not follow steps of the wall clock.
 */
#include <signal.h>
#include <sys/time.h>

#include "broker.h"

enum { AGAIN = 100000 }; /* microseconds */

static volatile sig_atomic_t passed;

static void on_alarm(int signal)
{
	(void)signal;
	passed = 1;
}

void deadline_set(unsigned int seconds)
{
	const struct itimerval timer = { .it_value.tv_sec = (time_t)seconds,
					 .it_interval.tv_usec = AGAIN };
	const struct sigaction action = { .sa_handler = on_alarm };

	passed = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void deadline_end(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

bool deadline_passed(void)
{
	return passed;
}
