// SPDX-License-Identifier: GPL-2.0-or-later
/* What is remembered of a peer, in its interface's alias, and how old a handshake is. Pure. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "note.h"

#define NOTE_FORMAT(number)                                                                        \
	"wg-broker asked=" number " since=" number " looked=" number " handshake=" number          \
	" stamp=" number " clock=" number
/* Few interfaces have these, and they are left out of the others. */
#define NOTE_MORE(number) " full=" number " limit=" number " quota=" number " failed=" number

enum { NOTE_FIELDS = 6 }; /* that all have */

void note_format(char text[static NOTE_SIZE], const struct note *note)
{
	const int len = snprintf(text, NOTE_SIZE, NOTE_FORMAT("%" PRId64), note->asked, note->since,
				 note->looked, note->handshake, note->stamp, note->clock);

	if (note->full || note->limit || note->quota || note->failed)
		snprintf(text + len, NOTE_SIZE - (size_t)len, NOTE_MORE("%" PRId64), note->full,
			 note->limit, note->quota, note->failed);
}

/* Whether arithmetic with it cannot overflow. */
static bool is_sane(int64_t seconds)
{
	return seconds > -((int64_t)1 << 48) && seconds < (int64_t)1 << 48;
}

static bool is_sane_note(const struct note *note)
{
	return is_sane(note->asked) && is_sane(note->since) && is_sane(note->looked) &&
	       is_sane(note->handshake) && is_sane(note->stamp) && is_sane(note->clock) &&
	       is_sane(note->full) && is_sane(note->limit) && is_sane(note->quota) &&
	       is_sane(note->failed);
}

void note_parse(struct note *note, const char *text)
{
	char again[NOTE_SIZE] = "";
	int fields;

	memset(note, 0, sizeof(*note));
	fields = sscanf(text, NOTE_FORMAT("%" SCNd64) NOTE_MORE("%" SCNd64), &note->asked,
			&note->since, &note->looked, &note->handshake, &note->stamp, &note->clock,
			&note->full, &note->limit, &note->quota, &note->failed);
	/* sscanf(3) accepts more than note_format() writes, so the text must come out again. */
	if (fields >= NOTE_FIELDS && is_sane_note(note))
		note_format(again, note);
	if (strcmp(again, text) != 0)
		memset(note, 0, sizeof(*note));
}

void note_look(struct note *note, int64_t stamp, struct moment now)
{
	/*
	 * A new handshake came after the last look. These are its ages by the wall clock as it is
	 * now, and as it was at that look: if it was stepped once since, one of the two is right.
	 * Both clocks are cut to seconds, so that an age may seem one second too high.
	 */
	const int64_t ages[] = { now.wall - stamp, now.boot + note->clock - stamp };
	const int64_t limit = now.boot - note->looked + 1;
	int64_t age = limit + 1;

	/* A note of a later boot clock than this, of another machine say, does not know the age. */
	if (stamp != note->stamp || note->handshake > now.boot) {
		for (int i = 0; i < 2; i++)
			if (ages[i] >= 0 && ages[i] < age)
				age = ages[i];
		if (age > limit)
			age = 0;
		note->handshake = now.boot - age;
		note->stamp = stamp;
	}
	note->looked = now.boot;
	note->clock = now.wall - now.boot;
}

bool note_had_handshake(const struct note *note)
{
	return note->stamp || note->handshake;
}

int64_t note_age(const struct note *note, struct moment now)
{
	return note->stamp ? now.boot - note->handshake : -1;
}
