// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operator's log. It goes to stderr unless that is the peer's socket: xinetd hands the socket
 * over as fd 0, 1 and 2, and there a log line would become part of the reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "broker.h"

enum { LINE_SIZE = 512 };

static const char *program_name = "wg-broker";
static bool to_syslog;
static bool to_journal;

/* Whether stderr is the same file as another descriptor; a closed one is no place for a log. */
static bool stderr_is(int fd)
{
	struct stat log, other;

	if (fstat(STDERR_FILENO, &log) < 0)
		return true;
	return fstat(fd, &other) == 0 && log.st_dev == other.st_dev && log.st_ino == other.st_ino;
}

/* Whether stderr is the journal's stream, as systemd.exec(5) tells of JOURNAL_STREAM. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat log;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &log) == 0 && log.st_dev == device && log.st_ino == inode;
}

void log_open(const char *program)
{
	program_name = program;
	/* A terminal is both the peer and the operator. */
	to_syslog = !isatty(STDERR_FILENO) && (stderr_is(STDIN_FILENO) || stderr_is(STDOUT_FILENO));
	to_journal = !to_syslog && stderr_is_journal();
	if (to_syslog)
		openlog(program, LOG_PID, LOG_DAEMON);
}

void log_line(int priority, const char *format, ...)
{
	char text[LINE_SIZE], line[LINE_SIZE + 64];
	va_list arguments;
	int len;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);

	if (to_syslog) {
		syslog(priority, "%s", text);
		return;
	}
	/* In one write, so that the lines of many processes do not mix. */
	if (to_journal)
		len = snprintf(line, sizeof(line), "<%d>%s\n", priority, text);
	else
		len = snprintf(line, sizeof(line), "%s: %s\n", program_name, text);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* there is no other place to say it */
}
