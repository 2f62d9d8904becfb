// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log itself, in child processes with their descriptors as supervisors arrange them. The C
 * library's calls to syslog are caught here.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "log.h"

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

/*
 * Where a descriptor of the child leads. INODE_1 and OTHER_INODE_1 are the roots of two file
 * systems: their inode's number is the same.
 */
enum place { PEER, OPERATOR, TERMINAL, INODE_1, OTHER_INODE_1, NOWHERE };

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
	/* Nobody can write to a folder: the line is lost. */
	{ "the same inode", INODE_1, NOWHERE, INODE_1, true, "", "", SYSLOG },
	{ "its number on another device", INODE_1, INODE_1, OTHER_INODE_1, true, "", "", "" },
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
	place(STDIN_FILENO, row->input, places);
	place(STDOUT_FILENO, row->output, places);
	place(STDERR_FILENO, row->error, places);
	log_open("broker", row->served);
	log_line(LOG_ERR, "a line with %d and %s", 7, "%s");
	unit_exit(0);
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

static pid_t start_child(void)
{
	const pid_t child = fork();

	assert_true(child >= 0);
	return child;
}

static void end_child(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	unit_is_int("status", status, 0);
}

static int open_terminal(int *slave)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*slave >= 0);
	return master;
}

static int open_inode_1(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY);
	struct stat file;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &file), 0);
	assert_int_equal(file.st_ino, 1);
	return fd;
}

static void test_place(void **state)
{
	const struct row *row = *state;
	int peer[2], operator[2], system[2], slave;
	const int master = open_terminal(&slave);
	const int inode_1 = open_inode_1("/proc"), other = open_inode_1("/sys");
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, peer), 0);
	/* A socket, too: only the inode tells the two apart. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, operator), 0);
	assert_int_equal(pipe(system), 0);
	child = start_child();
	if (child == 0) {
		caught = fcntl(system[1], F_DUPFD, 20);
		run_child(row, (const int[]){ [PEER] = peer[1],
					      [OPERATOR] = operator[1],
					      [TERMINAL] = slave,
					      [INODE_1] = inode_1,
					      [OTHER_INODE_1] = other });
	}
	end_child(child);
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
	close(inode_1);
	close(other);
}

/* Does something in a child whose stderr is a file, and returns what is in the file then. */
static const char *logged(void (*act)(const void *argument), const void *argument)
{
	const int fd = open(unit_file("", 0, 0600), O_RDWR | O_APPEND | O_CLOEXEC);
	static char content[8192];
	pid_t child;

	assert_true(fd >= 0);
	child = start_child();
	if (child == 0) {
		dup2(fd, STDERR_FILENO);
		act(argument);
		unit_exit(0);
	}
	end_child(child);
	memset(content, 0, sizeof(content));
	assert_true(pread(fd, content, sizeof(content) - 1, 0) >= 0);
	close(fd);
	return content;
}

/* Sets JOURNAL_STREAM to the file that stderr is, or to another. */
static const struct stream_row {
	const char *name;
	const char *stream; /* or NULL for the next two, added to the file's numbers */
	unsigned int more_device, more_inode;
	const char *want;
} streams[] = {
	{ "the journal's", NULL, 0, 0, "<5>a\n" },
	{ "another inode", NULL, 0, 1, "broker: a\n" },
	{ "another device", NULL, 1, 0, "broker: a\n" },
	{ "empty", "", 0, 0, "broker: a\n" },
	{ "words", "words", 0, 0, "broker: a\n" },
	{ "half of one", "1:", 0, 0, "broker: a\n" },
};

static void log_to_stream(const void *argument)
{
	const struct stream_row *row = argument;
	struct stat file;
	char name[64];

	fstat(STDERR_FILENO, &file);
	snprintf(name, sizeof(name), "%llu:%llu",
		 (unsigned long long)file.st_dev + row->more_device,
		 (unsigned long long)file.st_ino + row->more_inode);
	setenv("JOURNAL_STREAM", row->stream ? row->stream : name, 1);
	log_open("broker", true);
	log_line(LOG_NOTICE, "a");
}

