// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node's side of the protocol: asks gateways until one accepts, and makes the interface towards
 * it. One-shot: a timer runs it again, and it then does what is left to do. Changes nothing before
 * a gateway has accepted, and never cuts a live session.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "clock.h"
#include "error.h"
#include "log.h"
#include "session.h"
#include "wgif.h"
#include "node/curve.h"
#include "node/gateway.h"
#include "node/keygen.h"
#include "node/options.h"
#include "node/tunnel.h"
#include "node/walltime.h"

/* What a node exits with besides the codes of error.h; sysexits(3) has the values. */
enum node_exit_code {
	EXIT_UNREACHABLE = 69, /* no gateway answered */
	EXIT_FULL = 75,	       /* no gateway accepted, and at least one was full: try again */
	EXIT_NONSENSE = 76,    /* no gateway gave a reply, and at least one sent nonsense */
	EXIT_REFUSED = 77,     /* no gateway accepted or was full, and at least one refused */
};

/* What was done, for the log and for --json. */
struct report {
	const char *result, *action;
	const struct gateway *gateway; /* that accepted; NULL if none did */
	union endpoint endpoint;       /* where it was asked */
	char address[GATEWAY_ADDRESS_SIZE];
	struct reply reply;
	bool clock_set;
	int64_t clock_offset; /* seconds that the gateway's clock is ahead of ours */
	FILE *attempts;	      /* collects the attempts as JSON; NULL without --json */
	size_t attempts_size;
	char *attempts_text;
};

/*
 * Reads the private key, which is in memory only before and after gateways are heard: the processes
 * that parse what they say get a copy of all that is. Returns 0 or -ERR_CONFIG.
 */
static int load_key(struct tunnel *tunnel, const struct options *options)
{
	uint8_t public_key[KEY_LEN];
	int ret;

	ret = key_read(tunnel->private_key, options->key_path);
	if (ret < 0)
		return ret;
	curve_public_key(public_key, tunnel->private_key);
	if (memcmp(public_key, tunnel->public_key, KEY_LEN) == 0)
		return 0;
	log_line(LOG_ERR, "%s was replaced meanwhile: run it again", options->key_path);
	return -ERR_CONFIG;
}

/* Gets the keys and the address. Returns 0 or the exit code. */
static int prepare(struct tunnel *tunnel, const struct options *options)
{
	uint8_t private_key[KEY_LEN];
	int ret = 0;

	tunnel->ifname = options->ifname;
	tunnel->mtu = options->mtu;
	if (options->generate)
		ret = keygen(options->key_path);
	if (ret == 0)
		ret = key_read(private_key, options->key_path);
	if (ret < 0)
		return EXIT_CONFIG;
	curve_public_key(tunnel->public_key, private_key);
	explicit_bzero(private_key, sizeof(private_key));
	for (size_t i = 0; i < options->count; i++) {
		const struct gateway *gateway = &options->gateways[i];

		if (gateway->has_key && memcmp(gateway->key, tunnel->public_key, KEY_LEN) == 0) {
			log_line(LOG_ERR, "the key of gateway %s is our own", gateway->host);
			return EXIT_CONFIG;
		}
	}
	ret = tunnel_choose_address(tunnel, options->address, options->mac);
	return ret < 0 ? EXIT_USAGE : 0;
}

/* Reports an attempt. The address is NULL if there was none to ask. */
static void report_attempt(struct report *report, const struct gateway *gateway,
			   const char *address, const struct gateway_answer *answer)
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

/* Asks one gateway at its addresses until it accepts. Returns the best result. */
static enum gateway_result ask_gateway(const struct gateway *gateway, bool in_order,
				       const uint8_t pubkey[static KEY_LEN], struct report *report)
{
	struct gateway_answer answer = { .result = GATEWAY_UNREACHABLE };
	union endpoint addresses[GATEWAY_MAX_ADDRESSES];
	enum gateway_result best = GATEWAY_UNREACHABLE;
	const char *why;
	const size_t count = gateway_resolve(gateway, in_order, addresses, &why);

	if (count == 0) {
		snprintf(answer.detail, sizeof(answer.detail), "%s", why);
		report_attempt(report, gateway, NULL, &answer);
	}
	for (size_t i = 0; i < count && best != GATEWAY_ACCEPTED; i++) {
		gateway_address_text(report->address, &addresses[i]);
		gateway_ask(&addresses[i], pubkey, &answer);
		report_attempt(report, gateway, report->address, &answer);
		if (answer.result < best)
			best = answer.result;
		if (best == GATEWAY_ACCEPTED) {
			report->gateway = gateway;
			report->endpoint = addresses[i];
			report->reply = answer.reply;
		}
	}
	return best;
}

/* Asks the gateways until one accepts. Returns the best result. */
static enum gateway_result ask_all(const struct options *options,
				   const uint8_t pubkey[static KEY_LEN], struct report *report)
{
	enum gateway_result result, best = GATEWAY_UNREACHABLE;

	for (size_t i = 0; i < options->count && best != GATEWAY_ACCEPTED; i++) {
		result = ask_gateway(&options->gateways[i], options->in_order, pubkey, report);
		if (result < best)
			best = result;
	}
	return best;
}

/* Compares the clock with that of the gateway that accepted, and may set it. */
static void check_clock(const struct options *options, struct report *report)
{
	report->clock_offset = report->reply.time - clock_moment().wall;
	report->clock_set =
		walltime_follow(options->ask_only ? WALLTIME_NEVER : options->clock_rule,
				report->gateway->host, report->reply.time, false);
}

