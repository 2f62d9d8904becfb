// SPDX-License-Identifier: GPL-2.0-or-later
/* Notes: as text, and the age of a handshake while somebody steps the wall clock. */
#include "unit.h"

#include "note.h"

#define ZERO "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0"

#define DAY INT64_C(86400)
#define YEAR (365 * DAY)

static const int64_t last = ((int64_t)1 << 48) - 1; /* the highest that a note keeps */

static const struct text_row {
	const char *name, *text, *want; /* what it is written as again */
} texts[] = {
	{ "a note",
	  "wg-broker asked=1 since=9 looked=23 handshake=456 stamp=1795373281 clock=1795370000",
	  "wg-broker asked=1 since=9 looked=23 handshake=456 stamp=1795373281 clock=1795370000" },
	{ "of a full gateway",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=6 limit=0 quota=0 failed=0",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=6 limit=0 quota=0 failed=0" },
	{ "with a limit",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=6 quota=0 failed=0",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=6 quota=0 failed=0" },
	{ "with a quota",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=0 quota=6 failed=0",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=0 quota=6 failed=0" },
	{ "with all",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=6 limit=7 quota=8 failed=0",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=6 limit=7 quota=8 failed=0" },
	{ "of a node that failed",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=0 quota=0 failed=6",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=0 quota=0 failed=6" },
	{ "one higher: failed",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0 full=0 limit=0 quota=0 "
	  "failed=281474976710656",
	  ZERO },
	{ "with two",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=6 limit=7", ZERO },
	{ "with none",
	  "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 full=0 limit=0 quota=0 failed=0",
	  ZERO },
	{ "one higher: full",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0 full=281474976710656 limit=0 "
	  "quota=0 failed=0",
	  ZERO },
	{ "one higher: limit",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0 full=1 limit=281474976710656 "
	  "quota=0 failed=0",
	  ZERO },
	{ "one higher: quota",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=0 full=1 limit=1 "
	  "quota=281474976710656 failed=0",
	  ZERO },
	{ "one higher: since",
	  "wg-broker asked=0 since=281474976710656 looked=0 handshake=0 stamp=0 clock=0", ZERO },
	{ "negative ones", "wg-broker asked=-1 since=-9 looked=-2 handshake=-3 stamp=-4 clock=-5",
	  "wg-broker asked=-1 since=-9 looked=-2 handshake=-3 stamp=-4 clock=-5" },
	{ "zeroes", ZERO, ZERO },
	{ "the highest",
	  "wg-broker asked=281474976710655 since=9 looked=0 handshake=0 stamp=0 clock=-281474976710655",
	  "wg-broker asked=281474976710655 since=9 looked=0 handshake=0 stamp=0 clock=-281474976710655" },
	{ "one higher",
	  "wg-broker asked=281474976710656 since=9 looked=0 handshake=0 stamp=0 clock=0", ZERO },
	{ "one lower",
	  "wg-broker asked=-281474976710656 since=9 looked=0 handshake=0 stamp=0 clock=0", ZERO },
	{ "one higher: looked",
	  "wg-broker asked=0 since=0 looked=281474976710656 handshake=0 stamp=0 clock=0", ZERO },
	{ "one higher: handshake",
	  "wg-broker asked=0 since=0 looked=0 handshake=281474976710656 stamp=0 clock=0", ZERO },
	{ "one higher: stamp",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=281474976710656 clock=0", ZERO },
	{ "one higher: clock",
	  "wg-broker asked=0 since=0 looked=0 handshake=0 stamp=0 clock=281474976710656", ZERO },
	{ "2^63",
	  "wg-broker asked=9223372036854775808 since=9 looked=0 handshake=0 stamp=0 clock=0",
	  ZERO },
	{ "2^64 + 1",
	  "wg-broker asked=18446744073709551617 since=9 looked=0 handshake=0 stamp=0 clock=0",
	  ZERO },
	{ "empty", "", ZERO },
	{ "an operator's words", "node of the town hall", ZERO },
	{ "the name alone", "wg-broker", ZERO },
	{ "one number less", "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4", ZERO },
	{ "no last number", "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=", ZERO },
	{ "something behind", "wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5 ",
	  ZERO },
	{ "something in front", " wg-broker asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5",
	  ZERO },
	{ "two blanks", "wg-broker  asked=1 since=9 looked=2 handshake=3 stamp=4 clock=5", ZERO },
	{ "a blank in front of a number",
	  "wg-broker asked= 1 since=9 looked=2 handshake=3 stamp=4 clock=5", ZERO },
	{ "a zero in front", "wg-broker asked=01 since=9 looked=2 handshake=3 stamp=4 clock=5",
	  ZERO },
	{ "a plus", "wg-broker asked=+1 since=9 looked=2 handshake=3 stamp=4 clock=5", ZERO },
	{ "hexadecimal", "wg-broker asked=0x1 since=9 looked=2 handshake=3 stamp=4 clock=5", ZERO },
	{ "another order", "wg-broker looked=1 asked=2 handshake=3 stamp=4 clock=5", ZERO },
};

static void test_text(void **state)
{
	const struct text_row *row = *state;
	struct note note;
	char text[NOTE_SIZE];

	memset(&note, 0xaa, sizeof(note));
	note_parse(&note, row->text);
	note_format(text, &note);
	unit_is_text("text", text, row->want);
}

/* The longest alias that a kernel keeps, of nothing but one number. */
static void test_long_text(void **state)
{
	char text[256] = "wg-broker asked=";
	struct note note;

	(void)state;
	memset(text + strlen(text), '1', sizeof(text) - 1 - strlen(text));
	note_parse(&note, text);
	note_format(text, &note);
	unit_is_text("text", text, ZERO);
}

static void test_sizes(void **state)
{
	const struct note note = { -last, -last, -last, -last, -last,
				   -last, -last, -last, -last, -last };
	struct note back;
	char text[NOTE_SIZE];

	(void)state;
	note_format(text, &note);
	if (strlen(text) >= NOTE_SIZE - 1)
		unit_is_text("text", text, "one that fits");
	note_parse(&back, text);
	assert_memory_equal(&note, &back, sizeof(note));
}

/* What happens to a gateway, at seconds since its boot. */
struct event {
	int64_t at;
	enum { END, LOOK, SHAKE, STEP } what;
	int64_t by; /* of a step of the wall clock, in seconds */
};

/* The age that the note must tell at the last event, which is a look: from least to most. */
struct clock_row {
	const char *name;
	struct event events[10];
	int64_t least, most;
};

static const struct clock_row clocks[] = {
	{ "no handshake yet", { { 1000, LOOK, 0 }, { 1300, LOOK, 0 } }, -1, -1 },
	{ "never, and a step",
	  { { 1000, LOOK, 0 }, { 1100, STEP, YEAR }, { 1300, LOOK, 0 } },
	  -1,
	  -1 },
	{ "no step", { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1300, LOOK, 0 } }, 200, 200 },
	{ "just now", { { 1000, LOOK, 0 }, { 1300, SHAKE, 0 }, { 1300, LOOK, 0 } }, 0, 0 },
	{ "right after the last look",
	  { { 1000, LOOK, 0 }, { 1000, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  300,
	  300 },
	{ "two looks",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1300, LOOK, 0 }, { 1600, LOOK, 0 } },
	  500,
	  500 },
	{ "two handshakes",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1300, LOOK, 0 },
	    { 1400, SHAKE, 0 },
	    { 1600, LOOK, 0 } },
	  200,
	  200 },
	{ "looks ten days apart",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 10 * DAY, LOOK, 0 } },
	  10 * DAY - 1100,
	  10 * DAY - 1100 },

	{ "+1 year, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, YEAR }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  100,
	  100 },
	{ "a handshake, then +1 year",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, YEAR }, { 1300, LOOK, 0 } },
	  200,
	  200 },
	{ "-1 year, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, -YEAR }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  100,
	  100 },
	{ "a handshake, then -1 year",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, -YEAR }, { 1300, LOOK, 0 } },
	  200,
	  200 },
	{ "+1 day, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, DAY }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  100,
	  100 },
	{ "a handshake, then +1 day",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, DAY }, { 1300, LOOK, 0 } },
	  200,
	  200 },
	{ "-1 day, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, -DAY }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  100,
	  100 },
	{ "a handshake, then -1 day",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, -DAY }, { 1300, LOOK, 0 } },
	  200,
	  200 },
	{ "+1 year after the look that saw it",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1200, LOOK, 0 },
	    { 1300, STEP, YEAR },
	    { 1500, LOOK, 0 } },
	  400,
	  400 },
	{ "-1 year after the look that saw it",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1200, LOOK, 0 },
	    { 1300, STEP, -YEAR },
	    { 1500, LOOK, 0 } },
	  400,
	  400 },
	{ "a handshake, -1 year, and another",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1200, LOOK, 0 },
	    { 1300, STEP, -YEAR },
	    { 1400, SHAKE, 0 },
	    { 1600, LOOK, 0 } },
	  200,
	  200 },
	{ "a step a look",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1200, STEP, YEAR },
	    { 1300, LOOK, 0 },
	    { 1400, STEP, -DAY },
	    { 1600, LOOK, 0 },
	    { 1700, STEP, -YEAR },
	    { 1900, LOOK, 0 } },
	  800,
	  800 },
	{ "back and forth",
	  { { 1000, LOOK, 0 },
	    { 1100, SHAKE, 0 },
	    { 1150, STEP, YEAR },
	    { 1200, STEP, -YEAR },
	    { 1300, LOOK, 0 } },
	  200,
	  200 },

	/* Small steps: the truth, or younger by no more than the step. */
	{ "+30 s, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, 30 }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  70,
	  100 },
	{ "a handshake, then +30 s",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, 30 }, { 1300, LOOK, 0 } },
	  200,
	  200 },
	{ "-30 s, then a handshake",
	  { { 1000, LOOK, 0 }, { 1100, STEP, -30 }, { 1200, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  100,
	  100 },
	{ "a handshake, then -30 s",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1200, STEP, -30 }, { 1300, LOOK, 0 } },
	  170,
	  200 },
	{ "+1 s, then a handshake now",
	  { { 1000, LOOK, 0 }, { 1300, STEP, 1 }, { 1300, SHAKE, 0 }, { 1300, LOOK, 0 } },
	  0,
	  0 },
	{ "a handshake now, then -1 s",
	  { { 1000, LOOK, 0 }, { 1300, SHAKE, 0 }, { 1300, STEP, -1 }, { 1300, LOOK, 0 } },
	  0,
	  0 },
	{ "a step to the very stamp",
	  { { 1000, LOOK, 0 }, { 1100, SHAKE, 0 }, { 1300, STEP, -200 }, { 1300, LOOK, 0 } },
	  0,
	  200 },

	/* Two steps, and a handshake between: nobody can tell, but it was after the last look. */
	{ "+1 year, a handshake, +1 year",
	  { { 1000, LOOK, 0 },
	    { 1100, STEP, YEAR },
	    { 1150, SHAKE, 0 },
	    { 1200, STEP, YEAR },
	    { 1300, LOOK, 0 } },
	  0,
	  301 },
	{ "+1 year, a handshake, -1 year",
	  { { 1000, LOOK, 0 },
	    { 1100, STEP, YEAR },
	    { 1150, SHAKE, 0 },
	    { 1200, STEP, -YEAR },
	    { 1300, LOOK, 0 } },
	  0,
	  301 },
	{ "-1 day, a handshake, +1 year",
	  { { 1000, LOOK, 0 },
	    { 1100, STEP, -DAY },
	    { 1150, SHAKE, 0 },
	    { 1200, STEP, YEAR },
	    { 1300, LOOK, 0 } },
	  0,
	  301 },
	{ "-30 s, a handshake, +20 s",
	  { { 1000, LOOK, 0 },
	    { 1100, STEP, -30 },
	    { 1150, SHAKE, 0 },
	    { 1200, STEP, 20 },
	    { 1300, LOOK, 0 } },
	  0,
	  301 },

	{ "+400 s, a handshake, +1000 s",
	  { { 1000, LOOK, 0 },
	    { 5000, LOOK, 0 },
	    { 5100, STEP, 400 },
	    { 5200, SHAKE, 0 },
	    { 5250, STEP, 1000 },
	    { 5300, LOOK, 0 } },
	  0,
	  301 },

	/* The first look of all: an interface whose note was lost, or of another program. */
	{ "the first look", { { 1100, SHAKE, 0 }, { 1300, LOOK, 0 } }, 200, 200 },
	{ "a first look after +1 year",
	  { { 1100, SHAKE, 0 }, { 1200, STEP, YEAR }, { 1300, LOOK, 0 } },
	  0,
	  200 },
	{ "a first look after -1 year",
	  { { 1100, SHAKE, 0 }, { 1200, STEP, -YEAR }, { 1300, LOOK, 0 } },
	  0,
	  200 },
	{ "a first look, and never", { { 1300, LOOK, 0 } }, -1, -1 },
};

