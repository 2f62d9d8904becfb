// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the kernel's clocks. Never sets one. */
#include <time.h>

#include "clock.h"

struct moment clock_moment(void)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct moment){ .boot = boot.tv_sec, .wall = wall.tv_sec };
}

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
