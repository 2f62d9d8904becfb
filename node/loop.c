// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keeps a tunnel: does one run after the other, each in a process of its own, so that a run is the
 * same whoever starts it, and leaves nothing behind. Touches no interface itself.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "node/exit.h"
#include "node/gateway.h"
#include "node/loop.h"
#include "node/repeats.h"

/* Seconds from one run to the next, and at random up to half as many more. */
enum {
	LOOK_TIME = 60,	    /* from one look at a live session to the next */
	FIRST_PAUSE = 5,    /* after a failure; then twice that, and so on */
	LAST_PAUSE = 60,    /* but not more */
	REFUSED_TIME = 600, /* where all gateways refuse: that takes an operator's time */
};

/* What loop_run() waits with. */
struct loop {
	sigset_t signals, before; /* what is blocked, and what was before */
	bool is_over;
};

unsigned int loop_pause(int status, unsigned int failures)
{
	unsigned int pause = FIRST_PAUSE;

	if (status == EXIT_DONE)
		return LOOK_TIME;
	if (status == EXIT_REFUSED)
		return REFUSED_TIME;
	while (failures-- > 1 && pause < LAST_PAUSE)
		pause *= 2;
	return pause < LAST_PAUSE ? pause : LAST_PAUSE;
}

static bool is_final(int status)
{
	return status == EXIT_USAGE || status == EXIT_CONFIG;
}

/* Waits for the child's end. At a signal to end, passes that on first. Returns its exit status. */
static int wait_for_child(struct loop *loop, pid_t child)
{
	int signal, status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		signal = sigwaitinfo(&loop->signals, NULL);
		if (signal != SIGTERM && signal != SIGINT)
			continue;
		loop->is_over = true;
		kill(child, SIGTERM);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (!loop->is_over)
		log_line(LOG_WARNING, "a run was ended by signal %d", WTERMSIG(status));
	return EXIT_FAILED;
}

static int run_child(struct loop *loop, int (*run)(void *argument), void *argument)
{
	const pid_t child = fork();

	if (child < 0) {
		log_line(LOG_ERR, "unable to start a run: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &loop->before, NULL);
		exit(run(argument));
	}
	return wait_for_child(loop, child);
}

/* Waits until the next run, or for a signal to end. */
static void wait_for_next(struct loop *loop, size_t ms)
{
	const struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	sigset_t ends = loop->signals;
	int signal;

	sigdelset(&ends, SIGCHLD);
	do
		signal = sigtimedwait(&ends, NULL, &time);
	while (signal < 0 && errno == EINTR);
	if (signal > 0)
		loop->is_over = true;
}

int loop_run(unsigned int first_wait, int (*run)(void *argument), void *argument)
{
	struct loop loop = { .is_over = false };
	unsigned int failures = 0, pause;
	int status;

	/* Whoever started us may ignore it. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&loop.signals);
	sigaddset(&loop.signals, SIGTERM);
	sigaddset(&loop.signals, SIGINT);
	sigaddset(&loop.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &loop.signals, &loop.before);
	if (repeats_begin() < 0)
		return EXIT_FAILED;
	wait_for_next(&loop, gateway_random(first_wait * 1000U + 1));
	while (!loop.is_over) {
		status = run_child(&loop, run, argument);
		if (loop.is_over)
			break;
		if (is_final(status))
			return status;
		failures = status == EXIT_DONE ? 0 : failures + 1;
		repeats_next();
		pause = loop_pause(status, failures);
		wait_for_next(&loop, pause * 1000U + gateway_random(pause * 500U));
	}
	return EXIT_DONE;
}
