// SPDX-License-Identifier: GPL-2.0-or-later
/* From private keys to public ones. */
#include "unit.h"

#include "error.h"
#include "node/curve.h"

/* The first two are of RFC 7748, section 6.1; all were checked with `wg pubkey`. */
static const struct row {
	const char *name, *private_key, *public_key;
} rows[] = {
	{ "RFC 7748, Alice", "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
	  "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=" },
	{ "RFC 7748, Bob", "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
	  "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=" },
};

static void decode(uint8_t key[static KEY_LEN], const char *text)
{
	unit_is_int("decoded", key_from_text(key, text, strlen(text)), 0);
}

static void test_public_key(void **state)
{
	const struct row *row = *state;
	uint8_t private_key[KEY_LEN], public_key[KEY_LEN];
	char text[KEY_TEXT_SIZE];

	decode(private_key, row->private_key);
	curve_public_key(public_key, private_key);
	key_to_text(text, public_key);
	unit_is_text("public key", text, row->public_key);
	/* Clamping is part of it. */
	curve_clamp(private_key);
	curve_public_key(public_key, private_key);
	key_to_text(text, public_key);
	unit_is_text("of the clamped key", text, row->public_key);
}

static void test_clamp(void **state)
{
	uint8_t key[KEY_LEN];

	(void)state;
	memset(key, 0xff, sizeof(key));
	curve_clamp(key);
	unit_is_int("first byte", key[0], 0xf8);
	unit_is_int("last byte", key[31], 0x7f);
	unit_is_int("one between", key[15], 0xff);
	memset(key, 0, sizeof(key));
	curve_clamp(key);
	unit_is_int("last byte of zero", key[31], 0x40);
}

int main(void)
{
	UNIT_TABLE(test_public_key, rows);
	unit_add("clamp", test_clamp, NULL);
	return unit_run();
}
