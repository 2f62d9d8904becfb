// SPDX-License-Identifier: GPL-2.0-or-later
/* The reply parser: what it takes is within its limits, and what it rejects has a fault. */
#include "fuzz.h"
#include "json.h"

/* A usage is a share, and comes back as it was written. */
static void check_usage(const uint8_t *data, size_t size)
{
	char line[REPLY_SIZE];
	struct reply reply, again;
	size_t len;

	reply_parse_usage(&reply, (const char *)data, size);
	if (strcmp(reply_fault(reply.fault), "not a reply") == 0)
		abort();
	if (reply.fault)
		return;
	if (reply.usage > 100)
		abort();
	len = reply_format_usage(line, reply.usage);
	reply_parse_usage(&again, line, len);
	if (again.fault || again.usage != reply.usage)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[REPLY_SIZE];
	struct reply reply, again;
	size_t len;

	check_usage(data, size);
	reply_parse(&reply, (const char *)data, size);
	if (reply.fault) {
		if (strcmp(reply_fault(reply.fault), "not a reply") == 0)
			abort();
		return 0;
	}
	if (reply.code < 0)
		abort();
	if (reply.code > 0)
		return 0;
	if (reply.port < 1 || reply.port > 65535 || reply.time < 1)
		abort();
	len = reply_format(line, 0, reply.port, reply.time);
	reply_parse(&again, line, len);
	if (again.fault || again.port != reply.port || again.time != reply.time)
		abort();
	return 0;
}
