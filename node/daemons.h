/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routing daemons of a node, which may be told of its tunnel. */
#ifndef DAEMONS_H
#define DAEMONS_H

#include <stdbool.h>

struct config;

/*
 * Of the configuration they only take what mesh.c does: the daemons' addresses; empty ones are left
 * out. What goes wrong is logged, and is the next run's to do again.
 */

/* Tells the daemons of a new session's interface; of an old one's only those that lack it. */
void daemons_announce(const struct config *config, const char *ifname, bool is_new);

/* Takes an interface back. Call it before deleting. */
void daemons_withdraw(const struct config *config, const char *ifname);

#endif
