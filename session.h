/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One interface, read at one moment: its link, its device with the peer, and the note in its alias.
 * The one place that says whether a session lives, and how old it is.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

#include "clock.h"
#include "note.h"
#include "wgif.h"

struct config;

enum {
	/*
	 * Seconds for which a session may live without a new handshake: REJECT_AFTER_TIME in the
	 * kernel's drivers/net/wireguard/messages.h.
	 */
	SESSION_LIVE_TIME = 180,
	/*
	 * Seconds for which a peer that was just set up is left alone, so that whoever keeps
	 * sending its key cannot keep it from its first handshake; a node tries one every five
	 * seconds.
	 */
	SESSION_FRESH_TIME = 15,
};

struct session {
	struct wgif_link link; /* its index is 0 if there is none */
	struct wgif_device device;
	struct note written; /* as the alias has it */
	struct note note;    /* the same, brought up to the device's handshake */
	struct moment now;
};

enum session_state {
	SESSION_LIVE,	 /* a handshake within SESSION_LIVE_TIME */
	SESSION_WAITING, /* none yet */
	SESSION_STALE,	 /* an old one */
	SESSION_BROKEN,	 /* half-made: some part of the interface is missing */
	SESSION_STATES,
};

/*
 * Reads the interface of that name or altname. The peer is the one of peer_key, or for NULL the one
 * that the interface's altname tells. Returns 0; -ERR_ABSENT; -ERR_FOREIGN if its kind or its group
 * is another, with only session->link read; or -ERR_FAILURE after it has logged why.
 */
int session_read(struct wgif_kernel *kernel, const char *name, unsigned int group,
		 const uint8_t *peer_key, struct session *session);

/* The same for a link that has been read, into session->link, and is known to be ours. */
int session_read_device(struct wgif_kernel *kernel, const uint8_t *peer_key,
			struct session *session);

enum session_state session_state(const struct session *session);

/* Seconds since the last handshake, or -1 if there never was one. */
int64_t session_age(const struct session *session);

/*
 * Seconds since a node last asked and its peer was set up, or -1 if the note does not say. A node
 * that is known and asks again leaves no trace.
 */
int64_t session_asked_age(const struct session *session);

/* Seconds since a handler or prune last looked at it, or -1 if the note does not say. */
int64_t session_looked_age(const struct session *session);

/* Whether there was a handshake within SESSION_LIVE_TIME; the interface may be half-made. */
bool session_is_live(const struct session *session);

/* Whether the peer was set up within SESSION_FRESH_TIME. */
bool session_is_fresh(const struct session *session);

/* Whether the alias is not a note of ours, but somebody else's words. */
bool session_has_foreign_alias(const struct session *session);

/*
 * Lists the links of all peers: of our group, and a slot's name; by slot, each once. Returns how
 * many, with a list that the caller frees, or -ERR_FAILURE after it has logged why.
 */
int session_list_links(struct wgif_kernel *kernel, const struct config *config,
		       struct wgif_link **links);

#endif
