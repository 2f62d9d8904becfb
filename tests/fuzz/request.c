// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The request parser: whatever comes, it says the same of the whole as of the single bytes. Only
 * whether a bad number may yet become a good one, json-c sees sooner or later.
 */
#include "fuzz.h"

static bool is_open(int ret)
{
	return ret == 1 || ret == -ERR_MALFORMED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct request *whole = request_new(), *bytes = request_new();
	uint8_t key[KEY_LEN] = { 0 }, other[KEY_LEN] = { 0 };
	int ret = request_feed(whole, text, size, key), each = 1;

	for (size_t i = 0; i < size && each == 1; i++)
		each = request_feed(bytes, &text[i], 1, other);
	if ((ret != each && !(is_open(ret) && is_open(each))) ||
	    (ret == 0 && memcmp(key, other, KEY_LEN) != 0))
		abort();
	request_free(whole);
	request_free(bytes);
	return 0;
}