/* Prints the report as one JSON object; README and the man page describe its members. */
static void print_report(const struct tunnel *tunnel, struct report *report)
{
	char address[INET6_ADDRSTRLEN];
	int ret;

	ret = fclose(report->attempts);
	report->attempts = NULL;
	if (ret != 0) {
		log_line(LOG_ERR, "unable to print the report: %s", strerror(errno));
		return;
	}
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

/*
 * Looks for a live session with one of the gateways. If there is one, no gateway is asked, and the
 * interface is only brought up to date. Returns 1 if so, 0 if not, or a negative error.
 */
static int keep_session(const struct options *options, struct tunnel *tunnel,
			struct wgif_kernel *kernel)
{
	struct session session = { .link.index = 0 };
	const uint8_t *key = NULL;
	int ret = 0;

	for (size_t i = 0; i < options->count && ret == 0; i++) {
		key = options->gateways[i].key;
		ret = tunnel_is_live(kernel, tunnel, key, &session);
	}
	if (ret != 1)
		return ret == -ERR_ABSENT ? 0 : ret;
	ret = load_key(tunnel, options);
	if (ret == 0)
		ret = tunnel_refresh(kernel, tunnel, key, &session);
	if (ret < 0)
		return ret;
	log_line(LOG_INFO, "%s has a live session: no gateway was asked", tunnel->ifname);
	return 1;
}

/* Makes the interface towards the gateway that accepted. Returns the exit code. */
static int connect_tunnel(const struct options *options, struct tunnel *tunnel,
			  struct wgif_kernel *kernel, struct report *report)
{
	union endpoint endpoint = report->endpoint;
	int ret;

	/* The port is at the same place in both kinds of address. */
	endpoint.in.sin_port = htons((uint16_t)report->reply.port);
	ret = load_key(tunnel, options);
	if (ret < 0)
		return EXIT_CONFIG;
	ret = tunnel_configure(kernel, tunnel, report->gateway->key, &endpoint);
	if (ret < 0)
		return EXIT_FAILED;
	report->result = "connected";
	report->action = ret ? "created" : "changed";
	log_line(LOG_INFO, "%s %s: gateway %s (%s), port %u", report->action, tunnel->ifname,
		 report->gateway->host, report->address, report->reply.port);
	return EXIT_DONE;
}

/* Prints the reply of the gateway that accepted, in place of a report. */
static void print_reply(const struct reply *reply)
{
	char line[REPLY_SIZE];

	reply_format(line, 0, reply->port, reply->time);
	fputs(line, stdout);
}

/* Reports that no gateway accepted. Returns the exit code. */
static int report_refusal(struct report *report, enum gateway_result result)
{
	static const int codes[] = {
		[GATEWAY_FULL] = EXIT_FULL,
		[GATEWAY_REFUSED] = EXIT_REFUSED,
		[GATEWAY_NONSENSE] = EXIT_NONSENSE,
		[GATEWAY_UNREACHABLE] = EXIT_UNREACHABLE,
	};

	if (result == GATEWAY_SILENT)
		result = GATEWAY_UNREACHABLE;
	report->result = gateway_result_text(result);
	log_line(LOG_ERR, "no gateway accepted; the best result was: %s", report->result);
	return codes[result];
}

/* Does the work; the kernel is NULL with -n. Returns the exit code, and fills in the report. */
static int run(const struct options *options, struct tunnel *tunnel, struct wgif_kernel *kernel,
	       struct report *report)
{
	enum gateway_result result;
	int ret = 0;

	if (kernel)
		ret = keep_session(options, tunnel, kernel);
	if (ret < 0)
		return EXIT_FAILED;
	if (ret == 1) {
		report->result = "connected";
		report->action = "kept";
		return EXIT_DONE;
	}
	result = ask_all(options, tunnel->public_key, report);
	if (result != GATEWAY_ACCEPTED)
		return report_refusal(report, result);
	check_clock(options, report);
	if (kernel)
		return connect_tunnel(options, tunnel, kernel, report);
	report->result = "accepted";
	if (!options->json)
		print_reply(&report->reply);
	return EXIT_DONE;
}

/* Opens what the work needs, does it, and prints the report. Returns the exit code. */
static int run_and_report(const struct options *options, struct tunnel *tunnel)
{
	struct report report = { .result = "failed", .action = "none" };
	struct wgif_kernel *kernel = NULL;
	int ret;

	if (!options->ask_only) {
		kernel = wgif_open();
		if (!kernel)
			return EXIT_FAILED;
	}
	if (options->json) {
		report.attempts = open_memstream(&report.attempts_text, &report.attempts_size);
		if (!report.attempts) {
			log_line(LOG_ERR, "unable to begin the report: %s", strerror(errno));
			wgif_close(kernel);
			return EXIT_FAILED;
		}
	}
	ret = run(options, tunnel, kernel, &report);
	wgif_close(kernel);
	if (options->json)
		print_report(tunnel, &report);
	free(report.attempts_text);
	return ret;
}

/*
 * One run: read the options and the keys; if the interface has a live session, keep it; else ask
 * the gateways, check the clock, and configure the interface; print what was done.
 */
int main(int argc, char **argv)
{
	struct tunnel tunnel = { .ifname = NULL };
	struct options options;
	int ret;

	log_open("broker-connect", false);
	/* Keeps the private key out of core dumps. */
	prctl(PR_SET_DUMPABLE, 0);
	ret = options_read(&options, argc, argv);
	if (ret <= 0)
		return ret < 0 ? EXIT_USAGE : EXIT_DONE;
	ret = prepare(&tunnel, &options);
	if (ret == 0)
		ret = run_and_report(&options, &tunnel);
	explicit_bzero(tunnel.private_key, sizeof(tunnel.private_key));
	return ret;
}
