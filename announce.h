/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sees to it that the routing daemons know every interface, however many processes tell them. */
#ifndef ANNOUNCE_H
#define ANNOUNCE_H

#include <stdbool.h>

#include "slot.h"

struct config;

/*
 * Tells the routing daemons of an interface that has just come up. If other processes are at it,
 * one of them waits and then tells of all interfaces that came meanwhile: this process, unless
 * another one waits already, and then it returns at once. What fails is repeated every few seconds,
 * for four minutes.
 */
void announce(const struct config *config, const char *ifname);

/*
 * Tells the routing daemons of all interfaces that they lack, and takes those back that are gone;
 * waits for its turn. With dry_run it only counts. *told is of how many a daemon had to be told.
 * Returns 0; -ERR_FAILURE after it has logged why: try again later; or -ERR_ABSENT if a daemon does
 * not run.
 */
int announce_all(const struct config *config, bool dry_run, unsigned int *told);

/* Takes interfaces back from the routing daemons before they are deleted; waits for its turn. */
void announce_withdraw(const struct config *config, const bool withdrawn[static SLOT_END]);

#endif
