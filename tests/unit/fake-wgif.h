/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few interfaces in memory that behave like the kernel's: wgif.h for the units. They live in
 * memory that forked processes share, since a prune deletes in such.
 */
#ifndef FAKE_WGIF_H
#define FAKE_WGIF_H

#include <netinet/in.h>

#include "wgif.h"

enum { FAKE_INTERFACES = 80, FAKE_ALTNAMES = 4, FAKE_ADDRESSES = 2 };

struct fake_interface {
	struct wgif_link link; /* its index is 0 if there is no such interface */
	char altnames[FAKE_ALTNAMES][WGIF_ALTNAME_SIZE];
	struct in6_addr addresses[FAKE_ADDRESSES];
	struct wgif_device device; /* has_peer and what follows tell of the peer of peer_key */
	uint8_t private_key[KEY_LEN], peer_key[KEY_LEN];
};

/* A kernel without interfaces, planned failures and hooks. Call it first in each test. */
struct wgif_kernel *fake_reset(void);

/* Adds a WireGuard interface, and returns it for changes. */
struct fake_interface *fake_add(const char *name);

/* The interface of a name or an altname, or NULL. */
struct fake_interface *fake_find(const char *name);

void fake_add_altname(struct fake_interface *interface, const char *altname);
bool fake_has_address(const struct fake_interface *interface, const struct in6_addr *address);

/*
 * A verb is the first word of a call as fake_calls() writes it. Lets the nth call of a verb from
 * now on, 1 for the next, return this negative error, and do nothing else.
 */
void fake_fail(const char *verb, int nth, int error);

/* Calls hook() just before the nth call of a verb from now on. */
void fake_before(const char *verb, int nth, void (*hook)(void));

/* A UDP port that another program holds, or 0. */
void fake_hold_port(unsigned int port);

/*
 * The calls since the last time, joined by ", ": each a verb, a name, and what else matters. A
 * key's altname is written as "key" and the number that is its first byte.
 */
const char *fake_calls(void);

/* Adds another line to those: for what must come before or after a call. */
void fake_record(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fills a key with one byte. */
void fake_key(uint8_t key[static KEY_LEN], uint8_t byte);

/* The public key that the fake's devices have of a private one. */
void fake_public_key(uint8_t public_key[static KEY_LEN], const uint8_t private_key[static KEY_LEN]);

#endif