static void test_clock(void **state)
{
	const struct clock_row *row = *state;
	int64_t offset = 1795370000, stamp = 0, age = 0;
	struct note note = { 0 };
	char text[NOTE_SIZE];

	for (const struct event *event = row->events; event->what; event++) {
		const struct moment now = { event->at, event->at + offset };

		if (event->what == STEP)
			offset += event->by;
		if (event->what == SHAKE)
			stamp = now.wall;
		if (event->what != LOOK)
			continue;
		note_look(&note, stamp, now);
		age = note_age(&note, now);
		/* As it goes from one run to the next. */
		note_format(text, &note);
		note_parse(&note, text);
	}
	if (age < row->least || age > row->most) {
		unit_is_int("age, from", age, row->least);
		unit_is_int("age, to", age, row->most);
	}
}

/* A peer that was made anew has no handshake again. */
static void test_renewed(void **state)
{
	struct note note = { 0 };

	(void)state;
	note_look(&note, 500100, (struct moment){ 200, 500200 });
	unit_is_int("age", note_age(&note, (struct moment){ 210, 500210 }), 110);
	note_look(&note, 0, (struct moment){ 300, 500300 });
	unit_is_int("age", note_age(&note, (struct moment){ 310, 500310 }), -1);
}

/* A boot clock behind the note's: not one of this boot. Nothing is to be taken for old. */
static void test_clock_behind(void **state)
{
	struct note note = { .asked = 9000, .looked = 9000, .clock = 7 };
	const struct moment now = { 100, 500100 };

	(void)state;
	note_look(&note, 500050, now);
	unit_is_int("age", note_age(&note, now), 0);
}

