/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway to ask first: of two, the emptier. */
#ifndef CHOICE_H
#define CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

struct gateway;
struct options;

/* One address of a gateway. */
struct choice {
	const struct gateway *gateway; /* NULL if there is no choice */
	union endpoint address;
};

/*
 * Asks two gateways how full they are, and chooses the emptier: the first two of the options, which
 * are shuffled, or two addresses of one that is alone; none if they are to be asked in order.
 * Leaves out the addresses in *failed, see tunnel.h, and adds those that cannot be connected to.
 * Ends soon after the clock_ms() of the deadline.
 */
void choice_make(struct choice *choice, const struct options *options, int64_t deadline,
		 int64_t *failed);

/* Whether this address of this gateway is the one that was chosen. */
bool choice_is(const struct choice *choice, const struct gateway *gateway,
	       const union endpoint *address);

#endif
