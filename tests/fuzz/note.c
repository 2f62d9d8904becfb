// SPDX-License-Identifier: GPL-2.0-or-later
/* Notes: an alias is the note that it is written as again, or none; any look gives an age. */
#include "fuzz.h"
#include "note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct moment now = { 1000, 1795373281 };
	char text[256] = "", again[NOTE_SIZE];
	struct note note;

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	note_parse(&note, text);
	note_format(again, &note);
	if (strcmp(again, text) != 0 &&
	    strcmp(again, "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0") != 0)
		abort();
	note_look(&note, 1795373200, now);
	if (note_age(&note, now) < 0)
		abort();
	return 0;
}
