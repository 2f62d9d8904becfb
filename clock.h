/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's clocks. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Two clocks in seconds, read together: the one since boot, and unix time, which may be stepped. */
struct moment {
	int64_t boot, wall;
};

struct moment clock_moment(void);

/* Milliseconds of a clock that is never stepped, for deadlines. */
int64_t clock_ms(void);

#endif
