// SPDX-License-Identifier: GPL-2.0-or-later
/* A confined process: what it says, and that it can do nothing else, however it is made to try. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "confined.h"
#include "deadline.h"
#include "error.h"
#include "unit.h"

/* What it is told to do. */
enum order {
	COUNT = 'a', /* tell how many orders have come, and how many bytes the last one has */
	ALLOCATE,
	OPEN,
	SOCKET,
	EXECUTE,
	SEND,
	FORK,
	MAP,
	KILL,
	LISTEN,
	CRASH,
	HANG,
	LOOK_AT_FILES,
};

struct said {
	int count;
	size_t len;
	bool good;
};

/* As much as json-c may need, in as many pieces. */
static bool allocate(void)
{
	static char *pieces[1300];

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		pieces[i] = malloc(900);
		if (!pieces[i])
			return false;
		memset(pieces[i], 1, 900);
	}
	return true;
}

static volatile char *volatile nowhere;

/* Each of these ends the process if it is confined. */
static void misbehave(enum order order)
{
	static char *const nothing[] = { NULL };
	char path[] = "/bin/true";
	long ret = 0;

	if (order == OPEN)
		ret = open("/etc/passwd", O_RDONLY);
	else if (order == SOCKET)
		ret = socket(AF_UNIX, SOCK_STREAM, 0);
	else if (order == EXECUTE)
		ret = execve(path, nothing, nothing);
	else if (order == SEND)
		ret = send(STDIN_FILENO, "", 1, 0);
	else if (order == FORK)
		ret = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	else if (order == MAP)
		ret = (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else if (order == KILL)
		ret = kill(getppid(), 0);
	else if (order == LISTEN)
		ret = listen(STDIN_FILENO, 1);
	else if (order == CRASH)
		*nowhere = 1;
	(void)ret;
	/* Only the other process's deadline ends this. */
	for (volatile bool hangs = order == HANG; hangs;)
		nowhere = NULL;
}

/* Whether descriptor 0 is the only one: 1, 2 and those of the test are not there. */
static bool has_one_file(void)
{
	char byte = 0;

	for (int fd = 1; fd < 100; fd++)
		if (write(fd, &byte, 0) == 0 || read(fd, &byte, 0) == 0)
			return false;
	return true;
}

static void obey(void *state, const char *question, size_t len, void *answer)
{
	const enum order order = (enum order)question[0];
	struct said *said = answer;
	int *count = state;

	*said = (struct said){ .count = ++*count, .len = len };
	if (order == ALLOCATE)
		said->good = allocate();
	else if (order == LOOK_AT_FILES)
		said->good = has_one_file();
	else if (order != COUNT)
		misbehave(order);
}

static int start(struct confined *child)
{
	static int count;

	count = 0;
	return confined_start(child, "obeys", obey, &count, sizeof(struct said));
}

static int give(struct confined *child, enum order order, struct said *said)
{
	const char text[] = { (char)order, 0 };

	return confined_ask(child, text, sizeof(text), said);
}

/* Whether the process has been waited for. */
static void check_end(struct confined *child)
{
	const pid_t pid = child->pid;

	confined_end(child);
	if (pid > 0)
		unit_is_int("it is gone", kill(pid, 0), -1);
	unit_is_int("no child is left", waitpid(-1, NULL, WNOHANG), -1);
}

/* Whether it ends by itself when nobody asks any more. */
static bool ends(struct confined *child)
{
	int status = -1;

	close(child->fd);
	child->fd = -1;
	waitpid(child->pid, &status, 0);
	child->pid = -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const struct row {
	const char *name;
	enum order order;
} rows[] = {
	{ "it has memory", ALLOCATE },
	{ "it has no other descriptor", LOOK_AT_FILES },
};

static void test_good(void **state)
{
	const struct row *row = *state;
	const int before = unit_count_fds();
	struct said said = { .good = false };
	struct confined child;

	unit_is_int("start", start(&child), 0);
	unit_is_int("answered", give(&child, row->order, &said), 0);
	unit_is_int("good", said.good, true);
	check_end(&child);
	unit_is_text("log", unit_log(), "");
	unit_is_int("descriptors", unit_count_fds(), before);
}

/* It remembers what came before, and takes each part as it was sent. */
static void test_parts(void **state)
{
	char most[CONFINED_QUESTION] = { COUNT };
	struct confined child;
	struct said said;

	(void)state;
	unit_is_int("start", start(&child), 0);
	unit_is_int("the first", give(&child, COUNT, &said), 0);
	unit_is_int("the second", confined_ask(&child, most, sizeof(most), &said), 0);
	unit_is_int("bytes of the second", (long long)said.len, CONFINED_QUESTION);
	unit_is_int("the third", give(&child, COUNT, &said), 0);
	unit_is_int("parts", said.count, 3);
	unit_is_int("bytes of the third", (long long)said.len, 2);
	unit_is_int("it ends", ends(&child), true);
	check_end(&child);
}

/* There was no memory for its state. */
static void test_no_state(void **state)
{
	struct confined child;

	(void)state;
	unit_is_int("start", confined_start(&child, "obeys", obey, NULL, sizeof(struct said)),
		    -ERR_FAILURE);
	unit_is_text("log", unit_log(),
		     "3 unable to start a process that obeys: Cannot allocate memory\n");
	check_end(&child);
}

#define KILLED(signal) "3 the process that obeys was killed by signal " signal "\n"
#define KILLED_BY_FILTER KILLED("31 (Bad system call)")
/* The strict mode is for glibc alone. */
#ifdef __GLIBC__
#define STOPPED KILLED("9 (Killed)")
#else
#define STOPPED KILLED_BY_FILTER
#endif

static const struct crime_row {
	const char *name;
	enum order order;
	const char *log;
} crimes[] = {
	{ "open", OPEN, STOPPED },
	{ "socket", SOCKET, STOPPED },
	{ "execve", EXECUTE, STOPPED },
	{ "sendto", SEND, STOPPED },
	{ "fork", FORK, STOPPED },
#ifdef __GLIBC__
	{ "mmap", MAP, STOPPED },
#endif
	{ "kill", KILL, STOPPED },
	{ "listen", LISTEN, STOPPED },
	{ "a crash", CRASH, KILLED("11 (Segmentation fault)") },
};

/* As systemd does: the strict mode cannot be had any more, and our filter has to do. */
static void add_filter(void)
{
	static struct sock_filter rules[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	static const struct sock_fprog filter = { ARRAY_SIZE(rules), rules };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

static void test_crime(void **state)
{
	const struct crime_row *row = *state;
	struct said said;
	struct confined child;

#ifdef UNCONFINED
	return;
#endif
	/* The one of cmocka would be killed for what it calls. */
	signal(SIGSEGV, SIG_DFL);
	unit_is_int("start", start(&child), 0);
	unit_is_int("answered", give(&child, row->order, &said), -ERR_FAILURE);
	unit_is_text("log", unit_log(), row->log);
	check_end(&child);
}

/* In a child of ours, in which the filter stays. */
static void test_filtered(void **state)
{
	struct confined child;
	struct said said;
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		add_filter();
		unit_exit(start(&child) != 0 || give(&child, COUNT, &said) != 0 || !ends(&child));
	}
	waitpid(pid, &status, 0);
	unit_is_int("status", status, 0);
}

static void test_crime_filtered(void **state)
{
	const struct crime_row *row = *state;
	const bool is_crash = row->order == CRASH;
	struct said said;
	struct confined child;
	int status = -1;
	pid_t pid;

#ifdef UNCONFINED
	return;
#endif
	signal(SIGSEGV, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		add_filter();
		if (start(&child) != 0 || give(&child, row->order, &said) != -ERR_FAILURE)
			unit_exit(1);
		unit_exit(strcmp(unit_log(), is_crash ? row->log : KILLED_BY_FILTER) != 0);
	}
	waitpid(pid, &status, 0);
	unit_is_int("status", status, 0);
}

/* It has gone before it is asked. */
static void test_gone(void **state)
{
	struct confined child;
	struct said said;
	siginfo_t info;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	unit_is_int("start", start(&child), 0);
	kill(child.pid, SIGKILL);
	unit_is_int("it has gone", waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	unit_is_int("answered", give(&child, COUNT, &said), -ERR_FAILURE);
	unit_is_text("log", unit_log(), KILLED("9 (Killed)"));
	check_end(&child);
}

static void test_silence(void **state)
{
	struct said said;
	struct confined child;

	(void)state;
	deadline_set(1);
	unit_is_int("start", start(&child), 0);
	unit_is_int("answered", give(&child, HANG, &said), -ERR_FAILURE);
	deadline_end();
	unit_is_text("log", unit_log(), "3 the process that obeys does not answer\n");
	check_end(&child);
}

/* One that hangs, and whoever started it is killed. */
static void test_orphan(void **state)
{
	pid_t *orphan = mmap(NULL, sizeof(*orphan), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct said said;
	struct confined child;
	int status = 0;
	pid_t pid;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid == 0) {
		deadline_set(1);
		if (start(&child) == 0)
			(void)give(&child, HANG, &said);
		*orphan = child.pid;
		raise(SIGKILL);
	}
	waitpid(pid, NULL, 0);
	unit_is_int("it is a child of ours now", waitpid(*orphan, &status, 0), *orphan);
	unit_is_int("and was killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, true);
	munmap(orphan, sizeof(*orphan));
}

/* Whoever ignores SIGCHLD has no children to wait for. */
static void test_ignored_children(void **state)
{
	struct said said;
	struct confined child;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	unit_is_int("start", start(&child), 0);
	unit_is_int("answered", give(&child, COUNT, &said), 0);
	check_end(&child);
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	UNIT_TABLE(test_good, rows);
	unit_add("in parts", test_parts, NULL);
	unit_add("no state", test_no_state, NULL);
	UNIT_TABLE(test_crime, crimes);
	unit_add("in a filter", test_filtered, NULL);
	UNIT_TABLE(test_crime_filtered, crimes);
	unit_add("gone", test_gone, NULL);
	unit_add("silence", test_silence, NULL);
	unit_add("an orphan", test_orphan, NULL);
	unit_add("nobody waits for children", test_ignored_children, NULL);
	return unit_run();
}
