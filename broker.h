/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs share: errors, keys, configuration, notes, peers, the protocol and the log. */
#ifndef BROKER_H
#define BROKER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <net/if.h>

/*
 * The one set of errors: functions return 0, or one of these with a minus sign. The layer that
 * knows the cause logs it. The first six are the protocol's own codes and go over the wire.
 */
enum error {
	ERR_FULL = 1,	   /* no slot is left */
	ERR_MALFORMED = 2, /* not a request, or not a reply */
	ERR_VERSION = 3,   /* a protocol version that is not ours */
	ERR_KEY = 4,	   /* not a public key that could be a peer's */
	ERR_DENIED = 5,	   /* the operator does not want this key */
	ERR_FAILURE = 6,   /* something is wrong on this side; the log says what */
	ERR_EXISTS,	   /* the name, altname or address is taken */
	ERR_ABSENT,	   /* there is no such interface */
	ERR_BUSY,	   /* the UDP port is taken */
	ERR_LOCKED,	   /* another process held the lock for too long */
	ERR_CONFIG,	   /* the configuration or the private key cannot be used */
};

/* What a program exits with; sysexits(3) has the values. */
enum exit_code {
	EXIT_DONE = 0,	   /* a reply was given, or the peer has gone */
	EXIT_USAGE = 64,   /* wrong options */
	EXIT_FAILED = 71,  /* the kernel, or the machine, does not let us do our work */
	EXIT_BLOCKED = 75, /* another process held the lock for too long */
	EXIT_CONFIG = 78,  /* the configuration or the private key cannot be used */
};

/* log.c */

/*
 * Names the program, and decides where its log goes: to stderr, or, where stderr is the peer's
 * socket as xinetd makes it, to syslog. Call it before anything that may log.
 */
void log_open(const char *program);

/* Logs one line at a priority of syslog(3). Never hand it key material. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* key.c */

enum {
	KEY_LEN = 32,	    /* bytes of a Curve25519 key */
	KEY_TEXT_LEN = 44,  /* characters of its base64 */
	KEY_TEXT_SIZE = 45, /* the same with the final NUL */
};

/* Decodes len characters of canonical base64 (RFC 4648, section 4). Returns 0 or -ERR_KEY. */
int key_from_text(uint8_t key[static KEY_LEN], const char *text, size_t len);

/* Writes the key as base64, or as base64url, which may stand in an interface's altname. */
void key_to_text(char text[static KEY_TEXT_SIZE], const uint8_t key[static KEY_LEN]);
void key_to_altname(char text[static KEY_TEXT_SIZE], const uint8_t key[static KEY_LEN]);

/* Decodes an altname of key_to_altname(). Returns 0, or -ERR_KEY for any other text. */
int key_from_altname(uint8_t key[static KEY_LEN], const char *text);

/* Whether all the bytes are zero, in constant time. */
bool key_is_zero(const uint8_t key[static KEY_LEN]);

/*
 * Reads a private key from a file as `wg genkey` writes it. The caller wipes the key after use.
 * Refuses a file that others can read. Returns 0, or -ERR_CONFIG after it has logged why.
 */
int key_read(uint8_t key[static KEY_LEN], const char *path);

/* config.c */

/* The operator's settings; config.c has the keys, their limits and their defaults. */
struct config {
	char *private_key;	  /* path of the file with the gateway's private key */
	char *babel;		  /* babeld's local port on ::1, or the path of its Unix socket */
	char *l3roamd, *mmfd;	  /* paths of their sockets */
	char *prefix;		  /* of the interfaces' names; the slot's number follows */
	unsigned int group;	  /* the interfaces' group */
	unsigned int broker_port; /* TCP; the supervisor listens there, no program of ours does */
	unsigned int start_port;  /* UDP port of slot 1 */
	unsigned int end_port;	  /* last UDP port of the range */
	unsigned int max_peers;
	unsigned int mtu;     /* bytes */
	unsigned int timeout; /* seconds for a whole exchange */
	unsigned int slots;   /* computed: how many interfaces there may be */
};

/*
 * Reads a configuration file, then the environment, which overrides it. A path of NULL means
 * CONFIG_FILE, and that one may be missing. Strings stay for the life of the process. Logs each
 * mistake with file and line. Returns 0, or -ERR_CONFIG if there was any.
 */
int config_read(struct config *config, const char *path);

/* json.c */

struct request;

/* Makes the state of a request that is coming in. Free it with request_free(). */
struct request *request_new(void);
void request_free(struct request *request);

/*
 * Takes the next bytes of a request; what follows its end is ignored. Returns 1 if it is not
 * complete yet, 0 if it is and pubkey is the key in it, or a negative error.
 */
int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN]);

/*
 * Writes the one line that answers: the port for an error of 0, else the fixed words of the error,
 * which has a minus sign; those that are not of the protocol become ERR_FAILURE. The time is unix
 * time in seconds. Returns the length; REPLY_SIZE always suffices.
 */
enum { REPLY_SIZE = 160 };
size_t reply_format(char line[static REPLY_SIZE], int error, unsigned int port, int64_t time);

/* note.c */

/*
 * What is remembered of a peer between two runs, in its interface's alias. The kernel tells the
 * time of a handshake by the wall clock, which may be stepped; here it is kept by the boot clock.
 */
struct note {
	int64_t asked;	   /* boot clock: when a node last asked and its peer was made anew */
	int64_t looked;	   /* boot clock: when the handshake was last looked at */
	int64_t handshake; /* boot clock: when the last handshake was; only if stamp is not 0 */
	int64_t stamp;	   /* wall clock: the same handshake, as the kernel tells it; 0 is never */
	int64_t clock;	   /* wall clock minus boot clock at the time of the last look */
};

/* The two clocks in seconds, read together. */
struct moment {
	int64_t boot, wall;
};

struct moment moment_now(void);

enum { NOTE_SIZE = 160 };

/* Writes a note as an alias, and reads one back; a text that is no note reads as all zero. */
void note_format(char text[static NOTE_SIZE], const struct note *note);
void note_parse(struct note *note, const char *text);

/*
 * Brings a note up to the handshake stamp that the kernel tells now. Keeps the age right however
 * the wall clock was stepped since the last look; where that cannot be told, the peer is younger.
 */
void note_look(struct note *note, int64_t stamp, struct moment now);

/* Seconds since the handshake of the last look, or -1 if there never was one. */
int64_t note_age(const struct note *note, struct moment now);

/* peer.c */

struct wgif_kernel;

/* What a node's request came to. */
struct peer {
	char ifname[IFNAMSIZ];
	unsigned int port;  /* UDP */
	const char *manner; /* for the log: new, renewed or known */
};

/*
 * Gives the node with this key its interface: the one that it has, or a new one. Returns 0 with
 * peer filled in; -ERR_FULL; -ERR_KEY if the key is the gateway's own; or, after it has logged
 * why, -ERR_CONFIG, -ERR_LOCKED or -ERR_FAILURE. It may wait for the lock; a signal that is
 * caught ends that wait.
 */
int peer_admit(struct wgif_kernel *kernel, const struct config *config,
	       const uint8_t pubkey[static KEY_LEN], struct peer *peer);

#endif
