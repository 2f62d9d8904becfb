/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of broker-admin. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/status.h"
#include "key.h"

enum verb { CHECK, STATUS, SHOW, PRUNE, FLUSH, KICK, ALLOW, DENY, RESYNC, VERBS };

struct options {
	const char *path; /* of the configuration, or NULL */
	enum verb verb;
	enum status_form form;
	bool has_form;	    /* one was asked for */
	const char *broker; /* label for Prometheus, or NULL */
	bool dry_run;
	bool remove;	    /* from a list */
	unsigned int wait;  /* seconds for routing daemons; 0 is not at all */
	unsigned int watch; /* seconds from one table to the next; 0 is once */
	int key_count;
	uint8_t (*keys)[KEY_LEN]; /* to be freed */
};

/* Reads it. Returns -1 to go on, or what to exit with; then all is said. */
int options_read(struct options *options, int argc, char **argv);

#endif
