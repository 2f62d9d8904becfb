/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of a peer between two runs, in its interface's alias. Pure. */
#ifndef NOTE_H
#define NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/*
 * The kernel tells the time of a handshake by the wall clock, which may be stepped; here it is
 * kept by the boot clock. All are seconds.
 */
struct note {
	int64_t asked;	/* boot clock: when a node last asked and its peer was set up; or 0 */
	int64_t since;	/* boot clock: when the key got the interface, or asked for it anew; or 0 */
	int64_t looked; /* boot clock: when the handshake was last looked at */
	int64_t handshake; /* boot clock: when the last handshake was, of whatever set-up; or 0 */
	/* Wall clock: the same handshake, as the kernel tells it; 0: none since the peer was set
	 * up. */
	int64_t stamp;
	int64_t clock; /* wall clock minus boot clock at the time of the last look */
	/* Of the bearers of markers, see peer.c; each may be 0. */
	int64_t full;  /* boot clock: until when it is in vain to look for a slot */
	int64_t limit; /* the number of slots beyond which there was no interface */
	int64_t quota; /* boot clock: until when it is in vain to look at a source's interfaces */
	/* Of a node. */
	int64_t failed; /* where no gateway shook hands, see node/tunnel.h; or 0 */
};

enum { NOTE_SIZE = 256 };

/* Writes a note as an alias, and reads one back; a text that is no note reads as all zero. */
void note_format(char text[static NOTE_SIZE], const struct note *note);
void note_parse(struct note *note, const char *text);

/*
 * Brings a note up to the handshake stamp that the kernel tells now. Keeps the age right however
 * the wall clock was stepped since the last look; where that cannot be told, the peer is younger.
 */
void note_look(struct note *note, int64_t stamp, struct moment now);

/* Whether there ever was one, be it before the peer was last set up. */
bool note_had_handshake(const struct note *note);

/* Seconds since the handshake of the last look, or -1 if there is none since the peer was set up.
 */
int64_t note_age(const struct note *note, struct moment now);

#endif
