// SPDX-License-Identifier: GPL-2.0-or-later
/* Changing a list of keys, a real directory. */
#include <sys/stat.h>
#include <unistd.h>

#include "admin/lists.h"
#include "error.h"
#include "unit.h"

static char path[256], file[512];
static uint8_t key[KEY_LEN];

static void begin(void)
{
	memset(key, 0xff, sizeof(key));
	snprintf(path, sizeof(path), "%s", unit_path("list"));
	snprintf(file, sizeof(file), "%s/%s", path, "__________________________________________8=");
	(void)mkdir(path, 0755);
	(void)unlink(file);
}

static bool is_there(void)
{
	return access(file, F_OK) == 0;
}

static void test_change(void **state)
{
	const int before = unit_count_fds();

	(void)state;
	begin();
	unit_is_int("off, and not on it", list_change("X", path, key, true), 0);
	unit_is_int("on", list_change("X", path, key, false), 0);
	unit_is_int("is on", is_there(), true);
	unit_is_int("once more", list_change("X", path, key, false), 0);
	unit_is_int("is still on", is_there(), true);
	unit_is_int("off", list_change("X", path, key, true), 0);
	unit_is_int("is off", is_there(), false);
	unit_is_int("descriptors", unit_count_fds(), before);
	unit_is_text("log", unit_log(), "");
	rmdir(path);
}

static void test_no_list(void **state)
{
	(void)state;
	begin();
	rmdir(path);
	unit_is_int("none is set", list_change("X", "", key, false), -ERR_CONFIG);
	unit_is_text("log", unit_log(),
		     "3 there is no such list: set X, and make that directory\n");
	unit_is_int("none is there", list_change("X", "/nowhere", key, false), -ERR_CONFIG);
	unit_is_text("log", unit_log(),
		     "3 unable to change the list of keys /nowhere: No such file or directory\n");
}

/* Somebody has made a directory in place of the file, or a link. */
static void test_not_a_file(void **state)
{
	char want[512];

	(void)state;
	begin();
	(void)mkdir(file, 0755);
	unit_is_int("on", list_change("X", path, key, false), -ERR_CONFIG);
	snprintf(want, sizeof(want), "3 unable to change the list of keys %s: Is a directory\n",
		 path);
	unit_is_text("log", unit_log(), want);
	unit_is_int("off", list_change("X", path, key, true), -ERR_CONFIG);
	unit_is_text("log", unit_log(), want);
	rmdir(file);
	assert_int_equal(symlink("/nowhere/else", file), 0);
	unit_is_int("over a link", list_change("X", path, key, false), -ERR_CONFIG);
	snprintf(want, sizeof(want),
		 "3 unable to change the list of keys %s: Too many levels of symbolic links\n",
		 path);
	unit_is_text("log", unit_log(), want);
	unlink(file);
	rmdir(path);
}

int main(void)
{
	unit_add("on and off", test_change, NULL);
	unit_add("no list", test_no_list, NULL);
	unit_add("not a file", test_not_a_file, NULL);
	return unit_run();
}
