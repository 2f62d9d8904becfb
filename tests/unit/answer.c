// SPDX-License-Identifier: GPL-2.0-or-later
/* What a node takes for a gateway's reply, and what not. */
#include <limits.h>

#include "unit.h"

#include <json-c/json_c_version.h>

#include "json.h"

#define PORT "{\"version\":1,\"port\":40017,\"time\":1795373281}"
#define TIME "\"time\":1795373281"
#define NOT_ONE "not one JSON object"
#define BEHIND "something behind the object"
#define NO_PORT "no port from 1 to 65535"
/* json-c 0.18 itself refuses a number that no integer can be. */
#define TOO_LARGE (JSON_C_VERSION_NUM < (18 << 8) ? NO_PORT : NOT_ONE)
#define OTHER "unsupported protocol version"
#define NO_CODE "an error without a code"

static const struct good {
	const char *name;
	struct bytes text;
	int code;
	unsigned int port;
	long long time;
} goods[] = {
	{ "a port", BYTES(PORT "\n"), 0, 40017, 1795373281 },
	{ "without a newline", BYTES(PORT), 0, 40017, 1795373281 },
	{ "white space", BYTES(" \r\n\t" PORT "\r\n \t\n"), 0, 40017, 1795373281 },
	{ "over several lines", BYTES("{\n \"port\" : 1 ,\n " TIME "\n}\n"), 0, 1, 1795373281 },
	{ "no version", BYTES("{\"port\":65535," TIME "}"), 0, 65535, 1795373281 },
	{ "more keys", BYTES("{\"port\":2,\"x\":[{\"y\":{}},null],\"time\":1}"), 0, 2, 1 },
	{ "the highest time", BYTES("{\"port\":2,\"time\":4294967295}"), 0, 2, 4294967295 },
	{ "full", BYTES("{\"version\":1,\"error\":{\"code\":1,\"reason\":\"x\"}}\n"), 1, 0, 0 },
	{ "no reason", BYTES("{\"version\":1,\"error\":{\"code\":6}}\n"), 6, 0, 0 },
	{ "an unknown code", BYTES("{\"error\":{\"code\":2147483647}}"), 2147483647, 0, 0 },
};

static void test_good(void **state)
{
	const struct good *row = *state;
	struct reply reply;

	reply_parse(&reply, row->text.text, row->text.len);
	unit_is_text("fault", reply_fault(reply.fault), "nothing");
	unit_is_int("code", reply.code, row->code);
	unit_is_int("port", reply.port, row->port);
	unit_is_int("time", reply.time, row->time);
}

