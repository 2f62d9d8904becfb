/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's settings; config.c has their keys, limits and defaults. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>

#ifndef CONFIG_FILE
#define CONFIG_FILE "/etc/wg-broker/config"
#endif

struct config {
	char *private_key;	      /* path of the file with the gateway's private key */
	char *allow_keys, *deny_keys; /* paths of lists of keys, see access.h; or empty */
	char *check;		      /* path of the operator's program, see check.h; or empty */
	char *babel;		  /* babeld's local port on ::1, or the path of its Unix socket */
	char *babel_options;	  /* what follows the interface's name in what babeld is told */
	char *l3roamd, *mmfd;	  /* paths of their sockets */
	char *prefix;		  /* of the interfaces' names; the slot's number follows */
	unsigned int group;	  /* the interfaces' group */
	unsigned int broker_port; /* TCP; the supervisor listens there, no program of ours does */
	unsigned int start_port;  /* UDP port of slot 1 */
	unsigned int end_port;	  /* last UDP port of the range */
	unsigned int max_peers;
	unsigned int max_pending; /* of a source: never had a handshake; 0 is no limit */
	bool ipv4, ipv6;	  /* what nodes may send through their tunnels: one or both */
	unsigned int mtu;	  /* bytes */
	unsigned int timeout;	  /* seconds for a whole exchange */
	bool log_address;	  /* whether the log may have the nodes' addresses */
	unsigned int slots;	  /* computed: how many interfaces there may be */
};

/*
 * Reads a configuration file, then the environment, which overrides it. A path of NULL means
 * CONFIG_FILE, and that one may be missing. Strings stay for the life of the process. Logs each
 * mistake with file and line. Returns 0, or -ERR_CONFIG if there was any.
 */
int config_read(struct config *config, const char *path);

#endif
