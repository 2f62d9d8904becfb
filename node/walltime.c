// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets a node's clock by the time in a gateway's reply, as little as that will do. A gateway
 * accepts only handshakes with rising times: once a clock fell back, it would accept none. But
 * whoever is on the way can write that reply, so the clock is moved only when it is wrong, and not
 * anywhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "node/walltime.h"

#ifndef BUILD_TIME
#define BUILD_TIME 1795000000
#endif

enum {
	TOLERANCE = 240, /* seconds: the same as in the nodes of the field */
	YEAR = 31557600, /* seconds */
	TEXT_SIZE = 32,
};

const int64_t walltime_first = BUILD_TIME;
const int64_t walltime_last = BUILD_TIME + 10LL * YEAR;

static bool differs(int64_t ours, int64_t theirs)
{
	return ours - theirs > TOLERANCE || theirs - ours > TOLERANCE;
}

const char *walltime_objection(enum walltime_rule rule, int64_t ours, int64_t theirs, bool refused,
			       bool synchronised)
{
	if (rule == WALLTIME_NEVER)
		return "-t would set it";
	if (synchronised)
		return "the kernel says that ours is synchronised";
	if (theirs < walltime_first || theirs > walltime_last)
		return "the gateway's cannot be right";
	if (rule == WALLTIME_ALWAYS)
		return NULL;
	if (theirs < ours)
		return "-t does not set it back, -tt would";
	if (ours >= walltime_first && !refused)
		return "-t sets it if no gateway shakes hands";
	return NULL;
}

/* Whether something like NTP keeps the clock. The kernel forgets that when the clock is set. */
static bool is_synchronised(void)
{
	struct timex state = { .modes = 0 };

	return adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
}

static void format_time(char text[static TEXT_SIZE], int64_t time)
{
	const time_t seconds = (time_t)time;
	const struct tm *parts = gmtime(&seconds);
	size_t len = 0;

	if (parts)
		len = strftime(text, TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", parts);
	if (len == 0)
		snprintf(text, TEXT_SIZE, "@%" PRId64, time);
}

bool walltime_follow(enum walltime_rule rule, const char *gateway, int64_t theirs, bool refused)
{
	const int64_t ours = clock_moment().wall;
	const struct timespec new = { .tv_sec = (time_t)theirs };
	char here[TEXT_SIZE], there[TEXT_SIZE];
	const char *objection;
	int ret;

	if (!differs(ours, theirs))
		return false;
	format_time(here, ours);
	format_time(there, theirs);
	objection = walltime_objection(rule, ours, theirs, refused, is_synchronised());
	if (objection && !refused)
		log_line(LOG_WARNING, "the clock is wrong: here it is %s, at gateway %s %s; %s",
			 here, gateway, there, objection);
	if (objection)
		return false;
	ret = clock_settime(CLOCK_REALTIME, &new);
	if (ret < 0) {
		log_line(LOG_ERR, "unable to set the clock from %s to %s: %s", here, there,
			 strerror(errno));
		return false;
	}
	log_line(LOG_NOTICE, "set the clock from %s to that of gateway %s, %s", here, gateway,
		 there);
	return true;
}
