// SPDX-License-Identifier: GPL-2.0-or-later
/* Against Python's hashlib.blake2s(data, digest_size=8, key=bytes(range(32))).hexdigest(). */
#include <stdio.h>

#include "blake2s.h"
#include "unit.h"

static const struct row {
	const char *name;
	size_t len; /* of data that is 0, 1, 2, ... */
	const char *want;
} rows[] = {
	{ "1 byte", 1, "2666401f9adf67f1" },
	{ "16 bytes", 16, "11f7d6929d12afcb" },
	{ "63 bytes", 63, "1d95dfe90f0a6d87" },
	{ "64 bytes", 64, "8013e78702c80e7b" },
};

static void test_tag(void **state)
{
	const struct row *row = *state;
	uint8_t key[KEY_LEN], data[BLAKE2S_BLOCK] = { 0 }, tag[BLAKE2S_TAG];
	char text[2 * BLAKE2S_TAG + 1];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	blake2s_tag(tag, key, data, row->len);
	for (unsigned int i = 0; i < BLAKE2S_TAG; i++)
		snprintf(text + 2 * i, 3, "%02x", tag[i]);
	unit_is_text("tag", text, row->want);
}

int main(void)
{
	UNIT_TABLE(test_tag, rows);
	return unit_run();
}