static const struct bad {
	const char *name;
	struct bytes text;
	const char *want;
} bads[] = {
	{ "nothing", BYTES(""), NOT_ONE },
	{ "white space", BYTES(" \n"), NOT_ONE },
	{ "words", BYTES("hello\n"), NOT_ONE },
	{ "a number", BYTES("40017\n"), NOT_ONE },
	{ "a list", BYTES("[" PORT "]"), NOT_ONE },
	{ "half", BYTES("{\"version\":1,\"port\":40017"), NOT_ONE },
	{ "single quotes", BYTES("{'port':40017,'time':1}"), NOT_ONE },
	{ "a comment", BYTES("{/**/\"port\":40017,\"time\":1}"), NOT_ONE },
	{ "two", BYTES(PORT "\n" PORT "\n"), BEHIND },
	{ "a word behind", BYTES(PORT " x"), BEHIND },
	{ "a NUL behind", BYTES(PORT "\0"), BEHIND },
	{ "a NUL within", BYTES("{\"port\":40017,\0" TIME "}"), NOT_ONE },
	{ "two ports", BYTES("{\"port\":1,\"port\":1," TIME "}"), NOT_ONE },
	{ "two codes", BYTES("{\"error\":{\"code\":1,\"code\":5}}"), NOT_ONE },
	{ "a word before", BYTES("x " PORT), NOT_ONE },
	{ "too deep", BYTES("{\"x\":[[[[[[[[[]]]]]]]]]," TIME ",\"port\":1}"), NOT_ONE },
	{ "port 0", BYTES("{\"port\":0," TIME "}"), NO_PORT },
	{ "port -0", BYTES("{\"port\":-0," TIME "}"), NO_PORT },
	{ "port -1", BYTES("{\"port\":-1," TIME "}"), NO_PORT },
	{ "port 65536", BYTES("{\"port\":65536," TIME "}"), NO_PORT },
	{ "port 70000", BYTES("{\"port\":70000," TIME "}"), NO_PORT },
	{ "port 2^64 + 1", BYTES("{\"port\":18446744073709551617," TIME "}"), TOO_LARGE },
	{ "port as text", BYTES("{\"port\":\"40000\"," TIME "}"), NO_PORT },
	{ "port with a dot", BYTES("{\"port\":40000.0," TIME "}"), NO_PORT },
	{ "port true", BYTES("{\"port\":true," TIME "}"), NO_PORT },
	{ "port null", BYTES("{\"port\":null," TIME "}"), NO_PORT },
	{ "no port", BYTES("{\"version\":1," TIME "}"), NO_PORT },
	{ "an empty object", BYTES("{}"), NO_PORT },
	{ "a request", BYTES("{\"version\":1,\"pubkey\":\"x\"}"), NO_PORT },
	{ "no time", BYTES("{\"port\":40017}"), "no time" },
	{ "time 0", BYTES("{\"port\":40017,\"time\":0}"), "no time" },
	{ "time -1", BYTES("{\"port\":40017,\"time\":-1}"), "no time" },
	{ "a time too high", BYTES("{\"port\":40017,\"time\":4294967296}"), "no time" },
	{ "time as text", BYTES("{\"port\":40017,\"time\":\"1795373281\"}"), "no time" },
	{ "no code", BYTES("{\"error\":{\"reason\":\"x\"}}"), NO_CODE },
	{ "code 0", BYTES("{\"error\":{\"code\":0}}"), NO_CODE },
	{ "code -1", BYTES("{\"error\":{\"code\":-1}}"), NO_CODE },
	{ "code 2^31", BYTES("{\"error\":{\"code\":2147483648}}"), NO_CODE },
	{ "code as text", BYTES("{\"error\":{\"code\":\"1\"}}"), NO_CODE },
	{ "an error as text", BYTES("{\"error\":\"full\"}"), NO_CODE },
	{ "an error of null", BYTES("{\"error\":null}"), NO_CODE },
	{ "a reason of 1", BYTES("{\"error\":{\"code\":1,\"reason\":1}}"),
	  "a reason that is not text" },
	{ "a reason of null", BYTES("{\"error\":{\"code\":1,\"reason\":null}}"),
	  "a reason that is not text" },
	{ "both", BYTES("{\"port\":1," TIME ",\"error\":{\"code\":1}}"),
	  "both a port and an error" },
	{ "version 2", BYTES("{\"version\":2,\"port\":1," TIME "}"), OTHER },
	{ "version text", BYTES("{\"version\":\"1\",\"port\":1," TIME "}"), OTHER },
	{ "version null", BYTES("{\"version\":null,\"port\":1," TIME "}"), OTHER },
	{ "version 2 and an error", BYTES("{\"version\":2,\"error\":{\"code\":1}}"), OTHER },
	{ "version 2 and nothing more", BYTES("{\"version\":2}"), OTHER },
};

/* Of a reply that is none, nothing is taken but what is wrong with it. */
static void test_bad(void **state)
{
	const struct bad *row = *state;
	struct reply reply;

	reply_parse(&reply, row->text.text, row->text.len);
	unit_is_text("fault", reply_fault(reply.fault), row->want);
	unit_is_int("code", reply.code, 0);
	unit_is_int("port", reply.port, 0);
	unit_is_int("time", reply.time, 0);
}

#define NO_USAGE "no usage from 0 to 1"

