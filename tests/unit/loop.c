// SPDX-License-Identifier: GPL-2.0-or-later
/* Run after run: how long it waits, what ends it, and what is not logged again. */
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "error.h"
#include "log.h"
#include "node/exit.h"
#include "node/loop.h"
#include "node/repeats.h"

static const struct pause_row {
	const char *name;
	int status;
	unsigned int failures, want;
} pauses[] = {
	{ "a live session", EXIT_DONE, 0, 60 },
	{ "refused", EXIT_REFUSED, 1, 600 },
	{ "refused again", EXIT_REFUSED, 9, 600 },
	{ "no answer", EXIT_UNREACHABLE, 1, 5 },
	{ "full", EXIT_FULL, 1, 5 },
	{ "the second failure", EXIT_UNREACHABLE, 2, 10 },
	{ "the fourth", EXIT_FAILED, 4, 40 },
	{ "the fifth", EXIT_NONSENSE, 5, 60 },
	{ "after weeks", EXIT_UNREACHABLE, 4294967295, 60 },
};

static void test_pause(void **state)
{
	const struct pause_row *row = *state;

	unit_is_int("seconds", loop_pause(row->status, row->failures), row->want);
}

static int end_with(void *argument)
{
	const int *status = argument;

	unit_exit(*status);
}

/* These would have to be repeated for ever. */
static void test_final(void **state)
{
	int status = EXIT_CONFIG;

	(void)state;
	unit_is_int("no private key", loop_run(0, end_with, &status), EXIT_CONFIG);
	status = EXIT_USAGE;
	unit_is_int("misuse", loop_run(0, end_with, &status), EXIT_USAGE);
	unit_is_text("log", unit_log(), "");
}

static void test_repeats(void **state)
{
	(void)state;
	unit_is_int("begin", repeats_begin(), 0);
	log_line(LOG_ERR, "one");
	log_line(LOG_ERR, "one");
	log_line(LOG_INFO, "two");
	unit_is_text("at first all", unit_log(), "3 one\n3 one\n6 two\n");
	repeats_next();
	log_line(LOG_INFO, "two");
	log_line(LOG_INFO, "three");
	log_line(LOG_ERR, "one");
	unit_is_text("then what is new", unit_log(), "6 three\n");
	repeats_next();
	log_line(LOG_INFO, "three");
	unit_is_text("nothing", unit_log(), "");
	repeats_next();
	log_line(LOG_ERR, "one");
	unit_is_text("what was not said meanwhile", unit_log(), "3 one\n");
	log_filter(NULL);
}

/* A run is a process of its own. */
static void test_processes(void **state)
{
	pid_t child;

	(void)state;
	unit_is_int("begin", repeats_begin(), 0);
	child = fork();
	if (child == 0) {
		log_line(LOG_ERR, "one");
		unit_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	repeats_next();
	log_line(LOG_ERR, "one");
	unit_is_text("of another process", unit_log(), "");
	log_filter(NULL);
}

/* More lines than are remembered: the others are said again. */
static void test_many(void **state)
{
	int said = 0;

	(void)state;
	unit_is_int("begin", repeats_begin(), 0);
	for (int run = 0; run < 2; run++) {
		for (int i = 0; i < 520; i++) {
			log_line(LOG_INFO, "%d", i);
			said += unit_log()[0] != '\0';
		}
		repeats_next();
	}
	unit_is_int("lines", said, 520 + 8);
	log_filter(NULL);
}

int main(void)
{
	UNIT_TABLE(test_pause, pauses);
	unit_add("what ends it", test_final, NULL);
	unit_add("what is not logged again", test_repeats, NULL);
	unit_add("what another process has logged", test_processes, NULL);
	unit_add("more lines than fit", test_many, NULL);
	return unit_run();
}
