// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One deadline for all that may block. When it has passed, a signal interrupts the blocking call.
 * It comes again every tenth of a second, because the first may come just before such a call. The
 * timer does not follow steps of the wall clock.
 */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "deadline.h"

enum {
	REPEAT_TIME = 100000, /* microseconds */
	/*
	 * So many later whoever has not noticed is killed: a library may try again after each
	 * EINTR, as libnl does.
	 */
	GRACE_REPEATS = 100,
};

static volatile sig_atomic_t passed; /* how often the signal came */

static void on_alarm(int number)
{
	passed++;
	if (passed > GRACE_REPEATS)
		signal(number, SIG_DFL);
}

/* Whoever started us may have blocked it. */
static void unblock_alarm(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

void deadline_set(unsigned int seconds)
{
	const struct itimerval timer = { .it_value.tv_sec = (time_t)seconds,
					 .it_interval.tv_usec = REPEAT_TIME };
	const struct sigaction action = { .sa_handler = on_alarm };

	passed = 0;
	sigaction(SIGALRM, &action, NULL);
	unblock_alarm();
	setitimer(ITIMER_REAL, &timer, NULL);
}

void deadline_end(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

bool deadline_passed(void)
{
	return passed > 0;
}

void deadline_kill(unsigned int seconds)
{
	signal(SIGALRM, SIG_DFL);
	unblock_alarm();
	alarm(seconds);
}
