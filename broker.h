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
#include <netinet/in.h>

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
	EXIT_DONE = 0,	       /* a reply was given, or the peer has gone */
	EXIT_USAGE = 64,       /* wrong options */
	EXIT_UNREACHABLE = 69, /* no gateway answered */
	EXIT_FAILED = 71,      /* the kernel, or the machine, does not let us do our work */
	EXIT_BLOCKED = 75,     /* another process held the lock for too long */
	EXIT_FULL = 75,	       /* no gateway accepted, and one at least was full: try again */
	EXIT_NONSENSE = 76,    /* no gateway gave a reply, and one at least sent nonsense */
	EXIT_REFUSED = 77,     /* no gateway accepted or was full, and one at least refused */
	EXIT_CONFIG = 78,      /* the configuration or the private key cannot be used */
};

/* An address with its port; sa_family is AF_UNSPEC if none is known. */
union endpoint {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Which exit code an error, or 0, comes to. */
static inline int exit_code(int error)
{
	switch (-error) {
	case ERR_CONFIG:
		return EXIT_CONFIG;
	case ERR_LOCKED:
		return EXIT_BLOCKED;
	case ERR_FAILURE:
		return EXIT_FAILED;
	default:
		return EXIT_DONE;
	}
}

/* log.c */

/*
 * Names the program, and decides where its log goes: to stderr; but where stdin and stdout serve
 * a peer, and stderr is the same socket as xinetd makes it, to syslog. Call it before anything
 * that may log.
 */
void log_open(const char *program, bool served);

/* Logs one line at a priority of syslog(3). Never hand it key material. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* deadline.c */

/*
 * After so many seconds a call that blocks is interrupted (EINTR), and any further one, until
 * deadline_end(). deadline_passed() tells whether the time has come.
 */
void deadline_set(unsigned int seconds);
void deadline_end(void);
bool deadline_passed(void);

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

/*
 * Makes a private key and its file, of mode 0600, unless there is a file of that name; makes its
 * folder, too. Whoever dies on the way leaves no half-written key. Returns 0, or -ERR_CONFIG after
 * it has logged why.
 */
int key_make(const char *path);

/* curve.c */

/* Sets and clears the bits that all private keys have alike. */
void curve_clamp(uint8_t private_key[static KEY_LEN]);

/* Computes the public key that belongs to a private key. */
void curve_public_key(uint8_t public_key[static KEY_LEN],
		      const uint8_t private_key[static KEY_LEN]);

/* config.c */

/* The operator's settings; config.c has the keys, their limits and their defaults. */
struct config {
	char *private_key;	  /* path of the file with the gateway's private key */
	char *babel;		  /* babeld's local port on ::1, or the path of its Unix socket */
	char *babel_options;	  /* what follows the interface's name in what babeld is told */
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

/*
 * Calls each(argument, name) for every interface in what l3roamd or mmfd answer to get_meshifs.
 * Returns 0 or -ERR_MALFORMED.
 */
int meshifs_parse(const char *text, void (*each)(void *argument, const char *name), void *argument);

/* What a gateway answered. */
struct reply {
	int code;	   /* of its error; 0 if it accepted, and only then the next two count */
	unsigned int port; /* UDP */
	int64_t time;	   /* the gateway's unix time in seconds */
	const char *wrong; /* fixed words on what is wrong with a reply that is none, else NULL */
};

/*
 * Takes all that a gateway sent: one object and white space, as strictly as a request. Returns 0
 * if it is a reply, else -ERR_MALFORMED, -ERR_VERSION or -ERR_FAILURE, with reply->wrong set.
 */
int reply_parse(struct reply *reply, const char *text, size_t len);

/* The protocol's words for the code of an error; other words for a code that it does not have. */
const char *reply_reason(int code);

/* note.c */

/*
 * What is remembered of a peer between two runs, in its interface's alias. The kernel tells the
 * time of a handshake by the wall clock, which may be stepped; here it is kept by the boot clock.
 */
struct note {
	int64_t asked;	   /* boot clock: when a node last asked and its peer was made anew; or 0 */
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
struct wgif;

enum {
	/*
	 * Seconds for which a session may live without a new handshake: REJECT_AFTER_TIME in the
	 * kernel's drivers/net/wireguard/messages.h.
	 */
	PEER_LIVE_TIME = 180,
	/*
	 * Seconds for which a renewed peer is left alone, so that whoever keeps sending its key
	 * cannot keep it from its first handshake; a node tries one every five seconds.
	 */
	PEER_FRESH_TIME = 15,
	PEER_MARKER_SIZE = IFNAMSIZ + 16,
};

/*
 * The slot of an interface by its name, less than MESH_SLOTS, or 0 if it is not a name of ours; and
 * the reverse.
 */
unsigned int peer_slot(const struct config *config, const char *ifname);
void peer_ifname(char ifname[static IFNAMSIZ], const struct config *config, unsigned int slot);

/* Whether an interface is ours: by its kind, its group and its name. */
bool peer_is_ours(const struct config *config, const struct wgif *wgif);

/*
 * The altname that an interface of ours bears after a walk over all the slots was in vain, so
 * that the next one is spared. Whoever deletes interfaces takes it away. Another number of slots
 * makes another marker.
 */
void peer_marker(char marker[static PEER_MARKER_SIZE], const struct config *config);

/*
 * Lists the interfaces that are ours, by slot, each once. Returns how many, with a list that the
 * caller frees, or -ERR_FAILURE after it has logged why.
 */
int peer_list(struct wgif_kernel *kernel, const struct config *config, struct wgif **list);

/*
 * Waits until no other process makes, renews or removes interfaces. Returns a descriptor whose
 * close ends that, or, after it has logged why, -ERR_LOCKED if a signal came first, or -ERR_CONFIG.
 */
int peer_lock(const struct config *config);

/* What a node's request came to. */
struct peer {
	char ifname[IFNAMSIZ];
	unsigned int port; /* UDP */
	enum peer_manner { PEER_NEW, PEER_RENEWED, PEER_KNOWN } manner;
};

/*
 * Gives the node with this key its interface: the one that it has, or a new one. Returns 0 with
 * peer filled in; -ERR_FULL; -ERR_KEY if the key is the gateway's own; or, after it has logged
 * why, -ERR_CONFIG, -ERR_LOCKED or -ERR_FAILURE. It may wait for the lock; a signal that is
 * caught ends that wait.
 */
int peer_admit(struct wgif_kernel *kernel, const struct config *config,
	       const uint8_t pubkey[static KEY_LEN], struct peer *peer);

/* mesh.c */

enum { MESH_SLOTS = 65536 }; /* one more than the highest slot */

/*
 * Tells the routing daemons that are configured of an interface that is up. Each has half a second
 * for an answer; one that does not give it, or says no, is logged.
 */
void mesh_announce(const struct config *config, const char *ifname);

/* Takes interfaces back from all daemons; withdrawn[slot] says which. Call it before deleting. */
void mesh_withdraw(const struct config *config, const bool withdrawn[static MESH_SLOTS]);

/*
 * Asks each daemon which interfaces it has, and tells it of those that it lacks; it takes back
 * those that are of our names but of which gone(argument, slot) says that they exist no more.
 * Only counts where try is set. Returns how many a daemon had to be told of.
 */
unsigned int mesh_sync(const struct config *config, const bool wanted[static MESH_SLOTS],
		       bool (*gone)(void *argument, unsigned int slot), void *argument, bool try);

/* prune.c */

/*
 * Removes the interfaces of ours whose peers are dead, or which are half-made, and brings the
 * routing daemons up to date. With try it only prints what it would do, and why. Returns 0 or a
 * negative error that is logged.
 */
int prune(struct wgif_kernel *kernel, const struct config *config, bool try);

/* Removes all interfaces of ours. Returns 0 or a negative error that is logged. */
int flush(struct wgif_kernel *kernel, const struct config *config);

/* status.c */

enum status_form { STATUS_TABLE, STATUS_JSON, STATUS_PROMETHEUS };

/* Prints what there is on stdout. Returns 0 or a negative error that is logged. */
int status(struct wgif_kernel *kernel, const struct config *config, enum status_form form);

#endif
