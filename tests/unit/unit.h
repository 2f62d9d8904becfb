/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the units share: tables whose rows are tests, files that go away, and a log that is kept. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A text with its length, which may have NUL bytes in it. */
struct bytes {
	const char *text;
	size_t len;
};

#define BYTES(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/* Adds a test. Its function finds the row in *state. */
void unit_add(const char *name, CMUnitTestFunction function, const void *row);

/* Adds a test for each row of a table; a row's first member is its name. */
#define UNIT_TABLE(function, table)                                                                \
	unit_add_rows(#function, function, table, ARRAY_SIZE(table), sizeof((table)[0]))
void unit_add_rows(const char *function_name, CMUnitTestFunction function, const void *rows,
		   size_t count, size_t size);

/* Runs what was added, writes TAP, and returns what main is to return. */
int unit_run(void);

/* Ends a child of a test at once; but what it reached of the code still counts, see coverage. */
void unit_exit(int status) __attribute__((noreturn));

/* Fail the test with what was got and what was wanted. */
void unit_is_int(const char *what, long long got, long long want);
void unit_is_text(const char *what, const char *got, const char *want);

/* Writes a file in a folder that goes away at the end. The path is valid until the next call. */
const char *unit_file(const char *text, size_t len, mode_t mode);

/* The path of a name in that folder, valid until the next call. */
const char *unit_path(const char *name);

/* How many descriptors are open: it tells whether one was left so. */
int unit_count_fds(void);

/* Between these two, what is printed on stdout is kept; unit_captured() returns it. */
void unit_capture(void);
const char *unit_captured(void);

/* What was logged since the last call, one "PRIORITY TEXT\n" a line. Of log-kept.c. */
const char *unit_log(void);

#endif
