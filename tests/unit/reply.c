// SPDX-License-Identifier: GPL-2.0-or-later
/* Replies to the byte, and what the routing daemons answer. */
#include <limits.h>

#include "unit.h"

#include "json.h"

#define REFUSED(code, reason)                                                                      \
	"{\"version\":1,\"error\":{\"code\":" code ",\"reason\":\"" reason "\"}}\n"
#define FAILURE REFUSED("6", "temporary failure")

static const struct row {
	const char *name;
	int error;
	unsigned int port;
	int64_t time;
	const char *want;
} rows[] = {
	{ "a port", 0, 40017, 1795373281, "{\"version\":1,\"port\":40017,\"time\":1795373281}\n" },
	{ "the lowest port", 0, 1, 0, "{\"version\":1,\"port\":1,\"time\":0}\n" },
	{ "after 2038", 0, 65535, 4294967296,
	  "{\"version\":1,\"port\":65535,\"time\":4294967296}\n" },
	{ "before 1970", 0, 1, -1, "{\"version\":1,\"port\":1,\"time\":-1}\n" },
	{ "the longest", 0, UINT_MAX, INT64_MIN,
	  "{\"version\":1,\"port\":4294967295,\"time\":-9223372036854775808}\n" },
	{ "full", -ERR_FULL, 0, 0,
	  REFUSED("1", "Remote peer is not accepting additional connections") },
	{ "malformed", -ERR_MALFORMED, 0, 0, REFUSED("2", "malformed request") },
	{ "version", -ERR_VERSION, 0, 0, REFUSED("3", "unsupported protocol version") },
	{ "key", -ERR_KEY, 0, 0, REFUSED("4", "invalid public key") },
	{ "denied", -ERR_DENIED, 0, 0, REFUSED("5", "public key not permitted") },
	{ "failure", -ERR_FAILURE, 0, 0, FAILURE },
	{ "exists", -ERR_EXISTS, 0, 0, FAILURE },
	{ "absent", -ERR_ABSENT, 0, 0, FAILURE },
	{ "foreign", -ERR_FOREIGN, 0, 0, FAILURE },
	{ "busy", -ERR_BUSY, 0, 0, FAILURE },
	{ "locked", -ERR_LOCKED, 0, 0, FAILURE },
	{ "config", -ERR_CONFIG, 0, 0, FAILURE },
	{ "an error that there is not", -1000, 0, 0, FAILURE },
	{ "no port with an error", -ERR_KEY, 40017, 1, REFUSED("4", "invalid public key") },
};

static void test_reply(void **state)
{
	const struct row *row = *state;
	char line[REPLY_SIZE];

	memset(line, 'x', sizeof(line));
	unit_is_int("length", (long long)reply_format(line, row->error, row->port, row->time),
		    (long long)strlen(row->want));
	unit_is_text("line", line, row->want);
}

static const struct usage_row {
	const char *name;
	unsigned int percent;
	const char *want;
} usages[] = {
	{ "empty", 0, "{\"version\":1,\"usage\":0.00}\n" },
	{ "a little", 7, "{\"version\":1,\"usage\":0.07}\n" },
	{ "much", 99, "{\"version\":1,\"usage\":0.99}\n" },
	{ "full", 100, "{\"version\":1,\"usage\":1.00}\n" },
};

static void test_usage(void **state)
{
	const struct usage_row *row = *state;
	char line[REPLY_SIZE];
	size_t len;

	memset(line, 'x', sizeof(line));
	len = reply_format_usage(line, row->percent);
	unit_is_int("length", (long long)len, (long long)strlen(row->want));
	unit_is_text("line", line, row->want);
}

/* The protocol: numbers that nodes in the field know. */
static const struct code_row {
	const char *name;
	int error, code;
} codes[] = {
	{ "accepted", 0, 0 },
	{ "full", -ERR_FULL, 1 },
	{ "malformed", -ERR_MALFORMED, 2 },
	{ "version", -ERR_VERSION, 3 },
	{ "key", -ERR_KEY, 4 },
	{ "denied", -ERR_DENIED, 5 },
	{ "failure", -ERR_FAILURE, 6 },
	{ "config", -ERR_CONFIG, 6 },
	{ "locked", -ERR_LOCKED, 6 },
	{ "exists", -ERR_EXISTS, 6 },
	{ "absent", -ERR_ABSENT, 6 },
	{ "foreign", -ERR_FOREIGN, 6 },
	{ "busy", -ERR_BUSY, 6 },
	{ "an error that there is not", -1000, 6 },
};

static void test_code(void **state)
{
	const struct code_row *row = *state;

	unit_is_int("code", reply_code(row->error), row->code);
}

#define UNKNOWN "for a reason of its own"

static const struct reason_row {
	const char *name;
	int code;
	const char *want;
} reasons[] = {
	{ "full", 1, "Remote peer is not accepting additional connections" },
	{ "malformed", 2, "malformed request" },
	{ "version", 3, "unsupported protocol version" },
	{ "key", 4, "invalid public key" },
	{ "denied", 5, "public key not permitted" },
	{ "failure", 6, "temporary failure" },
	{ "none", 0, UNKNOWN },
	{ "one of a later version", WIRE_CODES, UNKNOWN },
	{ "negative", -1, UNKNOWN },
	{ "the highest", INT_MAX, UNKNOWN },
};

static void test_reason(void **state)
{
	const struct reason_row *row = *state;

	unit_is_text("reason", reply_reason(row->code), row->want);
}

static const struct meshifs_row {
	const char *name, *text;
	int want;
	const char *names;
} meshifs[] = {
	{ "none", "{ \"mesh_interfaces\": [ ] }", 0, "" },
	{ "two", "{ \"mesh_interfaces\": [ \"wgpeer1\", \"wgpeer22\" ] }\n", 0,
	  " wgpeer1 wgpeer22" },
	{ "other members", "{\"a\":1,\"mesh_interfaces\":[\"a\"]}", 0, " a" },
	{ "not names", "{\"mesh_interfaces\":[null,1,[\"x\"],{},\"a\"]}", 0, " a" },
	{ "empty", "", -ERR_MALFORMED, "" },
	{ "words", "no such command", -ERR_MALFORMED, "" },
	{ "half", "{ \"mesh_interfaces\": [ \"a\"", -ERR_MALFORMED, "" },
	{ "an array", "[\"mesh_interfaces\"]", -ERR_MALFORMED, "" },
	{ "no such member", "{\"interfaces\":[\"a\"]}", -ERR_MALFORMED, "" },
	{ "no list", "{\"mesh_interfaces\":\"a\"}", -ERR_MALFORMED, "" },
	{ "null", "{\"mesh_interfaces\":null}", -ERR_MALFORMED, "" },
};

static void gather(void *names, const char *name)
{
	strcat(strcat(names, " "), name);
}

static void test_meshifs(void **state)
{
	const struct meshifs_row *row = *state;
	char names[256] = "";

	unit_is_int("meshifs_parse", meshifs_parse(row->text, gather, names), row->want);
	unit_is_text("names", names, row->names);
}

int main(void)
{
	UNIT_TABLE(test_reply, rows);
	UNIT_TABLE(test_usage, usages);
	UNIT_TABLE(test_code, codes);
	UNIT_TABLE(test_reason, reasons);
	UNIT_TABLE(test_meshifs, meshifs);
	return unit_run();
}
