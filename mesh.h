/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routing daemons, which are told of interfaces that come and go. */
#ifndef MESH_H
#define MESH_H

#include <stdbool.h>

#include "slot.h"

struct config;

/* Whether any daemon is configured. */
bool mesh_is_configured(const struct config *config);

/*
 * The functions below talk to each daemon that is configured. What goes wrong is logged. They
 * return 0; -ERR_FAILURE if one that runs was not told of everything: try again later; else
 * -ERR_ABSENT if one does not run. One that says no is no reason to try again. Each step of a
 * conversation has a deadline of five seconds.
 */

/* Tells the daemons of an interface that is up. */
int mesh_announce(const struct config *config, const char *ifname);

/* The same, but only those daemons that do not know it. */
int mesh_announce_missing(const struct config *config, const char *ifname);

/* Takes an interface back, whatever its name. Call it before deleting. */
int mesh_withdraw_one(const struct config *config, const char *ifname);

/* Takes interfaces back; withdrawn[slot] says which. Call it before deleting. */
int mesh_withdraw(const struct config *config, const bool withdrawn[static SLOT_END]);

struct mesh_sync {
	bool wanted[SLOT_END]; /* by slot: the interfaces that a daemon should have */
	/* Whether an interface of ours exists no more. */
	bool (*gone)(void *argument, unsigned int slot);
	void *argument;
	bool dry_run;	   /* only count */
	unsigned int told; /* result: of how many interfaces a daemon had to be told */
};

/*
 * Asks each daemon which interfaces it has, tells it of those that it lacks, and takes back those
 * that have a name of ours but are gone.
 */
int mesh_sync(const struct config *config, struct mesh_sync *sync);

/* What a daemon knows. */
struct mesh_state {
	const char *name, *address; /* the address is empty if it is not configured */
	bool answers;
	unsigned int known; /* interfaces of ours that it has */
	unsigned int down;  /* those of them that it was unable to use */
	const bool *has;    /* SLOT_END: which, by slot; valid until the next call */
};

/* Asks a daemon, by its number from 0 on. Returns false, and no state, behind the last one. */
bool mesh_get_state(const struct config *config, unsigned int number, struct mesh_state *state);

#endif
