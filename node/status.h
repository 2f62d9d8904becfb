/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells what state a node's tunnel is in. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

struct tunnel;

/*
 * Prints the state of the interface, for people or as JSON; the man page describes both. Changes
 * nothing. Returns 1 with a live session, 0 with none, or a negative error after it has logged why.
 */
int status_print(const struct tunnel *tunnel, bool json);

#endif
