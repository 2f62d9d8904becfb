/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the peers, again and again. */
#ifndef WATCH_H
#define WATCH_H

struct config;

/*
 * Prints the table of status() every so many seconds: on a terminal in place of the last one, else
 * with an empty line in between. Ends when nobody reads it any more. Returns 0 or a negative error
 * that is logged.
 */
int watch(const struct config *config, unsigned int seconds);

#endif
