/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of broker-connect. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "node/gateway.h"
#include "node/walltime.h"

enum { OPTIONS_MAX_GATEWAYS = 64 };

/* What to do. */
enum options_verb { CONNECT, DOWN, STATUS };

/* What the operator wants. The strings are those of the command line. */
struct options {
	enum options_verb verb; /* all but ifname, key_path, daemons and json is for CONNECT */
	bool loop;		/* run after run */
	const char *key_path;
	const char *address;   /* the interface's own; NULL if none is given */
	const char *mac;       /* an Ethernet address or the name of an interface; NULL likewise */
	unsigned int mtu;      /* bytes */
	uint32_t mark;	       /* firewall mark of the packets to gateways; 0 is none */
	struct config daemons; /* of it only the routing daemons, which are told of the interface */
	bool ipv4, ipv6;       /* what may pass through the tunnel: one or both */
	const char *ifname;
	const char *shared_key; /* of all gateways that name none; NULL likewise */
	bool generate;		/* make the private key if there is none */
	bool in_order;		/* do not shuffle the gateways and their addresses */
	bool ask_only;		/* change nothing here; only then a gateway may have no key */
	enum walltime_rule clock_rule;
	unsigned int time_limit; /* seconds for the run; 0 is no limit */
	unsigned int wait;	 /* seconds: how long to wait first, at most; at random */
	bool json;		 /* print a report */
	struct gateway gateways[OPTIONS_MAX_GATEWAYS]; /* in the order in which to ask */
	size_t count;
};

/*
 * Reads the options and the gateways with their keys. Returns 1; 0 if -h or -V was all there was to
 * do; or -ERR_CONFIG after it has logged why.
 */
int options_read(struct options *options, int argc, char **argv);

#endif
