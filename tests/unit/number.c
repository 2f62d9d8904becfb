// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers: digits, within limits, and nothing else. */
#include <limits.h>

#include "unit.h"

#include "number.h"

enum { BEFORE = 4711 };

static const struct row {
	const char *text; /* also the row's name */
	unsigned int min, max;
	bool want;
	unsigned int number;
} rows[] = {
	{ "0", 0, 0, true, 0 },
	{ "1", 1, 65535, true, 1 },
	{ "65535", 1, 65535, true, 65535 },
	{ "1280", 1280, 65455, true, 1280 },
	{ "4294967295", 0, UINT_MAX, true, UINT_MAX },
	{ "0042", 1, 100, true, 42 },
	{ "00000000000000000000000000000000001", 1, 1, true, 1 },
	{ "", 0, 9, false, 0 },
	{ "0", 1, 9, false, 0 },
	{ "1279", 1280, 65455, false, 0 },
	{ "65536", 1, 65535, false, 0 },
	{ "10", 1, 9, false, 0 },
	/* Beyond 2^32, 2^64 and 2^128, where they would be 1 again. */
	{ "4294967296", 0, UINT_MAX, false, 0 },
	{ "4294967297", 0, UINT_MAX, false, 0 },
	{ "18446744073709551617", 0, UINT_MAX, false, 0 },
	{ "340282366920938463463374607431768211457", 0, UINT_MAX, false, 0 },
	{ "-1", 0, UINT_MAX, false, 0 },
	{ "+1", 0, 9, false, 0 },
	{ " 1", 0, 9, false, 0 },
	{ "1 ", 0, 9, false, 0 },
	{ "1\n", 0, 9, false, 0 },
	{ "1x", 0, 9, false, 0 },
	{ ":", 0, UINT_MAX, false, 0 },
	{ "/", 0, UINT_MAX, false, 0 },
	{ "x", 0, 9, false, 0 },
	{ "0x1", 0, 9, false, 0 },
	{ "1.0", 0, 9, false, 0 },
	{ "1e0", 0, 9, false, 0 },
	{ "\331\241", 0, 9, false, 0 }, /* ARABIC-INDIC DIGIT ONE */
};

static void test_number(void **state)
{
	const struct row *row = *state;
	unsigned int number = BEFORE;

	unit_is_int("returned", number_parse(row->text, row->min, row->max, &number),
		    row->want ? 0 : -1);
	unit_is_int("number", number, row->want ? row->number : BEFORE);
}

int main(void)
{
	UNIT_TABLE(test_number, rows);
	return unit_run();
}
