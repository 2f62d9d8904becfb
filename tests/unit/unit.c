// SPDX-License-Identifier: GPL-2.0-or-later
/* What the units share. See unit.h. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

enum { MAX_TESTS = 1024 };

struct entry {
	char *name;
	CMUnitTestFunction function;
	const void *row;
};

static struct entry entries[MAX_TESTS];
static size_t count_entries;
static const char *current; /* name of the test that runs */
static char folder[] = "/tmp/wg-broker-unit.XXXXXX";

void unit_add(const char *name, CMUnitTestFunction function, const void *row)
{
	char *copy = strdup(name);

	if (count_entries == MAX_TESTS || !copy)
		abort();
	entries[count_entries++] = (struct entry){ copy, function, row };
}

void unit_add_rows(const char *function_name, CMUnitTestFunction function, const void *rows,
		   size_t count, size_t size)
{
	const char *row = rows;
	char name[256];

	for (size_t i = 0; i < count; i++, row += size) {
		snprintf(name, sizeof(name), "%s: %s", function_name, *(const char *const *)row);
		unit_add(name, function, row);
	}
}

static void dispatch(void **state)
{
	const struct entry *entry = *state;

	current = entry->name;
	*state = (void *)(uintptr_t)entry->row;
	entry->function(state);
}

static void remove_folder(void)
{
	char command[sizeof(folder) + 8];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		abort();
}

int unit_run(void)
{
	static struct CMUnitTest tests[MAX_TESTS];
	int failures;

	/* No setting of whoever runs the tests is to reach them. */
	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	if (!mkdtemp(folder))
		abort();
	for (size_t i = 0; i < count_entries; i++)
		tests[i] = (struct CMUnitTest){
			.name = entries[i].name,
			.test_func = dispatch,
			.initial_state = &entries[i],
		};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failures = _cmocka_run_group_tests("units", tests, count_entries, NULL, NULL);
	remove_folder();
	for (size_t i = 0; i < count_entries; i++)
		free(entries[i].name);
	return failures != 0;
}

/* On stderr, where prove(1) shows it. */
void unit_is_int(const char *what, long long got, long long want)
{
	if (got == want)
		return;
	fprintf(stderr, "# %s\n# %s\n#     got: %lld\n#    want: %lld\n", current, what, got, want);
	fail();
}

void unit_is_text(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return;
	fprintf(stderr, "# %s\n# %s\n#     got: %s\n#    want: %s\n", current, what, got, want);
	fail();
}

const char *unit_path(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

const char *unit_file(const char *text, size_t len, mode_t mode)
{
	const char *path = unit_path("file");
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fchmod(fd, mode) < 0)
		fail();
	close(fd);
	return path;
}
