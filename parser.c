// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests are parsed by a confined process. Should one take it over, it can tell us a key, which
 * whoever sent that request could have done anyway.
 */
#include <string.h>

#include "confined.h"
#include "error.h"
#include "json.h"
#include "log.h"
#include "parser.h"

/* What the process says of the bytes it has got so far. */
struct verdict {
	int ret;
	uint8_t pubkey[KEY_LEN];
};

_Static_assert(sizeof(struct verdict) <= CONFINED_ANSWER, "a verdict is an answer");
_Static_assert(PARSER_CHUNK <= (int)CONFINED_QUESTION, "a chunk is a question");

static void parse(void *request, const char *data, size_t len, void *answer)
{
	struct verdict *verdict = answer;

	verdict->ret = request_feed(request, data, len, verdict->pubkey);
}

int parser_start(struct confined *parser)
{
	struct request *request = request_new();
	int ret;

	ret = confined_start(parser, "parses the request", parse, request, sizeof(struct verdict));
	request_free(request);
	return ret;
}

int parser_feed(struct confined *parser, const char *data, size_t len,
		uint8_t pubkey[static KEY_LEN])
{
	struct verdict verdict;
	int ret;

	ret = confined_ask(parser, data, len, &verdict);
	if (ret < 0)
		return ret;
	switch (verdict.ret) {
	case 0:
		memcpy(pubkey, verdict.pubkey, KEY_LEN);
		return key_is_zero(pubkey) ? -ERR_KEY : 0;
	case 1:
	case REQUEST_USAGE:
	case -ERR_VERSION:
	case -ERR_KEY:
		return verdict.ret;
	default:
		return -ERR_MALFORMED;
	}
}
