// SPDX-License-Identifier: GPL-2.0-or-later
/* The clocks are the kernel's own. */
#include <time.h>

#include "unit.h"

#include "clock.h"

static int64_t seconds_of(clockid_t clock)
{
	struct timespec time;

	assert_int_equal(clock_gettime(clock, &time), 0);
	return time.tv_sec;
}

static int64_t boot_clock(void)
{
	return clock_moment().boot;
}

static int64_t wall_clock(void)
{
	return clock_moment().wall;
}

static int64_t deadline_clock(void)
{
	return clock_ms() / 1000;
}

static const struct row {
	const char *name;
	int64_t (*read)(void);
	clockid_t clock;
} rows[] = {
	{ "boot", boot_clock, CLOCK_BOOTTIME },
	{ "wall", wall_clock, CLOCK_REALTIME },
	{ "deadlines", deadline_clock, CLOCK_MONOTONIC },
};

/* However long it takes, the clock was read after the one and before the other. */
static void test_clock(void **state)
{
	const struct row *row = *state;
	const int64_t before = seconds_of(row->clock), got = row->read(),
		      after = seconds_of(row->clock);

	if (got < before || got > after)
		unit_is_int("seconds", got, after);
}

int main(void)
{
	UNIT_TABLE(test_clock, rows);
	return unit_run();
}
