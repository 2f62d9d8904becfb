/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run of broker-connect did, for the log and for --json. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "node/gateway.h"

struct tunnel;

struct report {
	const char *result, *action;
	const struct gateway *gateway;	    /* the last that accepted; NULL if none did */
	char address[GATEWAY_ADDRESS_SIZE]; /* where that one was asked */
	struct reply reply;
	bool clock_set;
	int64_t clock_offset; /* seconds that the gateway's clock was ahead of ours */
	FILE *attempts;	      /* collects the attempts as JSON; NULL without --json */
	size_t attempts_size;
	char *attempts_text;
};

/* Begins a report, with --json or without. Returns 0, or -1 after it has logged why. */
int report_begin(struct report *report, bool json);

/* Reports an attempt. The address is NULL if there was none to ask. */
void report_attempt(struct report *report, const struct gateway *gateway, const char *address,
		    const struct gateway_answer *answer);

/* Prints the reply of the gateway that accepted, in place of a report. */
void report_reply(const struct report *report);

/* Ends a report, and prints it if it is one of --json. The man page describes its members. */
void report_end(struct report *report, const struct tunnel *tunnel);

#endif
