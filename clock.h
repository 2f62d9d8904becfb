/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's clocks. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Two clocks in seconds, read together: the one since boot, and unix time, which may be stepped. */
struct moment {
	int64_t boot, wall;
};

struct moment clock_moment(void);

/*
 * Whether it is before that second of the boot clock, which is at most so far ahead: one that is
 * further ahead was written by somebody with another clock.
 */
static inline bool clock_is_before(int64_t second, int64_t most)
{
	const int64_t left = second - clock_moment().boot;

	return left > 0 && left <= most;
}

/* Milliseconds of a clock that is never stepped, for deadlines. */
int64_t clock_ms(void);

#endif
