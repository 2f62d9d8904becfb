// SPDX-License-Identifier: GPL-2.0-or-later
/* What is taken of what the parser's process says: a parser of this test's own may say anything. */
#include <stdlib.h>

#include "error.h"
#include "json.h"
#include "parser.h"
#include "unit.h"

/* What the parser is told to say, in place of a request. */
enum order {
	COUNT = 'a', /* a key that tells how many orders have come; complete at the third */
	REFUSE_VERSION,
	REFUSE_KEY,
	REFUSE,
	SAY_ZERO,
	SAY_LOCKED,
	SAY_USAGE,
	SAY_THREE,
	CRASH,
};

struct request {
	int count;
};

static bool no_memory;

struct request *request_new(void)
{
	return no_memory ? NULL : calloc(1, sizeof(struct request));
}

void request_free(struct request *request)
{
	free(request);
}

int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	memset(pubkey, 0, KEY_LEN);
	switch ((enum order)data[0]) {
	case COUNT:
		pubkey[0] = (uint8_t)++request->count;
		pubkey[1] = (uint8_t)len;
		return request->count < 3;
	case REFUSE_VERSION:
		return -ERR_VERSION;
	case REFUSE_KEY:
		return -ERR_KEY;
	case REFUSE:
		return -ERR_MALFORMED;
	case SAY_ZERO:
		return 0;
	case SAY_LOCKED:
		return -ERR_LOCKED;
	case SAY_USAGE:
		return REQUEST_USAGE;
	case SAY_THREE:
		return 3;
	default:
		abort();
	}
}

static const struct row {
	const char *name;
	enum order order;
	int want;
} rows[] = {
	{ "not our version", REFUSE_VERSION, -ERR_VERSION },
	{ "no key", REFUSE_KEY, -ERR_KEY },
	{ "malformed", REFUSE, -ERR_MALFORMED },
	{ "a key of zeros", SAY_ZERO, -ERR_KEY },
	{ "an error that it has no right to", SAY_LOCKED, -ERR_MALFORMED },
	{ "how full it is", SAY_USAGE, REQUEST_USAGE },
	{ "a number that means nothing", SAY_THREE, -ERR_MALFORMED },
};

static int give(struct confined *parser, enum order order, uint8_t pubkey[static KEY_LEN])
{
	const char text[] = { (char)order, 0 };

	return parser_feed(parser, text, sizeof(text), pubkey);
}

static void test_verdict(void **state)
{
	const struct row *row = *state;
	uint8_t pubkey[KEY_LEN];
	struct confined parser;

	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, row->order, pubkey), row->want);
	confined_end(&parser);
	unit_is_text("log", unit_log(), "");
}

static void test_parts(void **state)
{
	char most[PARSER_CHUNK] = { COUNT };
	uint8_t pubkey[KEY_LEN];
	struct confined parser;

	(void)state;
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("the first", give(&parser, COUNT, pubkey), 1);
	unit_is_int("the second", parser_feed(&parser, most, sizeof(most), pubkey), 1);
	unit_is_int("the third", give(&parser, COUNT, pubkey), 0);
	unit_is_int("parts", pubkey[0], 3);
	unit_is_int("bytes of the last", pubkey[1], 2);
	confined_end(&parser);
}

static void test_death(void **state)
{
	uint8_t pubkey[KEY_LEN];
	struct confined parser;

	(void)state;
	unit_is_int("start", parser_start(&parser), 0);
	unit_is_int("verdict", give(&parser, CRASH, pubkey), -ERR_FAILURE);
	confined_end(&parser);
	unit_is_int("the log says so", strstr(unit_log(), "was killed by signal") != NULL, true);
}

static void test_no_memory(void **state)
{
	struct confined parser;

	(void)state;
	no_memory = true;
	unit_is_int("start", parser_start(&parser), -ERR_FAILURE);
	no_memory = false;
	confined_end(&parser);
	unit_is_text(
		"log", unit_log(),
		"3 unable to start a process that parses the request: Cannot allocate memory\n");
}

int main(void)
{
	UNIT_TABLE(test_verdict, rows);
	unit_add("a request in parts", test_parts, NULL);
	unit_add("the process dies", test_death, NULL);
	unit_add("no memory", test_no_memory, NULL);
	return unit_run();
}
