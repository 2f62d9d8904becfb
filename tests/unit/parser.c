// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parser's process, with a parser of this test's own: what it says, and that it can do nothing
 * else, however it is made to try.
 */
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

#include "deadline.h"
#include "json.h"
#include "parser.h"
#include "unit.h"

/* What the parser is told to do, in place of a request. */
enum order {
	COUNT = 'a', /* give a key that tells how many orders have come; complete at the third */
	REFUSE_VERSION,
	REFUSE_KEY,
	REFUSE,
	SAY_ZERO,
	SAY_LOCKED,
	SAY_TWO,
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

struct request {
	int count;
};

struct request *request_new(void)
{
	return calloc(1, sizeof(struct request));
}

void request_free(struct request *request)
{
	free(request);
}

/* As much as json-c may need, in as many pieces. */
static int allocate(void)
{
	static char *pieces[1300];

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		pieces[i] = malloc(900);
		if (!pieces[i])
			return -ERR_KEY;
		memset(pieces[i], 1, 900);
	}
	return -ERR_VERSION;
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
		ret = syscall(SYS_fork);
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

int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	const enum order order = (enum order)data[0];
	char byte;

	memset(pubkey, 0, KEY_LEN);
	pubkey[1] = (uint8_t)len;
	switch (order) {
	case COUNT:
		pubkey[0] = (uint8_t)++request->count;
		return request->count < 3;
	case REFUSE_VERSION:
		return -ERR_VERSION;
	case REFUSE_KEY:
		return -ERR_KEY;
	case REFUSE:
		return -ERR_MALFORMED;
	case SAY_ZERO:
		memset(pubkey, 0, KEY_LEN);
		return 0;
	case SAY_LOCKED:
		return -ERR_LOCKED;
	case SAY_TWO:
		return 2;
	case ALLOCATE:
		return allocate();
	case LOOK_AT_FILES:
		/* Descriptor 0 is the socket; 1, 2 and those of the test are not there. */
		for (int fd = 1; fd < 100; fd++)
			if (write(fd, &byte, 0) == 0 || read(fd, &byte, 0) == 0)
				return -ERR_KEY;
		return -ERR_VERSION;
	default:
		misbehave(order);
		return -ERR_KEY;
	}
}

static const struct verdict_row {
	const char *name;
	enum order order;
	int want;
} verdicts[] = {
	{ "not our version", REFUSE_VERSION, -ERR_VERSION },
	{ "no key", REFUSE_KEY, -ERR_KEY },
	{ "malformed", REFUSE, -ERR_MALFORMED },
	{ "a key of zeros", SAY_ZERO, -ERR_KEY },
	{ "an error that it has no right to", SAY_LOCKED, -ERR_MALFORMED },
	{ "a number that means nothing", SAY_TWO, -ERR_MALFORMED },
	{ "it has memory", ALLOCATE, -ERR_VERSION },
	{ "it has no other descriptor", LOOK_AT_FILES, -ERR_VERSION },
};

static int give(struct parser *parser, enum order order, uint8_t pubkey[static KEY_LEN])
{
	const char text[] = { (char)order, 0 };

	return parser_feed(parser, text, sizeof(text), pubkey);
}

/* Whether the process has been waited for. */
static void check_end(struct parser *parser)
{
	const pid_t pid = parser->pid;

	parser_end(parser);
	if (pid > 0)
		unit_is_int("it is gone", kill(pid, 0), -1);
	unit_is_int("no child is left", waitpid(-1, NULL, WNOHANG), -1);
}

static void test_verdict(void **state)
{
	const struct verdict_row *row = *state;
	const int before = unit_count_fds();
	uint8_t pubkey[KEY_LEN];
	struct parser parser;

	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, row->order, pubkey), row->want);
	check_end(&parser);
	unit_is_text("log", unit_log(), "");
	unit_is_int("descriptors", unit_count_fds(), before);
}

