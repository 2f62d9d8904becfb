/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and replies as JSON; wg-broker(7) has the protocol. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "key.h"

struct request;

/* Makes the state of a request that is coming in, or returns NULL. Free it with request_free(). */
struct request *request_new(void);
void request_free(struct request *request);

/*
 * Takes the next bytes of a request; what follows its end is ignored. Returns 1 if it is not
 * complete yet, 0 if it is and pubkey is the key in it, REQUEST_USAGE if it asks how full the
 * gateway is, or -ERR_MALFORMED, -ERR_VERSION or -ERR_KEY.
 */
enum { REQUEST_USAGE = 2 };
int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN]);

/*
 * Writes the one line that answers: for 0 the port and the time, unix time in seconds, else the
 * code and the words for a negative error. Returns its length; REPLY_SIZE always suffices.
 */
enum { REPLY_SIZE = 160 };
size_t reply_format(char line[static REPLY_SIZE], int error, unsigned int port, int64_t time);

/* The same for a gateway of which so many percent are used. */
size_t reply_format_usage(char line[static REPLY_SIZE], unsigned int percent);

/* The code of the wire for 0 or a negative error: WIRE_FAILURE for one that nodes do not know. */
enum wire_code reply_code(int error);

/* The protocol's words for a code; other words for a code that it does not have. */
const char *reply_reason(int code);

/* What a gateway answered. */
struct reply {
	int code;	    /* of its error; 0 if it accepted, and only then the next two count */
	unsigned int port;  /* UDP */
	int64_t time;	    /* the gateway's unix time in seconds */
	unsigned int usage; /* in place of these: how full the gateway is, in percent */
	unsigned int fault; /* what is wrong with a reply that is none, else 0 */
};

/* Fixed words for a fault. */
const char *reply_fault(unsigned int fault);

/*
 * Takes all that a gateway sent: one object and white space, as strictly as a request. What is no
 * reply has a fault. The second one wants a usage, and takes all else, also an error, for a fault.
 */
void reply_parse(struct reply *reply, const char *text, size_t len);
void reply_parse_usage(struct reply *reply, const char *text, size_t len);

/*
 * Calls each(argument, name) for every interface in what l3roamd or mmfd answer to get_meshifs.
 * Returns 0 or -ERR_MALFORMED.
 */
int meshifs_parse(const char *text, void (*each)(void *argument, const char *name), void *argument);

#endif
