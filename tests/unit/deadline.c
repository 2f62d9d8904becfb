// SPDX-License-Identifier: GPL-2.0-or-later
/* The deadline: it interrupts what blocks, again and again, until it ends. Takes some seconds. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "unit.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a byte that never comes. */
static void block(void)
{
	ssize_t len;
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	len = read(ends[0], &byte, 1);
	unit_is_int("read", len, -1);
	unit_is_int("errno", errno, EINTR);
	close(ends[0]);
	close(ends[1]);
}

/* On a busy machine more may have passed. */
static void check_ms(const char *what, int64_t start, int64_t least)
{
	const int64_t got = now_ms() - start;

	if (got < least)
		unit_is_int(what, got, least);
}

/* Whoever does not notice is killed: not before ten seconds, on a busy machine much later. */
static void test_grace(void **state)
{
	const int64_t start = now_ms();
	int status = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		deadline_set(1);
		for (;;)
			pause();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unit_is_int("killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
	check_ms("the grace", start, 11000);
}

static void test_deadline(void **state)
{
	const struct timespec while_after = { .tv_nsec = 300000000 };
	int64_t start;

	(void)state;
	deadline_set(3600);
	unit_is_int("passed at first", deadline_passed(), false);
	start = now_ms();
	deadline_set(1);
	block();
	check_ms("the first wait", start, 1000);
	unit_is_int("passed", deadline_passed(), true);
	block();
	deadline_end();
	unit_is_int("no signal comes after the end", nanosleep(&while_after, NULL), 0);
	unit_is_int("it has still passed", deadline_passed(), true);
	deadline_set(3600);
	unit_is_int("the next one has not", deadline_passed(), false);
	deadline_end();
}

int main(void)
{
	unit_add("a deadline", test_deadline, NULL);
	unit_add("the grace after it", test_grace, NULL);
	return unit_run();
}
