// SPDX-License-Identifier: GPL-2.0-or-later
/* The request parser: every request whole, byte by byte, and cut in two at every place. */
#include "unit.h"

#include <json-c/json_c_version.h>

#include "json.h"

/* json-c 0.18 itself refuses a number that no integer can be. */
#define TOO_LARGE (JSON_C_VERSION_NUM < (18 << 8) ? -ERR_VERSION : -ERR_MALFORMED)

#define KEY "BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ="
#define PUBKEY "\"pubkey\":\"" KEY "\""

enum { INCOMPLETE = 1 };

struct row {
	const char *name;
	struct bytes request;
	int want;
};

static const struct row accepted[] = {
	{ "as nodes send it", BYTES("{\"version\":1," PUBKEY "}\n"), 0 },
	{ "no newline at the end", BYTES("{\"version\":1," PUBKEY "}"), 0 },
	{ "the other order", BYTES("{" PUBKEY ",\"version\":1}"), 0 },
	{ "over several lines", BYTES("\n{\n\t\"version\" : 1 ,\r\n " PUBKEY "\n}\n"), 0 },
	{ "the client of 2018", BYTES("{" PUBKEY ",\"localport\":51820}\n"), 0 },
	{ "no version", BYTES("{" PUBKEY "}"), 0 },
	{ "unknown keys", BYTES("{\"a\":null,\"b\":[1,-2.5e3,true],\"c\":{}," PUBKEY "}"), 0 },
	{ "bytes after it", BYTES("{" PUBKEY "}GET / HTTP/1.0\r\n\r\n"), 0 },
	{ "a second object after it", BYTES("{" PUBKEY "}{\"version\":2}"), 0 },
	{ "a brace after it", BYTES("{" PUBKEY "}}"), 0 },
	{ "a NUL byte after it", BYTES("{" PUBKEY "}\0"), 0 },
	{ "a name in escapes", BYTES("{\"\\u0070ubkey\":\"" KEY "\"}"), 0 },
	{ "a slash in escapes",
	  BYTES("{\"pubkey\":\"BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ\\u003d\"}"), 0 },
	{ "the same name inside", BYTES("{\"a\":{" PUBKEY ",\"a\":1}," PUBKEY "}"), 0 },
	{ "twice one name inside", BYTES("{\"a\":{\"b\":1,\"b\":2}," PUBKEY "}"), 0 },
	{ "version inside another", BYTES("{\"a\":{\"version\":2}," PUBKEY "}"), 0 },
	{ "two-byte characters", BYTES("{\"\303\244\":\"\303\266\303\237\"," PUBKEY "}"), 0 },
	{ "four-byte characters", BYTES("{\"a\":\"\360\237\220\247\"," PUBKEY "}"), 0 },
	{ "a surrogate pair", BYTES("{\"a\":\"\\ud83d\\udc27\"," PUBKEY "}"), 0 },
	{ "braces and colons in text", BYTES("{\"a:{\":\"}]:,\\\"{\\\\\"," PUBKEY "}"), 0 },
	{ "numbers", BYTES("{\"a\":[0,-0,10,-1.05,0.5,1e5,1E-5,2.5e+10]," PUBKEY "}"), 0 },
	{ "an escaped NUL in a text", BYTES("{\"a\":\"b\\u0000c\"," PUBKEY "}"), 0 },
	{ "a backslash and u0000", BYTES("{\"a\\\\u0000\":1," PUBKEY "}"), 0 },
	{ "an empty name", BYTES("{\"\":1," PUBKEY "}"), 0 },
	{ "seven deep", BYTES("{\"a\":[[[[[[1]]]]]]," PUBKEY "}"), 0 },
};

