/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of a node, and the time that a gateway tells. */
#ifndef WALLTIME_H
#define WALLTIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The times that a gateway may set the clock to, in unix time. The first is when this program's
 * sources were last changed: it is later in truth. The last is ten years on, which no device runs
 * the same program for; beyond it somebody wants to do harm.
 */
extern const int64_t walltime_first, walltime_last;

/* When a gateway may set the clock. The time that it tells is not authenticated. */
enum walltime_rule {
	WALLTIME_NEVER,
	WALLTIME_FORWARD, /* on, if it is wrong for sure: -t */
	WALLTIME_ALWAYS,  /* on and back: -tt */
};

/*
 * Why the clock that shows ours may not be set to theirs: words, or NULL if it may. Refused says
 * that no gateway shook hands; synchronised, that something else keeps the clock. Pure.
 */
const char *walltime_objection(enum walltime_rule rule, int64_t ours, int64_t theirs, bool refused,
			       bool synchronised);

/*
 * Compares the clock with the time of this gateway. Sets it if the rule allows that, or else,
 * before anything was refused, logs that it is wrong. Returns whether it was set.
 */
bool walltime_follow(enum walltime_rule rule, const char *gateway, int64_t theirs, bool refused);

#endif
