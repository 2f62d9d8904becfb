// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One deadline for all that may block. When it has passed, a signal interrupts the blocking call.
 * It comes again every tenth of a second, because the first may come just before such a call. The
 * timers do not follow steps of the wall clock.
 *
 * Not all that blocks can be interrupted: libnl tries again after each EINTR, and a file system
 * whose server does not answer lets only a signal in that kills. So a second timer of the kernel
 * does.
 */
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"

enum {
	REPEAT_TIME = 100000, /* microseconds */
	GRACE_TIME = 10,      /* seconds after the deadline */
};

static volatile sig_atomic_t passed; /* whether it has */
static timer_t killer;
static bool has_killer;

static void on_alarm(int number)
{
	(void)number;
	passed = true;
}

static void end_killer(void)
{
	if (has_killer)
		timer_delete(killer);
	has_killer = false;
}

static void start_killer(unsigned int seconds)
{
	const struct itimerspec time = { .it_value.tv_sec = (time_t)seconds + GRACE_TIME };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };

	end_killer();
	has_killer = timer_create(CLOCK_MONOTONIC, &event, &killer) == 0;
	/* Should it fail, the deadline itself kills. */
	if (!has_killer || timer_settime(killer, 0, &time, NULL) < 0)
		signal(SIGALRM, SIG_DFL);
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

	passed = false;
	sigaction(SIGALRM, &action, NULL);
	unblock_alarm();
	start_killer(seconds);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void deadline_end(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
	end_killer();
}

bool deadline_passed(void)
{
	return passed;
}

void deadline_kill(unsigned int seconds)
{
	end_killer();
	signal(SIGALRM, SIG_DFL);
	unblock_alarm();
	alarm(seconds);
}
