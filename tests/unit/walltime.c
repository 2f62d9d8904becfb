// SPDX-License-Identifier: GPL-2.0-or-later
/* When a gateway may set a node's clock. What sets it is tested on a kernel. */
#include "node/walltime.h"
#include "unit.h"

/* Where a time is: between the first and the last that a gateway may tell, in ten steps. */
enum { BEFORE = -1, FIRST = 0, LAST = 10, BEYOND = 11 };

#define MUST_NOT "the gateway's cannot be right"
#define NOT_BACK "-t does not set it back, -tt would"
#define NOT_YET "-t sets it if no gateway shakes hands"
#define KEPT "the kernel says that ours is synchronised"

static const struct row {
	const char *name;
	enum walltime_rule rule;
	int ours, theirs;
	bool refused, synchronised;
	const char *want; /* NULL if it may be set */
} rows[] = {
	{ "without -t", WALLTIME_NEVER, BEFORE, 5, true, false, "-t would set it" },
	{ "on, from before the sources", WALLTIME_FORWARD, BEFORE, 5, false, false, NULL },
	{ "to the first time", WALLTIME_FORWARD, BEFORE, FIRST, false, false, NULL },
	{ "to the last time", WALLTIME_FORWARD, BEFORE, LAST, false, false, NULL },
	{ "beyond", WALLTIME_FORWARD, BEFORE, BEYOND, true, false, MUST_NOT },
	{ "not far enough", WALLTIME_FORWARD, BEFORE, BEFORE, true, false, MUST_NOT },
	{ "on, from a time that may be", WALLTIME_FORWARD, FIRST, 5, false, false, NOT_YET },
	{ "the same after a refusal", WALLTIME_FORWARD, FIRST, 5, true, false, NULL },
	{ "back", WALLTIME_FORWARD, 5, 4, false, false, NOT_BACK },
	{ "back after a refusal", WALLTIME_FORWARD, 5, 4, true, false, NOT_BACK },
	{ "back from beyond", WALLTIME_FORWARD, BEYOND, 4, true, false, NOT_BACK },
	{ "with NTP", WALLTIME_FORWARD, BEFORE, 5, true, true, KEPT },
	{ "-tt on", WALLTIME_ALWAYS, 4, 5, false, false, NULL },
	{ "-tt back", WALLTIME_ALWAYS, 5, 4, false, false, NULL },
	{ "-tt to the first time", WALLTIME_ALWAYS, BEYOND, FIRST, false, false, NULL },
	{ "-tt beyond", WALLTIME_ALWAYS, 5, BEYOND, true, false, MUST_NOT },
	{ "-tt too far back", WALLTIME_ALWAYS, 5, BEFORE, true, false, MUST_NOT },
	{ "-tt with NTP", WALLTIME_ALWAYS, 5, 4, true, true, KEPT },
};

/* The unix time of a place. Those outside are as near as can be. */
static int64_t time_of(int place)
{
	if (place == BEFORE)
		return walltime_first - 1;
	if (place == BEYOND)
		return walltime_last + 1;
	return walltime_first + (walltime_last - walltime_first) / LAST * place;
}

static void test_objection(void **state)
{
	const struct row *row = *state;
	const char *got = walltime_objection(row->rule, time_of(row->ours), time_of(row->theirs),
					     row->refused, row->synchronised);

	unit_is_text("objection", got ? got : "none", row->want ? row->want : "none");
}

/* A program knows of no time before it was written, and ten years are less than a life. */
static void test_range(void **state)
{
	(void)state;
	unit_is_int("after 2025", walltime_first > 1735689600, true);
	unit_is_int("ten years", (walltime_last - walltime_first) / 86400, 3652);
}

int main(void)
{
	UNIT_TABLE(test_objection, rows);
	unit_add("the times that a gateway may tell", test_range, NULL);
	return unit_run();
}
