// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operator's log. It goes to stderr, unless that is the peer's socket: xinetd hands the socket
 * over as fd 0, 1 and 2, and a line on stderr would become part of the reply.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum {
	LINE_SIZE = 2048,
	HELD_SIZE = LINE_SIZE - 128, /* so that a line has room for more than what was held */
	PATIENCE = 1000,	     /* milliseconds until a full pipe takes a line */
};

static const char *program_name = "wg-broker";
static bool to_syslog;
static bool to_journal;

static void (*diverted)(const char *text);
static bool (*filter)(const char *text);

static bool is_holding;
static char held[HELD_SIZE];
static size_t held_len;

/* Whether a descriptor leads to this file. */
static bool leads_to(int fd, const struct stat *file)
{
	struct stat other;
	const int ret = fstat(fd, &other);

	return ret == 0 && other.st_dev == file->st_dev && other.st_ino == file->st_ino;
}

/* Whether a file is the journal's stream. JOURNAL_STREAM names it, see systemd.exec(5). */
static bool is_journal(const struct stat *file)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	const int fields = stream ? sscanf(stream, "%llu:%llu", &device, &inode) : 0;

	return fields == 2 && file->st_dev == device && file->st_ino == inode;
}

void log_open(const char *program, bool served)
{
	struct stat file;
	const bool is_closed = fstat(STDERR_FILENO, &file) < 0;

	program_name = program;
	/* A terminal may be both the peer and the operator. */
	to_syslog = served && !isatty(STDERR_FILENO) &&
		    (is_closed || leads_to(STDIN_FILENO, &file) || leads_to(STDOUT_FILENO, &file));
	to_journal = !to_syslog && !is_closed && is_journal(&file);
	if (!to_syslog)
		return;
	openlog(program, LOG_PID, LOG_DAEMON);
	/* syslog(3) writes the time; later the file of the time zone may be out of reach. */
	tzset();
}

static void hold(const char *text)
{
	const size_t room = sizeof(held) - held_len;
	const size_t len =
		(size_t)snprintf(held + held_len, room, "%s%s", held_len ? "; " : "", text);

	held_len += len < room ? len : room - 1;
}

static void write_line(int priority, const char *text)
{
	struct pollfd file = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_SIZE + 64];
	int len, ready;

	if (diverted) {
		diverted(text);
		return;
	}
	if (to_syslog) {
		syslog(priority, "%s", text);
		return;
	}
	if (to_journal)
		len = snprintf(line, sizeof(line), "<%d>%s\n", priority, text);
	else
		len = snprintf(line, sizeof(line), "%s: %s\n", program_name, text);
	ready = poll(&file, 1, PATIENCE);
	/* A log that nobody reads delays nobody else: the line is lost. */
	if (ready <= 0)
		return;
	/* In one write, so that lines of several processes do not mix. */
	(void)!write(STDERR_FILENO, line, (size_t)len);
}

void log_line(int priority, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (is_holding && priority == LOG_ERR)
		hold(text);
	else if (!filter || filter(text))
		write_line(priority, text);
}

void log_hold(void)
{
	is_holding = true;
	held[0] = '\0';
	held_len = 0;
}

const char *log_release(void)
{
	is_holding = false;
	return held;
}

void log_filter(bool (*wants)(const char *text))
{
	filter = wants;
}

void log_divert(void (*take)(const char *text))
{
	diverted = take;
}
