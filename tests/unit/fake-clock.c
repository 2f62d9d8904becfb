// SPDX-License-Identifier: GPL-2.0-or-later
/* Stands in for clock.c in the units. See fake-clock.h. */
#include "fake-clock.h"

struct moment fake_moment;
int64_t fake_ms;
void (*fake_on_ms)(void);

struct moment clock_moment(void)
{
	return fake_moment;
}

int64_t clock_ms(void)
{
	if (fake_on_ms)
		fake_on_ms();
	return fake_ms;
}
