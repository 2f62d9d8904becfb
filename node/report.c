// SPDX-License-Identifier: GPL-2.0-or-later
/* What a run of broker-connect did, as lines of the log and as one JSON object. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "node/report.h"
#include "node/tunnel.h"

int report_begin(struct report *report, bool json)
{
	*report = (struct report){ .result = "failed", .action = "none" };
	if (!json)
		return 0;
	report->attempts = open_memstream(&report->attempts_text, &report->attempts_size);
	if (report->attempts)
		return 0;
	log_line(LOG_ERR, "unable to begin the report: %s", strerror(errno));
	return -1;
}

void report_attempt(struct report *report, const struct gateway *gateway, const char *address,
		    const struct gateway_answer *answer)
{
	const int priority = answer->result == GATEWAY_ACCEPTED ? LOG_INFO : LOG_WARNING;
	const char *result = gateway_result_text(answer->result);
	const char *colon = answer->detail[0] ? ": " : "";

	if (address)
		log_line(priority, "gateway %s (%s): %s%s%s", gateway->host, address, result, colon,
			 answer->detail);
	else
		log_line(priority, "gateway %s: %s%s%s", gateway->host, result, colon,
			 answer->detail);
	if (!report->attempts)
		return;
	fprintf(report->attempts, "%s{\"gateway\":\"%s\",", ftell(report->attempts) ? "," : "",
		gateway->host);
	if (address)
		fprintf(report->attempts, "\"address\":\"%s\",", address);
	fprintf(report->attempts, "\"outcome\":\"%s\",\"detail\":\"%s\"}", result, answer->detail);
}

void report_reply(const struct report *report)
{
	char line[REPLY_SIZE];

	reply_format(line, 0, report->reply.port, report->reply.time);
	fputs(line, stdout);
}

static void print(const struct report *report, const struct tunnel *tunnel)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &tunnel->address, address, sizeof(address));
	printf("{\"result\":\"%s\",\"action\":\"%s\",\"interface\":\"%s\",\"address\":\"%s\","
	       "\"mtu\":%u",
	       report->result, report->action, tunnel->ifname, address, tunnel->mtu);
	if (report->gateway)
		printf(",\"gateway\":\"%s\",\"gateway_address\":\"%s\",\"port\":%u,\"time\":%" PRId64
		       ",\"clock_offset\":%" PRId64 ",\"clock_set\":%s",
		       report->gateway->host, report->address, report->reply.port,
		       report->reply.time, report->clock_offset,
		       report->clock_set ? "true" : "false");
	printf(",\"attempts\":[%s]}\n", report->attempts_text);
}

void report_end(struct report *report, const struct tunnel *tunnel)
{
	int ret;

	if (!report->attempts)
		return;
	ret = fclose(report->attempts);
	report->attempts = NULL;
	if (ret == 0)
		print(report, tunnel);
	else
		log_line(LOG_ERR, "unable to print the report: %s", strerror(errno));
	free(report->attempts_text);
}