/* It remembers what came before, and takes each part as it was sent. */
static void test_parts(void **state)
{
	char most[PARSER_CHUNK] = { COUNT };
	uint8_t pubkey[KEY_LEN];
	struct parser parser;

	(void)state;
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("the first", give(&parser, COUNT, pubkey), 1);
	unit_is_int("the second", parser_feed(&parser, most, sizeof(most), pubkey), 1);
	unit_is_int("the third", give(&parser, COUNT, pubkey), 0);
	unit_is_int("parts", pubkey[0], 3);
	unit_is_int("bytes of the last", pubkey[1], 2);
	check_end(&parser);
}

#define KILLED(signal) "3 the process that parses the request was killed by signal " signal "\n"

static const struct crime_row {
	const char *name;
	enum order order;
	const char *log;
} crimes[] = {
	{ "open", OPEN, KILLED("9 (Killed)") },
	{ "socket", SOCKET, KILLED("9 (Killed)") },
	{ "execve", EXECUTE, KILLED("9 (Killed)") },
	{ "sendto", SEND, KILLED("9 (Killed)") },
	{ "fork", FORK, KILLED("9 (Killed)") },
	{ "mmap", MAP, KILLED("9 (Killed)") },
	{ "kill", KILL, KILLED("9 (Killed)") },
	{ "listen", LISTEN, KILLED("9 (Killed)") },
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
	uint8_t pubkey[KEY_LEN];
	struct parser parser;

#ifdef UNCONFINED
	return;
#endif
	/* The one of cmocka would be killed for what it calls. */
	signal(SIGSEGV, SIG_DFL);
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, row->order, pubkey), -ERR_FAILURE);
	unit_is_text("log", unit_log(), row->log);
	check_end(&parser);
}

/* The same in a child of ours, in which the filter stays. */
static void test_crime_filtered(void **state)
{
	const struct crime_row *row = *state;
	const bool is_crash = row->order == CRASH;
	uint8_t pubkey[KEY_LEN];
	struct parser parser;
	int status = -1;
	pid_t pid;

#ifdef UNCONFINED
	return;
#endif
	signal(SIGSEGV, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		add_filter();
		if (parser_start(&parser) != 0 || give(&parser, row->order, pubkey) != -ERR_FAILURE)
			unit_exit(1);
		unit_exit(strcmp(unit_log(),
				 is_crash ? row->log : KILLED("31 (Bad system call)")) != 0);
	}
	waitpid(pid, &status, 0);
	unit_is_int("status", status, 0);
}

static void test_silence(void **state)
{
	uint8_t pubkey[KEY_LEN];
	struct parser parser;

	(void)state;
	deadline_set(1);
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, HANG, pubkey), -ERR_FAILURE);
	deadline_end();
	unit_is_text("log", unit_log(), "3 the process that parses the request does not answer\n");
	check_end(&parser);
}

/* One that hangs, and whoever started it is killed. */
static void test_orphan(void **state)
{
	pid_t *orphan = mmap(NULL, sizeof(*orphan), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t pubkey[KEY_LEN];
	struct parser parser;
	int status = 0;
	pid_t pid;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid == 0) {
		deadline_set(1);
		if (parser_start(&parser) == 0)
			(void)give(&parser, HANG, pubkey);
		*orphan = parser.pid;
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
	uint8_t pubkey[KEY_LEN];
	struct parser parser;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, REFUSE_VERSION, pubkey), -ERR_VERSION);
	check_end(&parser);
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	UNIT_TABLE(test_verdict, verdicts);
	unit_add("a request in parts", test_parts, NULL);
	UNIT_TABLE(test_crime, crimes);
	UNIT_TABLE(test_crime_filtered, crimes);
	unit_add("silence", test_silence, NULL);
	unit_add("an orphan", test_orphan, NULL);
	unit_add("nobody waits for children", test_ignored_children, NULL);
	return unit_run();
}
