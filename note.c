// SPDX-License-Identifier: GPL-2.0-or-later
/* What is remembered of a peer, in its interface's alias, and how old a handshake is. No I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker.h"

#define NOTE_FORMAT(number)                                                                        \
	"wg-broker asked=" number " looked=" number " handshake=" number " stamp=" number          \
	" clock=" number

struct moment moment_now(void)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct moment){ .boot = boot.tv_sec, .wall = wall.tv_sec };
}

void note_format(char text[static NOTE_SIZE], const struct note *note)
{
	snprintf(text, NOTE_SIZE, NOTE_FORMAT("%" PRId64), note->asked, note->looked,
		 note->handshake, note->stamp, note->clock);
}

/* Whether arithmetic with it cannot overflow. */
static bool is_sane(int64_t seconds)
{
	return seconds > -((int64_t)1 << 48) && seconds < (int64_t)1 << 48;
}

void note_parse(struct note *note, const char *text)
{
	char again[NOTE_SIZE];

	memset(note, 0, sizeof(*note));
	if (sscanf(text, NOTE_FORMAT("%" SCNd64), &note->asked, &note->looked, &note->handshake,
		   &note->stamp, &note->clock) == 5 &&
	    is_sane(note->asked) && is_sane(note->looked) && is_sane(note->handshake) &&
	    is_sane(note->stamp) && is_sane(note->clock)) {
		/* sscanf(3) takes more than we write: what comes out otherwise is not ours. */
		note_format(again, note);
		if (strcmp(again, text) == 0)
			return;
	}
	memset(note, 0, sizeof(*note));
}

void note_look(struct note *note, int64_t stamp, struct moment now)
{
	/*
	 * A new handshake was after the last look. Its age by the clock as it is, and by the clock
	 * as it was at that look: if the clock was stepped in between, one of the two is right.
	 * Both clocks are cut to seconds, so an age may seem one too high.
	 */
	const int64_t ages[] = { now.wall - stamp, now.boot + note->clock - stamp };
	const int64_t limit = now.boot - note->looked + 1;
	int64_t age = limit + 1;

	if (stamp != note->stamp) {
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

int64_t note_age(const struct note *note, struct moment now)
{
	return note->stamp ? now.boot - note->handshake : -1;
}
