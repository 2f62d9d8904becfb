/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway, as a node asks it over TCP. Knows no interface and no JSON. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "broker.h"

enum {
	GATEWAY_DEADLINE = 5, /* seconds for a whole attempt: connect, ask, and read the reply */
	GATEWAY_MAX_ADDRESSES = 16, /* of one name */
	GATEWAY_ADDRESS_SIZE = INET6_ADDRSTRLEN + 1 + IFNAMSIZ,
};

/* A gateway as the operator of a node names it. */
struct gateway {
	char host[256]; /* a name, or an address without brackets */
	char port[6];	/* TCP */
	bool keyed;	/* key is its public key */
	uint8_t key[KEY_LEN];
};

/* What an attempt came to, the best first: the best of all attempts is what a run came to. */
enum gateway_outcome {
	GATEWAY_ACCEPTED,
	GATEWAY_FULL,	     /* it has no slot left */
	GATEWAY_REFUSED,     /* any other error of the protocol */
	GATEWAY_NONSENSE,    /* it sent what is no reply */
	GATEWAY_SILENT,	     /* nothing came until the deadline, or the end of the connection */
	GATEWAY_UNREACHABLE, /* no connection, or no address */
};

struct gateway_answer {
	enum gateway_outcome outcome;
	char detail[96];    /* more words on it for people; may be empty */
	struct reply reply; /* only if it accepted */
};

/*
 * Takes HOST[:PORT][,KEY] apart, where an IPv6 address with a port stands in brackets, and KEY is
 * as in gateway_read_key(). Returns 0, or -ERR_CONFIG after it has logged why.
 */
int gateway_parse(struct gateway *gateway, const char *text);

/*
 * Reads a public key: in base64, or the path of a file whose first line it is. Returns 0, or
 * -ERR_CONFIG after it has logged why.
 */
int gateway_read_key(uint8_t key[static KEY_LEN], const char *text);

/*
 * Looks up a gateway's addresses: those of one family in random order, unless they are to stay in
 * that of the name service. Returns how many, or 0 with *why set.
 */
size_t gateway_resolve(const struct gateway *gateway, bool in_order,
		       union endpoint addresses[static GATEWAY_MAX_ADDRESSES], const char **why);

/* Writes an address without its port. */
void gateway_address_text(char text[static GATEWAY_ADDRESS_SIZE], const union endpoint *address);

/* Asks for the key's port at one address, within GATEWAY_DEADLINE. */
void gateway_ask(const union endpoint *address, const uint8_t pubkey[static KEY_LEN],
		 struct gateway_answer *answer);

/* The words for an outcome: "accepted", "full" and so on. */
const char *gateway_outcome_text(enum gateway_outcome outcome);

/* A random number below limit, which is not 0. */
unsigned int gateway_random(unsigned int limit);

#endif
