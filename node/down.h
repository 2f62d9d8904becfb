/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a node's tunnel down. */
#ifndef DOWN_H
#define DOWN_H

struct config;
struct tunnel;

/*
 * Takes the interface back from the routing daemons, see daemons.h, and deletes it, if there is one
 * and it is ours, once no run with that private key is at work. Returns the exit code, after it has
 * logged what failed.
 */
int down_run(const struct tunnel *tunnel, const char *key_path, const struct config *daemons);

#endif
