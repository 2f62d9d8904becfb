/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The errors inside the programs, the codes of the wire, and what a program exits with. */
#ifndef ERROR_H
#define ERROR_H

/*
 * Functions return 0, or one of these with a minus sign. The layer that knows the cause of a
 * failure logs it; json.c has the code of the wire for each.
 */
enum error {
	ERR_FAILURE = 1, /* this machine failed; the log says how */
	ERR_CONFIG,	 /* the configuration or the private key cannot be used */
	ERR_LOCKED,	 /* another process held the lock for too long */
	ERR_MALFORMED,	 /* not a request, or not a reply */
	ERR_VERSION,	 /* a protocol version that is not ours */
	ERR_KEY,	 /* not a public key that a peer could have */
	ERR_DENIED,	 /* the other side says no */
	ERR_FULL,	 /* no slot is left */
	ERR_QUOTA,	 /* none is left for this source */
	ERR_EXISTS,	 /* the name, altname or address is taken */
	ERR_ABSENT,	 /* there is no such interface */
	ERR_FOREIGN,	 /* there is one, but it is not ours */
	ERR_BUSY,	 /* the UDP port is taken */
};

/* The codes of the protocol, see wg-broker(7). */
enum wire_code {
	WIRE_ACCEPTED = 0, /* never sent */
	WIRE_FULL = 1,
	WIRE_MALFORMED = 2,
	WIRE_VERSION = 3,
	WIRE_KEY = 4,
	WIRE_DENIED = 5,
	WIRE_FAILURE = 6,
	WIRE_CODES,
};

/* What a program exits with; sysexits(3) has the values. */
enum exit_code {
	EXIT_DONE = 0,	  /* a reply was given, or the peer has gone */
	EXIT_USAGE = 64,  /* wrong options */
	EXIT_FAILED = 71, /* the kernel, or the machine, does not let us do our work */
	EXIT_LOCKED = 75, /* another process held the lock for too long */
	EXIT_CONFIG = 78, /* the configuration or the private key cannot be used */
};

/* The exit code for an error, or for 0. */
static inline int exit_code(int error)
{
	switch (-error) {
	case ERR_CONFIG:
		return EXIT_CONFIG;
	case ERR_LOCKED:
		return EXIT_LOCKED;
	case ERR_FAILURE:
		return EXIT_FAILED;
	default:
		return EXIT_DONE;
	}
}

#endif
