// SPDX-License-Identifier: GPL-2.0-or-later
/* Sums up, so that a flood of connections is no flood of lines. */
#include <stdio.h>
#include <string.h>

#include "accept/report.h"
#include "clock.h"
#include "log.h"
#include "notify.h"

enum { LINE_TIME = 60000 }; /* milliseconds between two lines on the same matter */

/* What may come in floods, and gets one line a minute. */
static struct tally {
	unsigned long long sum, told;
	int64_t next_line;
} refused, killed;
static union endpoint last_refused;
static bool is_named; /* the last refused one, in the log */
static int last_signal;
static bool is_failing;

void report_refused(const union endpoint *peer)
{
	refused.sum++;
	is_named = peer != NULL;
	if (peer)
		last_refused = *peer;
}

void report_killed(int number)
{
	killed.sum++;
	last_signal = number;
}

void report_failure(const char *what, int error, const char *nodes)
{
	static int64_t next_line;
	const int64_t now = clock_ms();

	if (!is_failing && now >= next_line) {
		log_line(LOG_ERR, "unable to %s: %s; until that works again, nodes %s", what,
			 strerror(error), nodes);
		next_line = now + LINE_TIME;
	}
	is_failing = true;
}

void report_success(void)
{
	is_failing = false;
}

/* Returns whether systemd knows it all. */
static bool report_status(int64_t now, unsigned int handlers, unsigned int max_handlers)
{
	static unsigned int known_handlers;
	static unsigned long long known_refused;
	static int64_t due;

	/* Handlers that come and go in between are not worth a word. */
	if (handlers == known_handlers && refused.sum == known_refused) {
		due = 0;
		return true;
	}
	if (!due)
		due = now + REPORT_TIME;
	if (now < due)
		return false;
	notify_send("STATUS=handlers running: %u of %u; connections turned away: %llu", handlers,
		    max_handlers, refused.sum);
	known_handlers = handlers;
	known_refused = refused.sum;
	due = 0;
	return true;
}

/* Returns how many of them are to be told now. */
static unsigned long long take_due(struct tally *tally, int64_t now)
{
	const unsigned long long untold = tally->sum - tally->told;

	if (!untold || now < tally->next_line)
		return 0;
	tally->told = tally->sum;
	tally->next_line = now + LINE_TIME;
	return untold;
}

static void log_refused(unsigned long long number)
{
	char text[INET6_ADDRSTRLEN], last[sizeof(", the last from ") + INET6_ADDRSTRLEN] = "";
	const char *address = endpoint_format(text, &last_refused);

	if (is_named)
		snprintf(last, sizeof(last), ", the last from %s",
			 address ? address : "this machine");
	log_line(LOG_WARNING, "connections turned away, since their source has too many: %llu%s",
		 number, last);
}

/* Returns whether the log has it all. */
static bool report_tallies(int64_t now)
{
	unsigned long long number;

	number = take_due(&refused, now);
	if (number)
		log_refused(number);
	number = take_due(&killed, now);
	if (number)
		log_line(LOG_WARNING, "handlers killed: %llu, the last by signal %d (%s)", number,
			 last_signal, strsignal(last_signal));
	return refused.told == refused.sum && killed.told == killed.sum;
}

bool report_changes(unsigned int handlers, unsigned int max_handlers)
{
	const int64_t now = clock_ms();
	const bool is_known = report_status(now, handlers, max_handlers);

	return report_tallies(now) && is_known;
}
