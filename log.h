/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's log: stderr, the journal or syslog. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <syslog.h> /* the priorities */

/*
 * Names the program and chooses where its log goes: to stderr; but where stdin and stdout serve a
 * peer and stderr is the same socket, as under xinetd, to syslog. Call it before anything that may
 * log.
 */
void log_open(const char *program, bool served);

/* Logs one line at a priority of syslog(3). Never hand it key material. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Between these two, lines of the priority LOG_ERR are kept instead of written, so that one line
 * can tell a failure with its cause. log_release() returns what was kept, joined by "; ", at most
 * some 1,900 characters of it: a text that stays until the next log_hold().
 */
void log_hold(void);
const char *log_release(void);

/*
 * From here on lines that it does not want are left out. What is kept is no line yet.
 */
void log_filter(bool (*wants)(const char *text));

/*
 * From here on each line goes to this function and nowhere else, until one of NULL ends that. What
 * is kept is no line yet.
 */
void log_divert(void (*take)(const char *text));

#endif
