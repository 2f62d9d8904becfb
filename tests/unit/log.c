// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log itself, in child processes with their descriptors as supervisors arrange them. The C
 * library's calls to syslog are caught here.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "unit.h"

#include "broker.h"

/* Where the child writes what it hands to syslog(3). */
static int caught = -1;

void openlog(const char *ident, int option, int facility)
{
	dprintf(caught, "open %s %d %d\n", ident, option == LOG_PID, facility == LOG_DAEMON);
}

__attribute__((format(printf, 2, 0))) static void catch_line(int priority, const char *format,
							     va_list arguments)
{
	dprintf(caught, "<%d>", priority);
	vdprintf(caught, format, arguments);
	dprintf(caught, "\n");
}

void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	catch_line(priority, format, arguments);
	va_end(arguments);
}

/* What the C library's headers make of syslog() where _FORTIFY_SOURCE is on. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)flag;
	va_start(arguments, format);
	catch_line(priority, format, arguments);
	va_end(arguments);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#define SYSLOG "open broker 1 1\n<3>a line with 7 and %s\n"
#define PLAIN "broker: a line with 7 and %s\n"

/* Where a descriptor of the child leads. */
enum place { PEER, OPERATOR, TERMINAL, NOWHERE };

static const struct row {
	const char *name;
	enum place input, output, error;
	bool served;
	const char *to_peer, *to_operator, *to_syslog;
} rows[] = {
	{ "stderr is a file", PEER, PEER, OPERATOR, true, "", PLAIN, "" },
	{ "stderr is the peer", PEER, PEER, PEER, true, "", "", SYSLOG },
	{ "stderr is the peer, stdin is not", NOWHERE, PEER, PEER, true, "", "", SYSLOG },
	{ "stderr is the peer, stdout is not", PEER, NOWHERE, PEER, true, "", "", SYSLOG },
	{ "stderr is closed", PEER, PEER, NOWHERE, true, "", "", SYSLOG },
	{ "all are closed", NOWHERE, NOWHERE, NOWHERE, true, "", "", SYSLOG },
	{ "a terminal is both", TERMINAL, TERMINAL, TERMINAL, true, "",
	  "broker: a line with 7 and %s\r\n", "" },
	{ "one file for all, and no peer", OPERATOR, OPERATOR, OPERATOR, false, "", PLAIN, "" },
};

static void place(int target, enum place where, const int places[])
{
	if (where == NOWHERE)
		close(target);
	else
		dup2(places[where], target);
}

static void run_child(const struct row *row, const int places[])
{
	for (int fd = 0; fd < 3; fd++)
		place(fd, fd == 0 ? row->input : fd == 1 ? row->output : row->error, places);
	log_open("broker", row->served);
	log_line(LOG_ERR, "a line with %d and %s", 7, "%s");
	_exit(0);
}

/* Reads what has come, without waiting. */
static const char *take(int fd)
{
	static char text[8192];
	ssize_t len;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	len = read(fd, text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void test_place(void **state)
{
	const struct row *row = *state;
	int peer[2], operator[2], system[2], master, slave, status;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, peer), 0);
	assert_int_equal(pipe(operator), 0);
	assert_int_equal(pipe(system), 0);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		caught = fcntl(system[1], F_DUPFD, 10);
		run_child(row, (const int[]){ peer[1], operator[1], slave });
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	unit_is_int("status", status, 0);
	unit_is_text("to the peer", take(peer[0]), row->to_peer);
	unit_is_text("to the operator", take(row->error == TERMINAL ? master : operator[0]),
		     row->to_operator);
	unit_is_text("to syslog", take(system[0]), row->to_syslog);
	for (int i = 0; i < 2; i++) {
		close(peer[i]);
		close(operator[i]);
		close(system[i]);
	}
	close(master);
	close(slave);
}

/* Logs one line in a child to a file, and returns what is in the file then. */
static const char *logged(const char *stream, const char *text)
{
	const char *path = unit_file("", 0, 0600);
	static char content[4096];
	struct stat file;
	int fd, status;
	pid_t child;
	char name[64];

	fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(fd, STDERR_FILENO);
		fstat(fd, &file);
		snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)file.st_dev,
			 (unsigned long long)file.st_ino + (*stream == '+'));
		if (*stream)
			setenv("JOURNAL_STREAM", *stream == '!' ? stream + 1 : name, 1);
		log_open("broker", true);
		log_line(LOG_NOTICE, "%s", text);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	unit_is_int("status", status, 0);
	memset(content, 0, sizeof(content));
	assert_true(pread(fd, content, sizeof(content) - 1, 0) >= 0);
	close(fd);
	return content;
}

static void test_journal(void **state)
{
	(void)state;
	unit_is_text("no journal", logged("", "a"), "broker: a\n");
	unit_is_text("the journal's stream", logged("=", "a"), "<5>a\n");
	unit_is_text("another stream", logged("+", "a"), "broker: a\n");
	unit_is_text("no stream", logged("!words", "a"), "broker: a\n");
	unit_is_text("half a stream", logged("!1:", "a"), "broker: a\n");
}

/* A line that is too long is cut, and stays one line. */
static void test_long_line(void **state)
{
	char text[2000], want[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(want, sizeof(want), "broker: %.511s\n", text);
	unit_is_text("line", logged("", text), want);
}

int main(void)
{
	UNIT_TABLE(test_place, rows);
	unit_add("the journal", test_journal, NULL);
	unit_add("a long line", test_long_line, NULL);
	return unit_run();
}
