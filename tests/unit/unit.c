// SPDX-License-Identifier: GPL-2.0-or-later
/* What the units share. See unit.h. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <locale.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

enum {
	MAX_TESTS = 1024,
	MAX_FDS = 256,
	TIME_LIMIT = 300, /* seconds for all, so that a test that hangs fails */
};

struct entry {
	char *name;
	CMUnitTestFunction function;
	const void *row;
};

static struct entry entries[MAX_TESTS];
static size_t count_entries;
static const char *current; /* name of the test that runs */
static char captured[16384];
static int usual_stdout;
static char folder[] = "/tmp/wg-broker-unit.XXXXXX";

void unit_add(const char *name, CMUnitTestFunction function, const void *row)
{
	struct entry *entry = &entries[count_entries++];

	if (count_entries > MAX_TESTS)
		abort();
	*entry = (struct entry){ strdup(name), function, row };
	if (!entry->name)
		abort();
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
	*state = (void *)entry->row;
	entry->function(state);
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
	(void)file;
	(void)type;
	(void)where;
	return remove(path);
}

int unit_run(void)
{
	static struct CMUnitTest tests[MAX_TESTS];
	int failures, ret;

	/* The tests must not depend on the settings of whoever runs them. */
	clearenv();
	alarm(TIME_LIMIT);
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
	ret = nftw(folder, remove_one, 10, FTW_DEPTH | FTW_PHYS);
	if (ret != 0)
		abort();
	for (size_t i = 0; i < count_entries; i++)
		free(entries[i].name);
	return failures != 0;
}

#ifdef UNIT_GCOV
void __gcov_dump(void);
#endif

void unit_exit(int status)
{
#ifdef UNIT_GCOV
	__gcov_dump();
#endif
	_exit(status);
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
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

void unit_capture(void)
{
	const int fd = memfd_create("captured", MFD_CLOEXEC);

	fflush(stdout);
	usual_stdout = dup(STDOUT_FILENO);
	if (usual_stdout < 0 || dup2(fd, STDOUT_FILENO) < 0)
		abort();
	close(fd);
}

const char *unit_captured(void)
{
	ssize_t len;

	fflush(stdout);
	len = pread(STDOUT_FILENO, captured, sizeof(captured) - 1, 0);
	if (len < 0 || dup2(usual_stdout, STDOUT_FILENO) < 0)
		abort();
	close(usual_stdout);
	captured[len] = 0;
	return captured;
}

#ifndef __GLIBC__
/* The tests expect glibc's words, which are others in musl. */
char *strerror(int error)
{
	static const struct words {
		int error;
		char words[40];
	} all[] = {
		{ EIO, "Input/output error" },
		{ ENOMEM, "Cannot allocate memory" },
		{ EMFILE, "Too many open files" },
		{ ERANGE, "Numerical result out of range" },
		{ ELOOP, "Too many levels of symbolic links" },
		{ ENAMETOOLONG, "File name too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].error == error)
			return (char *)all[i].words;
	return strerror_l(error, newlocale(LC_ALL_MASK, "C", (locale_t)0));
}
#endif

int unit_count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < MAX_FDS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}