static const struct row refused[] = {
	/* Not an object, or not JSON as RFC 8259 has it. */
	{ "words", BYTES("hello\n"), -ERR_MALFORMED },
	{ "HTTP", BYTES("GET / HTTP/1.0\r\n\r\n"), -ERR_MALFORMED },
	{ "TLS", BYTES("\026\003\001\002\000\001\000\001\374\003\003"), -ERR_MALFORMED },
	{ "an array", BYTES("[{" PUBKEY "}]"), -ERR_MALFORMED },
	{ "a string", BYTES("\"" KEY "\"\n"), -ERR_MALFORMED },
	{ "a number", BYTES("1\n"), -ERR_MALFORMED },
	{ "null", BYTES("null\n"), -ERR_MALFORMED },
	{ "true", BYTES("true\n"), -ERR_MALFORMED },
	{ "no members", BYTES("{}"), -ERR_MALFORMED },
	{ "a closing brace", BYTES("}"), -ERR_MALFORMED },
	{ "a byte order mark", BYTES("\357\273\277{" PUBKEY "}"), -ERR_MALFORMED },
	{ "too deep", BYTES("{\"a\":[[[[[[[1]]]]]]]," PUBKEY "}"), -ERR_MALFORMED },
	{ "a comment", BYTES("{/* */" PUBKEY "}"), -ERR_MALFORMED },
	{ "a comment in front", BYTES("// a\n{" PUBKEY "}"), -ERR_MALFORMED },
	{ "single quotes", BYTES("{'pubkey':'" KEY "'}"), -ERR_MALFORMED },
	{ "a quote in single quotes", BYTES("{'a\"':1," PUBKEY "}"), -ERR_MALFORMED },
	{ "a name in single quotes", BYTES("{'pubkey':\"" KEY "\"}"), -ERR_MALFORMED },
	{ "no quotes", BYTES("{pubkey:\"" KEY "\"}"), -ERR_MALFORMED },
	{ "a comma at the end", BYTES("{" PUBKEY ",}"), -ERR_MALFORMED },
	{ "a comma at an array's end", BYTES("{\"a\":[1,]," PUBKEY "}"), -ERR_MALFORMED },
	{ "a comma in front", BYTES("{," PUBKEY "}"), -ERR_MALFORMED },
	{ "no comma", BYTES("{\"version\":1 " PUBKEY "}"), -ERR_MALFORMED },
	{ "no colon", BYTES("{\"version\" 1," PUBKEY "}"), -ERR_MALFORMED },
	{ "NaN", BYTES("{\"a\":NaN," PUBKEY "}"), -ERR_MALFORMED },
	{ "nan", BYTES("{\"a\":nan," PUBKEY "}"), -ERR_MALFORMED },
	{ "Infinity", BYTES("{\"a\":Infinity," PUBKEY "}"), -ERR_MALFORMED },
	{ "-Infinity", BYTES("{\"a\":[-Infinity]," PUBKEY "}"), -ERR_MALFORMED },
	{ "True", BYTES("{\"a\":True," PUBKEY "}"), -ERR_MALFORMED },
	{ "undefined", BYTES("{\"a\":undefined," PUBKEY "}"), -ERR_MALFORMED },
	{ "a zero in front", BYTES("{\"a\":01," PUBKEY "}"), -ERR_MALFORMED },
	{ "a plus in front", BYTES("{\"a\":+1," PUBKEY "}"), -ERR_MALFORMED },
	{ "two zeroes", BYTES("{\"a\":00," PUBKEY "}"), -ERR_MALFORMED },
	{ "a zero behind a minus", BYTES("{\"a\":-01," PUBKEY "}"), -ERR_MALFORMED },
	{ "two minuses", BYTES("{\"a\":--1," PUBKEY "}"), -ERR_MALFORMED },
	{ "a minus behind", BYTES("{\"a\":1-," PUBKEY "}"), -ERR_MALFORMED },
	{ "a difference", BYTES("{\"a\":1-1," PUBKEY "}"), -ERR_MALFORMED },
	{ "version 1-1", BYTES("{\"version\":1-1," PUBKEY "}"), -ERR_MALFORMED },
	{ "a minus alone", BYTES("{\"a\":-," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit in front", BYTES("{\"a\":-.5," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit behind", BYTES("{\"a\":1.," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit before e", BYTES("{\"a\":1.e5," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit behind e", BYTES("{\"a\":1e," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit behind E", BYTES("{\"a\":1E," PUBKEY "}"), -ERR_MALFORMED },
	{ "no digit behind e+", BYTES("{\"a\":1e+," PUBKEY "}"), -ERR_MALFORMED },
	{ "two points", BYTES("{\"a\":1.5.5," PUBKEY "}"), -ERR_MALFORMED },
	{ "a fraction of an exponent", BYTES("{\"a\":1e5.5," PUBKEY "}"), -ERR_MALFORMED },
	{ "hexadecimal", BYTES("{\"a\":0x1," PUBKEY "}"), -ERR_MALFORMED },
	{ "a bad escape", BYTES("{\"a\":\"\\x41\"," PUBKEY "}"), -ERR_MALFORMED },
	{ "a line's end in a text", BYTES("{\"a\":\"b\nc\"," PUBKEY "}"), -ERR_MALFORMED },
	{ "a tab in a name", BYTES("{\"a\t\":1," PUBKEY "}"), -ERR_MALFORMED },

	/* NUL bytes, as they are and in escapes. */
	{ "a NUL byte in front", BYTES("\0{" PUBKEY "}"), -ERR_MALFORMED },
	{ "a NUL byte inside", BYTES("{\0" PUBKEY "}"), -ERR_MALFORMED },
	{ "a NUL byte in a text", BYTES("{\"a\":\"b\0c\"," PUBKEY "}"), -ERR_MALFORMED },
	{ "a NUL byte in the key", BYTES("{\"pubkey\":\"" KEY "\0\"}"), -ERR_MALFORMED },
	{ "an escaped NUL after the key", BYTES("{\"pubkey\":\"" KEY "\\u0000\"}"), -ERR_KEY },
	{ "an escaped NUL in a name, and a line feed", BYTES("{\"pubkey\\u0000\\n\":\"" KEY "\"}"),
	  -ERR_MALFORMED },
	{ "an escaped NUL in a name", BYTES("{\"pubkey\\u0000x\":\"" KEY "\"}"), -ERR_MALFORMED },

	/* Twice one name: parsers differ in which one counts. */
	{ "two keys", BYTES("{" PUBKEY "," PUBKEY "}"), -ERR_MALFORMED },
	{ "two keys, one escaped", BYTES("{" PUBKEY ",\"\\u0070ubkey\":\"x\"}"), -ERR_MALFORMED },
	{ "two versions", BYTES("{\"version\":2,\"version\":1," PUBKEY "}"), -ERR_MALFORMED },
	{ "two of an unknown name", BYTES("{\"a\":1,\"a\":1," PUBKEY "}"), -ERR_MALFORMED },

	{ "version 2", BYTES("{\"version\":2," PUBKEY "}"), -ERR_VERSION },
	{ "version 2 and no key", BYTES("{\"version\":2}"), -ERR_VERSION },
	{ "version 0", BYTES("{\"version\":0," PUBKEY "}"), -ERR_VERSION },
	{ "version -1", BYTES("{\"version\":-1," PUBKEY "}"), -ERR_VERSION },
	{ "version as text", BYTES("{\"version\":\"1\"," PUBKEY "}"), -ERR_VERSION },
	{ "version 1.5", BYTES("{\"version\":1.5," PUBKEY "}"), -ERR_VERSION },
	{ "version 1.0", BYTES("{\"version\":1.0," PUBKEY "}"), -ERR_VERSION },
	{ "version 1e0", BYTES("{\"version\":1e0," PUBKEY "}"), -ERR_VERSION },
	{ "version null", BYTES("{\"version\":null," PUBKEY "}"), -ERR_VERSION },
	{ "version true", BYTES("{\"version\":true," PUBKEY "}"), -ERR_VERSION },
	{ "version in an array", BYTES("{\"version\":[1]," PUBKEY "}"), -ERR_VERSION },
	{ "version 2^32 + 1", BYTES("{\"version\":4294967297," PUBKEY "}"), -ERR_VERSION },
	{ "version 2^64 + 1", BYTES("{\"version\":18446744073709551617," PUBKEY "}"), TOO_LARGE },
	{ "version 1e400", BYTES("{\"version\":1e400," PUBKEY "}"), -ERR_VERSION },

	{ "no key", BYTES("{\"version\":1}"), -ERR_MALFORMED },
	{ "the key's name in capitals", BYTES("{\"PUBKEY\":\"" KEY "\"}"), -ERR_MALFORMED },
	{ "a number for a key", BYTES("{\"pubkey\":1}"), -ERR_MALFORMED },
	{ "null for a key", BYTES("{\"pubkey\":null}"), -ERR_MALFORMED },
	{ "a key in an array", BYTES("{\"pubkey\":[\"" KEY "\"]}"), -ERR_MALFORMED },
	{ "an empty key", BYTES("{\"pubkey\":\"\"}"), -ERR_KEY },
	{ "43 characters", BYTES("{\"pubkey\":\"BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ\"}"),
	  -ERR_KEY },
	{ "45 characters", BYTES("{\"pubkey\":\"" KEY "=\"}"), -ERR_KEY },
	{ "a space in front", BYTES("{\"pubkey\":\" " KEY "\"}"), -ERR_KEY },
	{ "a space behind", BYTES("{\"pubkey\":\"" KEY " \"}"), -ERR_KEY },
	{ "a space inside", BYTES("{\"pubkey\":\"BQYHCAkKCwwNDg8QERIT BUWFxgZGhscHR4fICEiIyQ=\"}"),
	  -ERR_KEY },
	{ "an escaped line's end", BYTES("{\"pubkey\":\"" KEY "\\n\"}"), -ERR_KEY },
	{ "an option", BYTES("{\"pubkey\":\"" KEY " endpoint 1.2.3.4:5\"}"), -ERR_KEY },
	{ "not canonical", BYTES("{\"pubkey\":\"BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyR=\"}"),
	  -ERR_KEY },
	{ "base64url", BYTES("{\"pubkey\":\"-_YHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ=\"}"),
	  -ERR_KEY },
	{ "all zero", BYTES("{\"pubkey\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}"),
	  -ERR_KEY },

	/* How full it is. A key has a meaning of its own, whatever else there is. */
	{ "usage", BYTES("{\"version\":1,\"usage\":true}\n"), REQUEST_USAGE },
	{ "usage and no version", BYTES("{\"usage\":true}"), REQUEST_USAGE },
	{ "usage and unknown keys", BYTES("{\"a\":[1],\"usage\":true}"), REQUEST_USAGE },
	{ "usage and a key", BYTES("{\"usage\":true," PUBKEY "}"), 0 },
	{ "usage and a bad key", BYTES("{\"usage\":true,\"pubkey\":\"x\"}"), -ERR_KEY },
	{ "usage and null for a key", BYTES("{\"usage\":true,\"pubkey\":null}"), -ERR_MALFORMED },
	{ "usage, version 2", BYTES("{\"version\":2,\"usage\":true}"), -ERR_VERSION },
	{ "usage false", BYTES("{\"usage\":false}"), -ERR_MALFORMED },
	{ "usage 1", BYTES("{\"usage\":1}"), -ERR_MALFORMED },
	{ "usage as text", BYTES("{\"usage\":\"true\"}"), -ERR_MALFORMED },
	{ "usage twice", BYTES("{\"usage\":true,\"usage\":true}"), -ERR_MALFORMED },

	/* What a node may yet go on with. */
	{ "nothing", BYTES(""), INCOMPLETE },
	{ "white space", BYTES(" \t\r\n"), INCOMPLETE },
	{ "half an object", BYTES("{\"version\":1,\"pub"), INCOMPLETE },
	{ "half a key", BYTES("{\"pubkey\":\"BQYHCAkKCwwNDg8QERITF"), INCOMPLETE },
	{ "all but the brace", BYTES("{\"version\":1," PUBKEY), INCOMPLETE },
};

/* Feeds the bytes up to cut, then the rest in pieces of that size. */
static int feed(const struct bytes *bytes, size_t cut, size_t piece, uint8_t *pubkey)
{
	struct request *request = request_new();
	int ret = INCOMPLETE;

	assert_non_null(request);
	for (size_t at = 0; at < bytes->len && ret == INCOMPLETE;) {
		const size_t left = bytes->len - at, wanted = at < cut ? cut - at : piece;
		const size_t len = wanted < left ? wanted : left;
		/* A copy of just that size, so that a sanitizer sees who reads too far. */
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, bytes->text + at, len);
		ret = request_feed(request, copy, len, pubkey);
		free(copy);
		at += len;
	}
	request_free(request);
	return ret;
}

static void check(const struct bytes *bytes, size_t cut, size_t piece, int want)
{
	uint8_t pubkey[KEY_LEN] = { 0 };
	char what[64], text[KEY_TEXT_SIZE];

	snprintf(what, sizeof(what), "%zu bytes, then %zu at a time", cut, piece);
	unit_is_int(what, feed(bytes, cut, piece, pubkey), want);
	if (want == 0) {
		key_to_text(text, pubkey);
		unit_is_text(what, text, KEY);
	}
	unit_is_text("log", unit_log(), "");
}

static void test_request(void **state)
{
	const struct row *row = *state;
	const size_t len = row->request.len, step = len < 512 ? 1 : len / 64;

	check(&row->request, 0, len + 1, row->want);
	check(&row->request, 0, 1, row->want);
	for (size_t cut = 1; cut < len; cut += step)
		check(&row->request, cut, len, row->want);
}

/* A request that is made of so many times the same text, and perhaps an end. */
struct long_row {
	const char *name;
	const char *start, *repeated;
	size_t times;
	const char *end;
	int want;
};

static const struct long_row long_rows[] = {
	{ "1 MiB of spaces", "", " ", 1 << 20, "", -ERR_MALFORMED },
	{ "1 MiB of spaces and a request", "", " ", 1 << 20, "{" PUBKEY "}", -ERR_MALFORMED },
	{ "1 MiB of text", "{\"a\":\"", "x", 1 << 20, "\"," PUBKEY "}", -ERR_MALFORMED },
	{ "1 MiB of members", "{", "\"a\":1,", 1 << 17, PUBKEY "}", -ERR_MALFORMED },
	{ "1 MiB after it", "{" PUBKEY "}", "x", 1 << 20, "", 0 },
	{ "arrays 1,000 deep", "", "[", 1000, "", -ERR_MALFORMED },
	{ "objects 1,000 deep", "", "{\"a\":", 1000, "", -ERR_MALFORMED },
	{ "1,000 deep in a member", "{" PUBKEY ",\"a\":", "[", 1000, "", -ERR_MALFORMED },
	{ "4,096 bytes", "{" PUBKEY "", " ", 4096 - 2 - 55, "}", 0 },
	{ "4,097 bytes", "{" PUBKEY "", " ", 4097 - 2 - 55, "}", -ERR_MALFORMED },
	{ "4,095 bytes and no end", "", " ", 4095, "", INCOMPLETE },
	{ "4,096 bytes and no end", "", " ", 4096, "", -ERR_MALFORMED },
};

static void test_long(void **state)
{
	const struct long_row *row = *state;
	const size_t each = strlen(row->repeated);
	const size_t size = strlen(row->start) + row->times * each + strlen(row->end);
	char *text = malloc(size + 1), *at;
	const size_t pieces[] = { size, 1, 2, 7, 1024, 1448, 4095, 4096, 4097 };

	assert_non_null(text);
	at = stpcpy(text, row->start);
	for (size_t i = 0; i < row->times; i++)
		at = stpcpy(at, row->repeated);
	strcpy(at, row->end);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		check(&(struct bytes){ text, size }, 0, pieces[i], row->want);
	free(text);
}

static void test_free_null(void **state)
{
	(void)state;
	request_free(NULL);
}

int main(void)
{
	UNIT_TABLE(test_request, accepted);
	UNIT_TABLE(test_request, refused);
	UNIT_TABLE(test_long, long_rows);
	unit_add("request_free takes NULL", test_free_null, NULL);
	return unit_run();
}
