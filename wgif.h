/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard interfaces in the kernel: one function a kernel verb. No policy, no state. */
#ifndef WGIF_H
#define WGIF_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "endpoint.h"
#include "key.h"

enum {
	WGIF_ALIAS_SIZE = 256,	 /* IFALIASZ of the kernel */
	WGIF_ALTNAME_SIZE = 128, /* ALTIFNAMSIZ of the kernel */
	WGIF_MORE_NAMES = 4,
	WGIF_MORE_SIZE = 48,
};

struct wgif_kernel; /* the sockets to the kernel */

/* A link as rtnetlink tells it. */
struct wgif_link {
	unsigned int index;
	char name[IFNAMSIZ];
	bool wireguard; /* its kind */
	bool up, multicast;
	unsigned int group;
	unsigned int mtu;
	char alias[WGIF_ALIAS_SIZE];
	bool has_key; /* one of its altnames is a key's, and this is the key */
	uint8_t key[KEY_LEN];
	/* The first of its other altnames, but for longer ones; empty where there are no more. */
	char more_names[WGIF_MORE_NAMES][WGIF_MORE_SIZE];
};

/* A WireGuard device, and one peer of it, as the kernel tells them. */
struct wgif_device {
	uint8_t public_key[KEY_LEN]; /* the device's own; all zero if it has none yet */
	unsigned int listen_port;    /* 0 if none is set */
	uint32_t mark;		     /* firewall mark of its UDP packets; 0 is none */
	bool has_peer;		     /* the peer asked for is there; else the rest is all zero */
	uint8_t peer_key[KEY_LEN];
	int64_t handshake;	/* unix time in seconds; 0 is never */
	unsigned int keepalive; /* seconds; 0 is off */
	bool ipv4, ipv6;	/* it may use every address of these */
	bool has_other_ips;	/* it may use some others */
	uint64_t rx_bytes, tx_bytes;
	union endpoint endpoint;
};

/* What wgif_set_device() is to set. */
struct wgif_setup {
	const uint8_t *private_key;	/* KEY_LEN bytes; NULL leaves the device's */
	unsigned int listen_port;	/* 0 leaves it, and a device that has none takes any */
	bool new_port;			/* with a listen_port of 0: the kernel chooses another */
	bool new_mark;			/* sets the mark, and else leaves it */
	uint32_t mark;			/* firewall mark of the UDP packets; 0 is none */
	const uint8_t *peer_key;	/* KEY_LEN bytes; NULL for none */
	bool ipv4, ipv6;		/* the peer may use every address of these */
	const union endpoint *endpoint; /* NULL leaves the peer's */
	unsigned int keepalive;		/* seconds; 0 leaves the peer's */
	bool replace_peers;		/* removes every peer first, and its session */
};

/* Opens the sockets. Returns NULL after it has logged why. Free it with wgif_close(). */
struct wgif_kernel *wgif_open(void);
void wgif_close(struct wgif_kernel *kernel);

/*
 * Asks the kernel whether it has WireGuard; if that is a module, this loads it. Returns 0, or
 * -ERR_FAILURE after it has logged why.
 */
int wgif_load(struct wgif_kernel *kernel);

/*
 * The functions below return 0, the errors that they name, or -ERR_FAILURE after they have logged
 * why. Of a link they use the index, and the name for the log.
 */

/* Finds a link by its name or by an altname. Returns 0, -ERR_ABSENT or -ERR_FAILURE. */
int wgif_find(struct wgif_kernel *kernel, const char *name, struct wgif_link *link);

/*
 * Calls each(argument, link) for every WireGuard interface there is. One that comes or goes
 * meanwhile may be left out or told of twice.
 */
int wgif_foreach(struct wgif_kernel *kernel,
		 void (*each)(void *argument, const struct wgif_link *link), void *argument);

/*
 * Reads a device and its peer of that key, or for NULL the only one it has. Returns 0, -ERR_ABSENT
 * or -ERR_FAILURE.
 */
int wgif_get_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const uint8_t *peer_key, struct wgif_device *device);

/*
 * Makes a WireGuard interface that is down, and sets the link's name, index and MTU. Returns
 * 0, -ERR_EXISTS or -ERR_FAILURE.
 */
int wgif_create(struct wgif_kernel *kernel, const char *name, unsigned int group, unsigned int mtu,
		struct wgif_link *link);

/* Takes an interface down and gives it another name. Returns 0, -ERR_EXISTS or -ERR_FAILURE. */
int wgif_rename(struct wgif_kernel *kernel, struct wgif_link *link, const char *name);

/* Adds an altname, unique in the network namespace. Returns 0, -ERR_EXISTS or -ERR_FAILURE. */
int wgif_add_altname(struct wgif_kernel *kernel, const struct wgif_link *link, const char *altname);

/* Removes an altname. Returns 0 also if there is no such altname. */
int wgif_delete_altname(struct wgif_kernel *kernel, const struct wgif_link *link,
			const char *altname);

/*
 * Sets a device and its peer in one step. The session of a peer that stays lives on. Returns 0,
 * -ERR_BUSY for the port, or -ERR_FAILURE.
 */
int wgif_set_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const struct wgif_setup *setup);

/*
 * Brings an interface up, with multicast, and sets its alias, in one message; NULL leaves the
 * alias. Returns 0, -ERR_BUSY for the port, or -ERR_FAILURE.
 */
int wgif_set_up(struct wgif_kernel *kernel, const struct wgif_link *link, unsigned int mtu,
		const char *alias);

/* Adds an IPv6 address with a prefix of 64 bits, if it is not there. */
int wgif_add_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		     const struct in6_addr *address);

/* Removes an IPv6 address. Returns 0 also if it is not there. */
int wgif_delete_address(struct wgif_kernel *kernel, const struct wgif_link *link,
			const struct in6_addr *address);

/* Adds an IPv6 address as wgif_add_address() does, and removes all other link-local ones. */
int wgif_keep_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		      const struct in6_addr *address);

/* Sets the alias: text of less than WGIF_ALIAS_SIZE bytes. */
int wgif_set_alias(struct wgif_kernel *kernel, const struct wgif_link *link, const char *alias);

/*
 * Deletes an interface, and waits until the kernel is done, some 0.1 s. Returns 0 also if it is not
 * there.
 */
int wgif_delete(struct wgif_kernel *kernel, const struct wgif_link *link);

#endif