static void test_stream(void **state)
{
	const struct stream_row *row = *state;

	unit_is_text("line", logged(log_to_stream, row), row->want);
}

static void log_one(const void *argument)
{
	log_open("broker", true);
	log_line(LOG_NOTICE, "%s", (const char *)argument);
}

/* A line that is too long is cut, and stays one line. */
static void test_long_line(void **state)
{
	char text[3000], want[2100];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(want, sizeof(want), "broker: %.2047s\n", text);
	unit_is_text("line", logged(log_one, text), want);
	unit_is_text("no journal", logged(log_one, "a"), "broker: a\n");
}

static void hold_some(const void *argument)
{
	(void)argument;
	log_open("broker", false);
	log_line(LOG_ERR, "before");
	log_hold();
	log_line(LOG_ERR, "unable to %s", "open it");
	log_line(LOG_WARNING, "at once");
	log_line(LOG_ERR, "%d%%", 7);
	log_line(LOG_INFO, "released: %s", log_release());
	log_line(LOG_ERR, "behind");
	log_hold();
	log_line(LOG_ERR, "anew");
	log_line(LOG_INFO, "released: %s", log_release());
	log_hold();
	log_line(LOG_INFO, "released: %s", log_release());
}

static void test_hold(void **state)
{
	(void)state;
	unit_is_text("lines", logged(hold_some, NULL),
		     "broker: before\n"
		     "broker: at once\n"
		     "broker: released: unable to open it; 7%\n"
		     "broker: behind\n"
		     "broker: released: anew\n"
		     "broker: released: \n");
}

/* However much is held, it is cut at the end; what follows the end changes nothing. */
static void hold_too_much(const void *argument)
{
	const char *text, *want = argument;

	log_open("broker", false);
	log_hold();
	for (int i = 0; i < 1000; i++)
		log_line(LOG_ERR, "line %d", i);
	text = log_release();
	log_line(LOG_INFO, "%zu %d", strlen(text), strncmp(text, want, strlen(text)));
}

static void test_hold_too_much(void **state)
{
	static char want[16384];
	char *end = want;

	(void)state;
	for (int i = 0; i < 1000; i++)
		end += sprintf(end, "%sline %d", i ? "; " : "", i);
	unit_is_text("length, and a difference", logged(hold_too_much, want), "broker: 1919 0\n");
}

static void take_diverted(const char *text)
{
	dprintf(STDERR_FILENO, "taken: %s\n", text);
}

static void divert_some(const void *argument)
{
	(void)argument;
	log_open("broker", false);
	log_line(LOG_ERR, "before");
	log_divert(take_diverted);
	log_line(LOG_WARNING, "one of %d", 7);
	log_divert(NULL);
	log_line(LOG_ERR, "behind");
}

static void test_divert(void **state)
{
	(void)state;
	unit_is_text("lines", logged(divert_some, NULL),
		     "broker: before\ntaken: one of 7\nbroker: behind\n");
}

static bool is_short(const char *text)
{
	return strlen(text) < 4;
}

static void filter_some(const void *argument)
{
	(void)argument;
	log_open("broker", false);
	log_filter(is_short);
	log_line(LOG_ERR, "one");
	log_line(LOG_ERR, "three");
	log_hold();
	log_line(LOG_ERR, "seven");
	log_line(LOG_ERR, "%s", log_release());
	log_filter(NULL);
	log_line(LOG_ERR, "eight");
}

static void test_filter(void **state)
{
	(void)state;
	unit_is_text("lines", logged(filter_some, NULL), "broker: one\nbroker: eight\n");
}

int main(void)
{
	UNIT_TABLE(test_place, rows);
	UNIT_TABLE(test_stream, streams);
	unit_add("a long line", test_long_line, NULL);
	unit_add("lines that are held", test_hold, NULL);
	unit_add("more lines than fit", test_hold_too_much, NULL);
	unit_add("lines for another", test_divert, NULL);
	unit_add("lines that are left out", test_filter, NULL);
	return unit_run();
}
