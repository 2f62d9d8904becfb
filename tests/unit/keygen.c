// SPDX-License-Identifier: GPL-2.0-or-later
/* Private keys that are made: the file, its mode, and what is never replaced. */
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "error.h"
#include "key.h"
#include "node/keygen.h"

/* The path of a name in the units' folder, in a buffer that stays. */
static const char *keep_path(char path[static PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s", unit_path(name));
	return path;
}

/* Checks that there is a whole key in a file of the right mode, and reads it. */
static void check_key(uint8_t key[static KEY_LEN], const char *path)
{
	struct stat file;

	unit_is_int("stat", stat(path, &file), 0);
	unit_is_int("mode", file.st_mode & 07777, 0600);
	unit_is_int("size", file.st_size, KEY_TEXT_LEN + 1);
	unit_is_int("read", key_read(key, path), 0);
	unit_is_int("clamped, first byte", key[0] & 7, 0);
	unit_is_int("clamped, last byte", key[KEY_LEN - 1] & 0xc0, 0x40);
}

static void check_failure(const char *path, const char *want_log)
{
	unit_is_int("keygen", keygen(path), -ERR_CONFIG);
	unit_is_text("log", unit_log(), want_log);
}

static void test_make(void **state)
{
	uint8_t first[KEY_LEN], second[KEY_LEN];
	char path[PATH_MAX];

	(void)state;
	keep_path(path, "made.key");
	unit_is_int("made", keygen(path), 0);
	check_key(first, path);
	unit_is_int("made again", keygen(path), 0);
	check_key(second, path);
	assert_memory_equal(first, second, KEY_LEN);

	unit_is_int("removed", remove(path), 0);
	unit_is_int("made anew", keygen(path), 0);
	check_key(second, path);
	if (memcmp(first, second, KEY_LEN) == 0)
		unit_is_text("a new key", "the same", "another");
	unit_is_text("log", unit_log(), "");
}

/* A run that was killed may leave its temporary file, of any mode and with anything in it. */
static void test_left_over(void **state)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	uint8_t key[KEY_LEN];
	FILE *file;

	(void)state;
	keep_path(path, "left.key");
	keep_path(temporary, "left.key.new");
	file = fopen(temporary, "w");
	assert_non_null(file);
	fputs("more than a key, and so it must be cut: 012345678901234567890123456789\n", file);
	fclose(file);
	unit_is_int("chmod", chmod(temporary, 0644), 0);
	unit_is_int("keygen", keygen(path), 0);
	check_key(key, path);
	unit_is_int("the temporary file is gone", access(temporary, F_OK), -1);
	unit_is_text("log", unit_log(), "");
}

/* Nobody can have the key written elsewhere, by a link in the temporary file's place. */
static void test_link(void **state)
{
	char path[PATH_MAX], temporary[PATH_MAX], want[2 * PATH_MAX];

	(void)state;
	keep_path(path, "linked.key");
	keep_path(temporary, "linked.key.new");
	unit_is_int("symlink", symlink("elsewhere", temporary), 0);
	snprintf(want, sizeof(want),
		 "3 unable to make the private key %s: Too many levels of symbolic links\n", path);
	check_failure(path, want);
	unit_is_int("nothing was written", access(unit_path("elsewhere"), F_OK), -1);
}

/* Whatever has the name stays as it is: reading it is what complains. */
static void test_existing(void **state)
{
	char path[PATH_MAX];
	struct stat file;

	(void)state;
	snprintf(path, sizeof(path), "%s", unit_file("not a key\n", 10, 0640));
	unit_is_int("keygen", keygen(path), 0);
	unit_is_int("stat", stat(path, &file), 0);
	unit_is_int("size", file.st_size, 10);
	unit_is_int("mode", file.st_mode & 07777, 0640);

	keep_path(path, "dangling");
	unit_is_int("symlink", symlink("nowhere", path), 0);
	unit_is_int("keygen of a dangling link", keygen(path), 0);
	unit_is_int("its target", access(unit_path("nowhere"), F_OK), -1);
	unit_is_int("lstat", lstat(path, &file), 0);
	unit_is_int("it is still a link", S_ISLNK(file.st_mode), true);
	unit_is_text("log", unit_log(), "");
}

static void test_folder(void **state)
{
	char path[PATH_MAX], want[2 * PATH_MAX];
	uint8_t key[KEY_LEN];
	struct stat file;
	mode_t mask;

	(void)state;
	keep_path(path, "folder/key");
	mask = umask(0);
	unit_is_int("keygen", keygen(path), 0);
	umask(mask);
	check_key(key, path);
	unit_is_int("stat of the folder", stat(unit_path("folder"), &file), 0);
	unit_is_int("others cannot write to it", file.st_mode & 022, 0);
	unit_is_text("log", unit_log(), "");

	/* One level only. */
	check_failure("/nonexistent/folder/key",
		      "3 unable to make the folder /nonexistent/folder/: "
		      "No such file or directory\n");

	keep_path(path, "folder/key/key");
	snprintf(want, sizeof(want), "3 unable to open the folder %s: Not a directory\n",
		 unit_path("folder/key/"));
	check_failure(path, want);
}

