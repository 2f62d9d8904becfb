// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The request parser, as its confined child runs it: whatever comes, it says something that it may
 * say, and the same of the parts that the handler sends as of the single bytes. Only whether a bad
 * number may yet become a good one, json-c sees sooner or later.
 */
#include <stdbool.h>

#include "fuzz.h"

#include "../../parser.c" // NOLINT(bugprone-suspicious-include)

/* What the child says in the end of an input that comes in parts of this size. */
static struct verdict parse_parts(const uint8_t *data, size_t size, size_t part)
{
	struct request *request = request_new();
	struct verdict verdict = { .ret = 1 };
	size_t len;

	for (size_t done = 0; done < size && verdict.ret == 1; done += len) {
		len = size - done < part ? size - done : part;
		parse(request, (const char *)data + done, len, &verdict);
	}
	request_free(request);
	return verdict;
}

static bool is_allowed(const struct verdict *verdict)
{
	switch (verdict->ret) {
	case 0:
		return !key_is_zero(verdict->pubkey);
	case 1:
	case REQUEST_USAGE:
	case -ERR_MALFORMED:
	case -ERR_VERSION:
	case -ERR_KEY:
		return true;
	default:
		return false;
	}
}

static bool is_open(const struct verdict *verdict)
{
	return verdict->ret == 1 || verdict->ret == -ERR_MALFORMED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct verdict parts = parse_parts(data, size, PARSER_CHUNK);
	const struct verdict bytes = parse_parts(data, size, 1);

	if (!is_allowed(&parts) || !is_allowed(&bytes))
		abort();
	if ((parts.ret != bytes.ret && !(is_open(&parts) && is_open(&bytes))) ||
	    (parts.ret == 0 && memcmp(parts.pubkey, bytes.pubkey, KEY_LEN) != 0))
		abort();
	return 0;
}
