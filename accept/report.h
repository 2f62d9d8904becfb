/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the operator is told: systemd's status, and the log. Neither is flooded. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

#include "endpoint.h"

/* A connection of this peer was turned away; for NULL its address is left out of the log. */
void report_refused(const union endpoint *peer);

/* A handler was killed by this signal. */
void report_killed(int number);

/*
 * Something failed, with an error of errno(3); the nodes "wait" or "are turned away". It is logged
 * unless it was since report_success(), or in the minute before.
 */
void report_failure(const char *what, int error, const char *nodes);
void report_success(void);

/*
 * Tells what has changed, if that is due: the status each second, the rest each minute. Returns
 * whether all is told; if not, it wants to be called again after REPORT_TIME.
 */
bool report_changes(unsigned int handlers, unsigned int max_handlers);

enum { REPORT_TIME = 1000 }; /* milliseconds */

#endif
