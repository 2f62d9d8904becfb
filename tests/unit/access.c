// SPDX-License-Identifier: GPL-2.0-or-later
/* Which keys are permitted, by lists that are real directories. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "config.h"
#include "error.h"
#include "unit.h"

enum { KEY = 0xff }; /* each byte of the key */

static const char key_name[] = "__________________________________________8=";
static struct config config;
static char allow[256], deny[256];

/* Makes a list, with the key in it or another one. */
static void make_list(char path[static 256], const char *name, const char *key)
{
	char file[512];
	int ret, fd;

	snprintf(path, 256, "%s", unit_path(name));
	ret = mkdir(path, 0755);
	assert_int_equal(ret, 0);
	snprintf(file, sizeof(file), "%s/%s", path, key);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_list(const char *path, const char *key)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/%s", path, key);
	unlink(file);
	rmdir(path);
}

static const struct row {
	const char *name;
	const char *allow, *deny; /* the key in the list; NULL for no list */
	int want;
} rows[] = {
	{ "no lists", NULL, NULL, 0 },
	{ "permitted", key_name, NULL, 0 },
	{ "others are permitted", "other", NULL, -ERR_DENIED },
	{ "denied", NULL, key_name, -ERR_DENIED },
	{ "others are denied", NULL, "other", 0 },
	{ "both", key_name, key_name, -ERR_DENIED },
	{ "permitted, and others are denied", key_name, "other", 0 },
	{ "on neither", "other", "other", -ERR_DENIED },
	{ "denied, and others are permitted", "other", key_name, -ERR_DENIED },
};

static void test_check(void **state)
{
	const struct row *row = *state;
	const int before = unit_count_fds();
	uint8_t key[KEY_LEN];
	struct access access;

	memset(key, KEY, sizeof(key));
	allow[0] = deny[0] = '\0';
	if (row->allow)
		make_list(allow, "allow", row->allow);
	if (row->deny)
		make_list(deny, "deny", row->deny);
	unit_is_int("open", access_open(&access, &config), 0);
	unit_is_int("check", access_check(&access, key), row->want);
	unit_is_text("log", unit_log(), "");
	unit_is_int("descriptors", unit_count_fds() - before, !!row->allow + !!row->deny);
	close(access.allow);
	close(access.deny);
	remove_list(allow, row->allow ? row->allow : "");
	remove_list(deny, row->deny ? row->deny : "");
}

/* What cannot be opened lets nobody in. */
static void test_no_list(void **state)
{
	struct access access;

	snprintf(*state ? allow : deny, sizeof(allow), "/nowhere/keys");
	snprintf(*state ? deny : allow, sizeof(deny), "%s", "");
	unit_is_int("open", access_open(&access, &config), -ERR_CONFIG);
	unit_is_text("log", unit_log(),
		     "3 unable to look up keys in /nowhere/keys: No such file or directory\n");
}

static void test_file(void **state)
{
	struct access access;

	(void)state;
	snprintf(allow, sizeof(allow), "%s", "/dev/null");
	deny[0] = '\0';
	unit_is_int("open", access_open(&access, &config), -ERR_CONFIG);
	unit_is_text("log", unit_log(), "3 unable to look up keys in /dev/null: Not a directory\n");
}

/* Nor does what cannot be looked at: a descriptor that is none stands for it. */
static void test_unreadable(void **state)
{
	struct access access = { .config = &config, .allow = -1, .deny = -1 };
	uint8_t key[KEY_LEN] = { 0 };

	*(*state ? &access.allow : &access.deny) = 1000;
	snprintf(allow, sizeof(allow), "/keys");
	snprintf(deny, sizeof(deny), "/keys");
	unit_is_int("check", access_check(&access, key), -ERR_CONFIG);
	unit_is_text("log", unit_log(), "3 unable to look up keys in /keys: Bad file descriptor\n");
}

int main(void)
{
	config = (struct config){ .allow_keys = allow, .deny_keys = deny };
	UNIT_TABLE(test_check, rows);
	unit_add("no list to allow", test_no_list, &config);
	unit_add("no list to deny", test_no_list, NULL);
	unit_add("a list that is a file", test_file, NULL);
	unit_add("an unreadable list to allow", test_unreadable, &config);
	unit_add("an unreadable list to deny", test_unreadable, NULL);
	return unit_run();
}
