/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing interfaces: those of dead peers, of some keys, or all. */
#ifndef PRUNE_H
#define PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "key.h"

struct access;
struct config;
struct session;
struct wgif_kernel;

/*
 * Removes the interfaces of ours whose peers are dead or not permitted, or which are half-made, and
 * brings the routing daemons up to date. With dry_run it only prints what it would do, and why.
 * key_file is the private key's, of key_open(), and the lock. Returns 0 or a negative error that is
 * logged.
 */
int prune(struct wgif_kernel *kernel, const struct config *config, const struct access *access,
	  int key_file, bool dry_run);

/* Removes all interfaces of ours. Returns 0 or a negative error that is logged. */
int flush(struct wgif_kernel *kernel, const struct config *config, int key_file);

/*
 * Removes the interfaces of these keys, whatever their sessions. Returns 0 or a negative error that
 * is logged; a key that has no interface is one.
 */
int kick(struct wgif_kernel *kernel, const struct config *config, int key_file,
	 const uint8_t (*keys)[KEY_LEN], int count);

/*
 * What was never used, and of which no note tells when it was asked for, gets its time from now on.
 * It does not count as fresh, so that the next request completes it. Call it before prune_reason().
 */
void prune_give_time(struct session *session);

/*
 * Writes why an interface has to go, in words for the operator. Returns false if it may stay. Call
 * it with the lock held: else a handler may be at work on it.
 */
enum { PRUNE_REASON_SIZE = 64 };
bool prune_reason(char reason[static PRUNE_REASON_SIZE], const struct session *session);

#endif
