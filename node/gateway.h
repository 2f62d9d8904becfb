/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway, as a node asks it over TCP. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "json.h"
#include "key.h"

enum {
	GATEWAY_DEADLINE = 5, /* seconds for a whole attempt: connect, ask, and read the reply */
	GATEWAY_USAGE_DEADLINE = 2, /* the same, to ask for the usage */
	GATEWAY_MAX_ADDRESSES = 16, /* of one name */
	GATEWAY_ADDRESS_SIZE = 64,  /* of an IPv6 address with its zone, as text */
};

/* A gateway as the operator of a node names it. */
struct gateway {
	char host[256]; /* a name, or an address without brackets */
	char port[6];	/* TCP */
	bool has_key;	/* whether key is known */
	uint8_t key[KEY_LEN];
};

/* The result of an attempt. The best comes first; a run's result is the best of its attempts. */
enum gateway_result {
	GATEWAY_ACCEPTED,
	GATEWAY_FULL,	      /* it has no slot left */
	GATEWAY_NO_HANDSHAKE, /* it accepted, but its tunnel does not work; the caller says so */
	GATEWAY_REFUSED,      /* any other error of the protocol */
	GATEWAY_NONSENSE,     /* what it sent is not a reply */
	GATEWAY_SILENT,	      /* nothing came before the deadline or the end of the connection */
	GATEWAY_UNREACHABLE,  /* no connection, or no address */
};

struct gateway_answer {
	enum gateway_result result;
	char detail[96];    /* more on it, for people; may be empty */
	struct reply reply; /* only if it accepted */
};

/*
 * Parse HOST[:PORT][,KEY], where an IPv6 address with a port stands in brackets; and a KEY: a
 * public key in base64, or the path of a file that has it in its first line. Return 0, or
 * -ERR_CONFIG after they have logged why.
 */
int gateway_parse(struct gateway *gateway, const char *text);
int gateway_read_key(uint8_t key[static KEY_LEN], const char *text);

/*
 * Looks up a gateway's addresses, in the order of the name service, or else (in_order is false)
 * with those of one family shuffled. Returns how many, or 0 with *why set.
 */
size_t gateway_resolve(const struct gateway *gateway, bool in_order,
		       union endpoint addresses[static GATEWAY_MAX_ADDRESSES], const char **why);

/* The word for a result: "accepted", "full" and so on; and an address without its port. */
const char *gateway_result_text(enum gateway_result result);
void gateway_address_text(char text[static GATEWAY_ADDRESS_SIZE], const union endpoint *address);

/*
 * Asks one address for a port for this public key, by packets with this firewall mark, within
 * GATEWAY_DEADLINE, and before the clock_ms() of the deadline.
 */
void gateway_ask(const union endpoint *address, uint32_t mark, const uint8_t pubkey[static KEY_LEN],
		 int64_t deadline, struct gateway_answer *answer);

/*
 * Asks one address how full its gateway is, in the same way, but within GATEWAY_USAGE_DEADLINE.
 * Returns percent from 0 to 100, or what comes in their place.
 */
enum {
	/*
	 * It does not say, as a broker that knows no such request: neither preferred to one that is
	 * known to be rather empty, nor left alone while the others are rather full.
	 */
	GATEWAY_USAGE_UNKNOWN = 50,
	GATEWAY_USAGE_NONE = 101, /* there is no connection */
};
int gateway_ask_usage(const union endpoint *address, uint32_t mark, int64_t deadline);

/* A random number below limit, which is not 0. */
size_t gateway_random(size_t limit);

/* Puts items of this size, in bytes, in random order. */
void gateway_shuffle(void *items, size_t count, size_t size);

#endif
