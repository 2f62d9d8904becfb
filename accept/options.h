/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of broker-accept. */
#ifndef OPTIONS_H
#define OPTIONS_H

struct options {
	unsigned int max_handlers, max_per_source;
	unsigned int port;	/* TCP port to listen at, or 0: stdin listens */
	unsigned int wait_time; /* seconds for the last handlers */
	const char *config;	/* path of a file, or NULL for the usual one */
	char **command;		/* of a handler; part of argv */
};

/* Reads it. Returns -1 to go on, or what to exit with; then all is said. */
int options_read(struct options *options, int argc, char **argv);

#endif
