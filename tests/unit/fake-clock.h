/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks that stand still until a test sets them: clock.h for the units. */
#ifndef FAKE_CLOCK_H
#define FAKE_CLOCK_H

#include "clock.h"

extern struct moment fake_moment; /* what clock_moment() tells */
extern int64_t fake_ms;		  /* what clock_ms() tells */
extern void (*fake_on_ms)(void);  /* what clock_ms() calls first, if it is not NULL */

#endif
