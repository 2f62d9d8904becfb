// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses as text, and whom they are counted for. */
#include <arpa/inet.h>

#include "unit.h"

#include "endpoint.h"

static const struct row {
	const char *address, *text, *source;
} rows[] = {
	{ "192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1" },
	{ "::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1" },
	{ "::ffff:255.255.255.255", "255.255.255.255", "::ffff:255.255.255.255" },
	{ "2001:db8:0:17::9", "2001:db8:0:17::9", "2001:db8:0:17::" },
	{ "2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2:ffff:ffff:ffff:ffff",
	  "2001:db8:1:2::" },
	{ "2001:db8:1122:3344:5566:7788:99aa:bbcc", "2001:db8:1122:3344:5566:7788:99aa:bbcc",
	  "2001:db8:1122:3344::" },
	{ "::1", "::1", "::" },
	{ "::1:ffff:c000:201", "::1:ffff:c000:201", "::" },
};

static void test_address(void **state)
{
	const struct row *row = *state;
	union endpoint endpoint = { .any.sa_family =
					    strchr(row->address, ':') ? AF_INET6 : AF_INET };
	void *address = &endpoint.in6.sin6_addr;
	char text[INET6_ADDRSTRLEN], source_text[INET6_ADDRSTRLEN];
	struct in6_addr source;

	if (endpoint.any.sa_family == AF_INET)
		address = &endpoint.in.sin_addr;
	unit_is_int("read", inet_pton(endpoint.any.sa_family, row->address, address), 1);
	unit_is_text("text", endpoint_format(text, &endpoint), row->text);
	source = endpoint_source(&endpoint);
	unit_is_text("source", inet_ntop(AF_INET6, &source, source_text, sizeof(source_text)),
		     row->source);
}

static void test_other(void **state)
{
	const union endpoint endpoint = { .any.sa_family = AF_UNIX };
	const struct in6_addr source = endpoint_source(&endpoint);
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_null(endpoint_format(text, &endpoint));
	assert_memory_equal(&source, &in6addr_any, sizeof(source));
}

static const struct parse_row {
	const char *text, *want;
} parses[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "[2001:0db8::0001]", "2001:db8::1" },
	{ "fe80::1%eth0", "fe80::1" },
	{ "[fe80::1%eth0]", "fe80::1" },
	{ "", "none" },
	{ "[", "none" },
	{ "192.0.2", "none" },
	{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", "none" },
};

static void test_parse(void **state)
{
	const struct parse_row *row = *state;
	char text[INET6_ADDRSTRLEN];
	union endpoint endpoint;
	const char *got;

	memset(&endpoint, 0xaa, sizeof(endpoint));
	endpoint.any.sa_family = AF_INET;
	endpoint_parse(&endpoint, row->text);
	got = endpoint_format(text, &endpoint);
	unit_is_text("address", got ? got : "none", row->want);
}

int main(void)
{
	UNIT_TABLE(test_address, rows);
	UNIT_TABLE(test_parse, parses);
	unit_add("no address of IP", test_other, NULL);
	return unit_run();
}
