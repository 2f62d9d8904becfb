// SPDX-License-Identifier: GPL-2.0-or-later
/* What is left to a process that has given up its privileges. Each test does so in a child. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/landlock.h>

#include "error.h"
#include "privileges.h"
#include "unit.h"

static char path[4096];
static int opened; /* before */

/* Of those below: whether it can be done. */

static int read_file(void)
{
	return open(path, O_RDONLY);
}

static int write_file(void)
{
	return open(path, O_WRONLY);
}

static int make_file(void)
{
	return open(unit_path("new"), O_WRONLY | O_CREAT, 0600);
}

static int truncate_file(void)
{
	return truncate(path, 0);
}

static int make_folder(void)
{
	return mkdir(unit_path("folder"), 0700);
}

static int remove_file(void)
{
	return unlink(path);
}

static int list_folder(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static int execute(void)
{
	char name[] = "/bin/true";
	char *const words[] = { name, NULL };

	return execve(name, words, NULL);
}

static int read_open_file(void)
{
	char byte;

	return pread(opened, &byte, 1, 0) == 1 ? 0 : -1;
}

static int connect_to_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", unit_path("socket"));
	return connect(fd, (const void *)&address, sizeof(address));
}

/* Whether the capabilities are CAP_NET_ADMIN, or none. */
static int count_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if ((sets[i].permitted | sets[i].effective | sets[i].inheritable) &
		    ~(i ? 0U : 1U << CAP_NET_ADMIN))
			return -1;
	return 0;
}

static int look_at_flag(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

static const struct row {
	const char *name;
	int (*act)(void);
	int want; /* an errno, of Landlock; or 0 */
} rows[] = {
	{ "no new privileges", look_at_flag, 0 },
	{ "no capability but one", count_capabilities, 0 },
	{ "a file cannot be read", read_file, EACCES },
	{ "nor written", write_file, EACCES },
	{ "nor made", make_file, EACCES },
	{ "nor removed", remove_file, EACCES },
	{ "no folder can be made", make_folder, EACCES },
	{ "nor listed", list_folder, EACCES },
	{ "no program can be run", execute, EACCES },
	{ "what was open can be read", read_open_file, 0 },
	{ "a Unix socket can be connected to", connect_to_socket, 0 },
};

static bool has_landlock(void)
{
#ifdef UNCONFINED
	return false;
#endif
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Landlock has this one since its version 3. */
static bool has_truncate(void)
{
	return has_landlock() &&
	       syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 3;
}

/* A file, and a socket that listens; returns its descriptor. */
static int prepare(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int ret;

	snprintf(path, sizeof(path), "%s", unit_file("text", 4, 0600));
	opened = open(path, O_RDONLY);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", unit_path("socket"));
	unlink(address.sun_path);
	ret = bind(listener, (const void *)&address, sizeof(address));
	if (ret == 0)
		ret = listen(listener, 10);
	unit_is_int("listens", ret, 0);
	return listener;
}

/* Does it in a child. Returns the errno, or 0. */
static int act(const struct row *row)
{
	const int listener = prepare();
	int status = 0;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (privileges_drop() != 0 || privileges_close_files() != 0)
			unit_exit(255);
		unit_exit(row->act() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	close(listener);
	close(opened);
	return WEXITSTATUS(status);
}

static void test_row(void **state)
{
	const struct row *row = *state;

	if (row->want == EACCES && !has_landlock())
		return;
	unit_is_int("errno", act(row), row->want);
	unit_is_text("log", unit_log(), "");
}

static void test_truncate(void **state)
{
	const struct row row = { "truncate", truncate_file, EACCES };

	(void)state;
	if (!has_truncate())
		return;
	unit_is_int("errno", act(&row), EACCES);
}

/* Once more is no mistake. */
static int drop_again(void)
{
	return privileges_drop() == 0 ? privileges_close_files() : -1;
}

static void test_twice(void **state)
{
	const struct row row = { "twice", drop_again, 0 };

	(void)state;
	unit_is_int("again", act(&row), 0);
}

int main(void)
{
	UNIT_TABLE(test_row, rows);
	unit_add("nor truncated", test_truncate, NULL);
	unit_add("given up twice", test_twice, NULL);
	return unit_run();
}