/* In the current folder, where the path names none. */
static void test_relative(void **state)
{
	const int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t key[KEY_LEN];

	(void)state;
	unit_is_int("chdir", chdir(unit_path("")), 0);
	unit_is_int("keygen", keygen("relative.key"), 0);
	check_key(key, "relative.key");
	unit_is_int("chdir back", fchdir(before), 0);
	close(before);
	unit_is_text("log", unit_log(), "");
}

static void test_bad_names(void **state)
{
	char path[2 * PATH_MAX], want[3 * PATH_MAX];
	size_t len;

	(void)state;
	check_failure("", "3 unable to make the private key : Is a directory\n");
	snprintf(path, sizeof(path), "%s/", unit_path("trailing"));
	snprintf(want, sizeof(want), "3 unable to make the private key %s: Is a directory\n", path);
	check_failure(path, want);
	unit_is_int("no folder was made", access(path, F_OK), -1);

	/* A name that is itself short enough, but not with ".new". */
	snprintf(path, sizeof(path), "%s", unit_path(""));
	len = strlen(path);
	memset(path + len, 'n', NAME_MAX);
	path[len + NAME_MAX] = '\0';
	snprintf(want, sizeof(want), "3 unable to make the private key %s: File name too long\n",
		 path);
	check_failure(path, want);

	/* Longer than any path; the log of the units cuts the reason off. */
	memset(path + len, '/', PATH_MAX);
	path[len + PATH_MAX - 1] = 'k';
	path[len + PATH_MAX] = '\0';
	unit_is_int("keygen", keygen(path), -ERR_CONFIG);
	assert_string_not_equal(unit_log(), "");
}

/* Of many at once one makes the key, and all the others find it whole. */
static void test_many(void **state)
{
	uint8_t key[KEY_LEN];
	char path[PATH_MAX];
	int status;

	(void)state;
	keep_path(path, "many/key");
	for (int i = 0; i < 16; i++) {
		const pid_t pid = fork();

		if (pid == 0)
			unit_exit(keygen(path) == 0 && key_read(key, path) == 0 ? 0 : 1);
		assert_true(pid > 0);
	}
	for (int i = 0; i < 16; i++) {
		assert_true(wait(&status) > 0);
		unit_is_int("status", status, 0);
	}
	check_key(key, path);
	unit_is_int("no temporary file", access(unit_path("many/key.new"), F_OK), -1);
}

/* Whoever has the folder locked is waited for. */
static void test_locked(void **state)
{
	char path[PATH_MAX], folder[PATH_MAX];
	int status, fd;
	pid_t pid;

	(void)state;
	keep_path(path, "locked/key");
	keep_path(folder, "locked");
	assert_int_equal(mkdir(folder, 0700), 0);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		close(fd);
		unit_exit(keygen(path) == 0 ? 0 : 1);
	}
	/* Long enough for a child that does not wait. */
	usleep(300000);
	unit_is_int("no key yet", access(path, F_OK), -1);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	close(fd);
	assert_true(waitpid(pid, &status, 0) == pid);
	unit_is_int("status", status, 0);
	unit_is_int("the key", access(path, F_OK), 0);
}

/* Once there is a key nobody is: others who can read the folder can lock it, too. */
static void test_locked_for_good(void **state)
{
	char path[PATH_MAX], folder[PATH_MAX];
	int status, fd;
	pid_t pid;

	(void)state;
	keep_path(path, "held/key");
	keep_path(folder, "held");
	unit_is_int("keygen", keygen(path), 0);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		alarm(5);
		unit_exit(keygen(path) == 0 ? 0 : 1);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	unit_is_int("status", status, 0);
	close(fd);
}

int main(void)
{
	unit_add("a key is made once", test_make, NULL);
	unit_add("what a killed run left", test_left_over, NULL);
	unit_add("a link in place of the temporary file", test_link, NULL);
	unit_add("what exists is kept", test_existing, NULL);
	unit_add("the folder", test_folder, NULL);
	unit_add("a path without a folder", test_relative, NULL);
	unit_add("bad names", test_bad_names, NULL);
	unit_add("many at once", test_many, NULL);
	unit_add("a folder that is locked", test_locked, NULL);
	unit_add("one that has a key", test_locked_for_good, NULL);
	return unit_run();
}