static const struct usage_row {
	const char *name;
	struct bytes text;
	unsigned int want;
	const char *fault; /* NULL if there is none */
} usages[] = {
	{ "a usage", BYTES("{\"version\":1,\"usage\":0.42}\n"), 42, NULL },
	{ "no version", BYTES("{\"usage\":0.07}"), 7, NULL },
	{ "empty", BYTES("{\"usage\":0.00}"), 0, NULL },
	{ "full", BYTES("{\"usage\":1.00}"), 100, NULL },
	{ "0", BYTES("{\"usage\":0}"), 0, NULL },
	{ "1", BYTES("{\"usage\":1}"), 100, NULL },
	{ "more digits", BYTES("{\"usage\":0.2849}"), 28, NULL },
	{ "with an exponent", BYTES("{\"usage\":2.9e-1}"), 29, NULL },
	{ "more keys", BYTES("{\"x\":[{}],\"usage\":0.5,\"port\":1}"), 50, NULL },
	{ "more than 1", BYTES("{\"usage\":1.001}"), 0, NO_USAGE },
	{ "less than 0", BYTES("{\"usage\":-0.001}"), 0, NO_USAGE },
	{ "2", BYTES("{\"usage\":2}"), 0, NO_USAGE },
	{ "1e999", BYTES("{\"usage\":1e999}"), 0, NO_USAGE },
	{ "text", BYTES("{\"usage\":\"0.5\"}"), 0, NO_USAGE },
	{ "true", BYTES("{\"usage\":true}"), 0, NO_USAGE },
	{ "null", BYTES("{\"usage\":null}"), 0, NO_USAGE },
	{ "none", BYTES(PORT), 0, NO_USAGE },
	{ "an error", BYTES("{\"error\":{\"code\":2,\"reason\":\"malformed request\"}}"), 0,
	  NO_USAGE },
	{ "an error, too", BYTES("{\"usage\":0.5,\"error\":{\"code\":1}}"), 0, NO_USAGE },
	{ "another version", BYTES("{\"version\":2,\"usage\":0.5}"), 0, OTHER },
	{ "two", BYTES("{\"usage\":0.5,\"usage\":0.5}"), 0, NOT_ONE },
	{ "NaN", BYTES("{\"usage\":NaN}"), 0, NOT_ONE },
	{ "a word behind", BYTES("{\"usage\":0.5}x"), 0, BEHIND },
	{ "words", BYTES("hello"), 0, NOT_ONE },
};

static void test_usage(void **state)
{
	const struct usage_row *row = *state;
	struct reply reply;

	reply_parse_usage(&reply, row->text.text, row->text.len);
	unit_is_text("fault", reply_fault(reply.fault), row->fault ? row->fault : "nothing");
	unit_is_int("usage", reply.usage, row->want);
}

/* As long as a request may be, and one byte longer. */
static void test_long(void **state)
{
	static char text[4098];
	struct reply reply;

	(void)state;
	snprintf(text, sizeof(text), "%4096s", PORT);
	reply_parse(&reply, text, 4096);
	unit_is_text("4096 bytes", reply_fault(reply.fault), "nothing");
	snprintf(text, sizeof(text), "%4097s", PORT);
	reply_parse(&reply, text, 4097);
	unit_is_text("4097 bytes", reply_fault(reply.fault), NOT_ONE);
}

/* The process that says so may lie. */
static void test_no_fault(void **state)
{
	(void)state;
	unit_is_text("one that there is not", reply_fault(11), "not a reply");
	unit_is_text("the highest", reply_fault(UINT_MAX), "not a reply");
}

/* What the handler writes the node understands. */
static void test_both_sides(void **state)
{
	char line[REPLY_SIZE];
	struct reply reply;
	size_t len;

	(void)state;
	for (int error = 1; error <= ERR_BUSY; error++) {
		len = reply_format(line, -error, 40017, 1795373281);
		reply_parse(&reply, line, len);
		unit_is_text("an error", reply_fault(reply.fault), "nothing");
		unit_is_int("its code", reply.code, reply_code(-error));
		unit_is_int("its port", reply.port, 0);
	}
	len = reply_format(line, 0, 40017, 1795373281);
	reply_parse(&reply, line, len);
	unit_is_text("a port", reply_fault(reply.fault), "nothing");
	unit_is_int("its code", reply.code, 0);
	unit_is_int("which it is", reply.port, 40017);
	unit_is_int("the time", reply.time, 1795373281);
	for (unsigned int percent = 0; percent <= 100; percent++) {
		len = reply_format_usage(line, percent);
		reply_parse_usage(&reply, line, len);
		unit_is_text("a usage", reply_fault(reply.fault), "nothing");
		unit_is_int("which it is", reply.usage, percent);
	}
	reply_parse(&reply, line, len);
	unit_is_text("a usage where a port is wanted", reply_fault(reply.fault), NO_PORT);
}

int main(void)
{
	UNIT_TABLE(test_good, goods);
	UNIT_TABLE(test_bad, bads);
	UNIT_TABLE(test_usage, usages);
	unit_add("a fault that there is not", test_no_fault, NULL);
	unit_add("a long reply", test_long, NULL);
	unit_add("both sides", test_both_sides, NULL);
	return unit_run();
}