/* A handshake that a boot clock has yet to reach, known from a note alone. */
static void test_handshake_ahead(void **state)
{
	struct note note = { .handshake = 7456, .stamp = 500050 };
	const struct moment now = { 1000, 501000 };

	(void)state;
	note_look(&note, 500050, now);
	unit_is_int("age", note_age(&note, now), 950);
}

/* The last look was 300 s ago. An age of one second more may come of the clocks' fractions. */
static const struct limit_row {
	const char *name;
	int64_t seems, want;
} limits[] = {
	{ "300 s", 300, 300 },
	{ "301 s", 301, 301 },
	{ "302 s, before the last look", 302, 0 },
	{ "in the future", -1, 0 },
};

static void test_limit(void **state)
{
	const struct limit_row *row = *state;
	struct note note = { .looked = 1000, .clock = 499000 };
	const struct moment now = { 1300, 500300 };

	note_look(&note, 500300 - row->seems, now);
	unit_is_int("age", note_age(&note, now), row->want);
}

/* The numbers at a note's bounds: a sanitizer sees what overflows. */
static void test_bounds(void **state)
{
	const int64_t ends[] = { -last, -1, 0, 1, last };
	const size_t n = ARRAY_SIZE(ends);

	(void)state;
	for (size_t i = 0; i < n * n * n; i++) {
		struct note note = { .looked = ends[i % n], .stamp = 1, .clock = ends[i / n % n] };
		const struct moment now = { 1000, 1795373281 };
		int64_t age;

		note_look(&note, ends[i / n / n], now);
		age = note_age(&note, now);
		if (age < -1)
			unit_is_int("age", age, -1);
	}
}

int main(void)
{
	UNIT_TABLE(test_text, texts);
	unit_add("a long text", test_long_text, NULL);
	unit_add("the longest note", test_sizes, NULL);
	UNIT_TABLE(test_clock, clocks);
	unit_add("a renewed peer", test_renewed, NULL);
	unit_add("a boot clock that is behind", test_clock_behind, NULL);
	unit_add("a handshake ahead of the boot clock", test_handshake_ahead, NULL);
	UNIT_TABLE(test_limit, limits);
	unit_add("the numbers' bounds", test_bounds, NULL);
	return unit_run();
}
