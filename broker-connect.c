// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node's side of the protocol: asks gateways until one accepts, and makes the interface towards
 * it. One-shot; run it again, from a timer, and it does what is then left to do. Touches nothing
 * before a gateway has accepted, and never a session that lives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"
#include "tunnel.h"
#include "wgif.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#ifndef NODE_KEY_FILE
#define NODE_KEY_FILE "/etc/wg-broker/node.key"
#endif

#define USAGE                                                                                       \
	"usage: broker-connect [-ghnotV] [-a address | -m mac] [-i interface] [-k file] [-M mtu]\n" \
	"                      [-p key] [--json] host[:port][,key] ..."

enum {
	MAX_GATEWAYS = 64,
	CLOCK_TOLERANCE = 240, /* seconds: what nodes in the field go by */
	MIN_MTU = 1280,	       /* of IPv6 */
	MAX_MTU = 65455,
};

/* What the operator wants. */
struct options {
	const char *key_path;
	const char *address; /* of the interface: as given, else NULL */
	const char *mac;     /* likewise: an address, or the name of an interface that has it */
	const char *shared_key;
	unsigned int mtu;
	const char *ifname;
	bool generate, in_order, ask_only, set_clock, json;
	struct gateway gateways[MAX_GATEWAYS];
	size_t count;
};

/* What was done, for people and for --json. */
struct report {
	const char *result, *action;
	const struct gateway *gateway;	    /* that accepted, or NULL */
	char address[GATEWAY_ADDRESS_SIZE]; /* of that gateway */
	struct reply reply;
	bool clock_set;
	int64_t clock_offset; /* seconds that the gateway's clock was ahead of ours */
	FILE *attempts;	      /* collects the attempts as JSON */
	size_t attempts_size;
	char *attempts_text;
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "broker-connect: %s: %s\n%s\n", what, value, USAGE);
	return -ERR_CONFIG;
}

/* Whether the text could be an interface's name, and needs no quotes anywhere. */
static bool is_ifname(const char *text)
{
	const size_t len = strlen(text);

	return len > 0 && len < IFNAMSIZ && *text != '-' && *text != '.' &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

/* Takes one option. Returns 0, or -ERR_CONFIG after it has said why. */
static int take_option(struct options *options, int option)
{
	char *end;

	switch (option) {
	case 'a':
		options->address = optarg;
		return 0;
	case 'g':
		options->generate = true;
		return 0;
	case 'i':
		options->ifname = optarg;
		return is_ifname(optarg) ? 0 : misuse("not the name of an interface", optarg);
	case 'j':
		options->json = true;
		return 0;
	case 'k':
		options->key_path = optarg;
		return 0;
	case 'M':
		options->mtu = (unsigned int)strtoul(optarg, &end, 10);
		return *optarg >= '1' && *optarg <= '9' && strlen(optarg) <= 5 && !*end &&
				       options->mtu >= MIN_MTU && options->mtu <= MAX_MTU ?
			       0 :
			       misuse("the MTU must be a number from 1280 to 65455", optarg);
	case 'm':
		options->mac = optarg;
		return 0;
	case 'n':
		options->ask_only = true;
		return 0;
	case 'o':
		options->in_order = true;
		return 0;
	case 'p':
		options->shared_key = optarg;
		return 0;
	case 't':
		options->set_clock = true;
		return 0;
	default:
		fprintf(stderr, "%s\n", USAGE);
		return -ERR_CONFIG;
	}
}

/* Puts the gateways in random order. */
static void shuffle(struct options *options)
{
	for (size_t left = options->count; left > 1; left--) {
		const size_t chosen = gateway_random((unsigned int)left);
		const struct gateway held = options->gateways[left - 1];

		options->gateways[left - 1] = options->gateways[chosen];
		options->gateways[chosen] = held;
	}
}

/* Reads the gateways and their keys. */
static int take_gateways(struct options *options, char **texts, size_t count)
{
	uint8_t key[KEY_LEN];

	if (count < 1 || count > MAX_GATEWAYS)
		return misuse("from 1 to 64 gateways are wanted", count ? "too many" : "none");
	if (options->shared_key && gateway_read_key(key, options->shared_key) < 0)
		return -ERR_CONFIG;
	for (size_t i = 0; i < count; i++) {
		struct gateway *gateway = &options->gateways[i];

		if (gateway_parse(gateway, texts[i]) < 0)
			return -ERR_CONFIG;
		if (!gateway->keyed && options->shared_key) {
			memcpy(gateway->key, key, KEY_LEN);
			gateway->keyed = true;
		}
		if (!gateway->keyed && !options->ask_only)
			return misuse("a public key is wanted, behind a comma or with -p, for",
				      gateway->host);
	}
	options->count = count;
	if (!options->in_order)
		shuffle(options);
	return 0;
}

/* Returns 1 to go on, 0 if all is done, or the exit code with a minus sign. */
static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	int option;

	*options = (struct options){ .key_path = NODE_KEY_FILE, .mtu = 1374, .ifname = "wgmesh" };
	while ((option = getopt_long(argc, argv, "a:ghi:k:M:m:nop:tV", long_options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			puts(option == 'h' ? USAGE : "broker-connect " VERSION);
			return 0;
		}
		if (take_option(options, option) < 0)
			return -EXIT_USAGE;
	}
	if (options->address && options->mac) {
		misuse("only one of -a and -m is wanted", options->mac);
		return -EXIT_USAGE;
	}
	return take_gateways(options, argv + optind, (size_t)(argc - optind)) < 0 ? -EXIT_USAGE : 1;
}

/* Gets the keys and the address. Returns 0 or the exit code. */
static int prepare(struct tunnel *tunnel, const struct options *options)
{
	tunnel->ifname = options->ifname;
	tunnel->mtu = options->mtu;
	if ((options->generate && key_make(options->key_path) < 0) ||
	    key_read(tunnel->private_key, options->key_path) < 0)
		return EXIT_CONFIG;
	curve_public_key(tunnel->public_key, tunnel->private_key);
	for (size_t i = 0; i < options->count; i++)
		if (options->gateways[i].keyed &&
		    memcmp(options->gateways[i].key, tunnel->public_key, KEY_LEN) == 0) {
			log_line(LOG_ERR, "the key of gateway %s is our own",
				 options->gateways[i].host);
			return EXIT_CONFIG;
		}
	return tunnel_choose_address(tunnel, options->address, options->mac) < 0 ? EXIT_USAGE : 0;
}

/* Says what an attempt came to; text is NULL where there was no address to ask. */
static void note_attempt(struct report *report, const struct gateway *gateway, const char *text,
			 const struct gateway_answer *answer)
{
	const char *outcome = gateway_outcome_text(answer->outcome);

	log_line(answer->outcome == GATEWAY_ACCEPTED ? LOG_INFO : LOG_WARNING,
		 "gateway %s%s%s%s: %s%s%s", gateway->host, text ? " (" : "", text ? text : "",
		 text ? ")" : "", outcome, answer->detail[0] ? ": " : "", answer->detail);
	fprintf(report->attempts, "%s{\"gateway\":\"%s\",", ftell(report->attempts) ? "," : "",
		gateway->host);
	if (text)
		fprintf(report->attempts, "\"address\":\"%s\",", text);
	fprintf(report->attempts, "\"outcome\":\"%s\",\"detail\":\"%s\"}", outcome, answer->detail);
}

/* Asks one gateway at all of its addresses. Returns the best that it came to. */
static enum gateway_outcome ask_gateway(const struct gateway *gateway, bool in_order,
					const uint8_t pubkey[static KEY_LEN], struct report *report,
					union endpoint *endpoint)
{
	struct gateway_answer answer = { .outcome = GATEWAY_UNREACHABLE };
	union endpoint addresses[GATEWAY_MAX_ADDRESSES];
	enum gateway_outcome best = GATEWAY_UNREACHABLE;
	const char *why;
	const size_t count = gateway_resolve(gateway, in_order, addresses, &why);

	if (count == 0) {
		snprintf(answer.detail, sizeof(answer.detail), "%s", why);
		note_attempt(report, gateway, NULL, &answer);
	}
	for (size_t i = 0; i < count && best != GATEWAY_ACCEPTED; i++) {
		gateway_address_text(report->address, &addresses[i]);
		gateway_ask(&addresses[i], pubkey, &answer);
		note_attempt(report, gateway, report->address, &answer);
		if (answer.outcome < best)
			best = answer.outcome;
		if (best == GATEWAY_ACCEPTED) {
			report->gateway = gateway;
			report->reply = answer.reply;
			*endpoint = addresses[i];
		}
	}
	return best;
}

/* Asks the gateways until one accepts. Returns the best that they came to. */
static enum gateway_outcome ask_all(const struct options *options,
				    const uint8_t pubkey[static KEY_LEN], struct report *report,
				    union endpoint *endpoint)
{
	enum gateway_outcome outcome, best = GATEWAY_UNREACHABLE;

	for (size_t i = 0; i < options->count && best != GATEWAY_ACCEPTED; i++) {
		outcome = ask_gateway(&options->gateways[i], options->in_order, pubkey, report,
				      endpoint);
		if (outcome < best)
			best = outcome;
	}
	return best;
}

static void format_time(char text[static 32], time_t time)
{
	struct tm parts;

	if (!gmtime_r(&time, &parts) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts))
		snprintf(text, 32, "@%" PRId64, (int64_t)time);
}

/*
 * Compares the clock with the gateway's, and sets it if that is wanted: a gateway takes handshakes
 * only with rising times, so after a clock fell back it would take none.
 */
static void check_clock(const struct options *options, struct report *report)
{
	const time_t ours = time(NULL), theirs = (time_t)report->reply.time;
	const struct timespec now = { .tv_sec = theirs };
	char here[32], there[32];

	report->clock_offset = (int64_t)theirs - (int64_t)ours;
	if (report->clock_offset <= CLOCK_TOLERANCE && report->clock_offset >= -CLOCK_TOLERANCE)
		return;
	format_time(here, ours);
	format_time(there, theirs);
	if (!options->set_clock || options->ask_only) {
		log_line(LOG_WARNING,
			 "the clock is wrong: here it is %s, at gateway %s %s; the tunnel may not "
			 "work before it is set (-t does that)",
			 here, report->gateway->host, there);
	} else if (clock_settime(CLOCK_REALTIME, &now) < 0) {
		log_line(LOG_ERR, "unable to set the clock from %s to %s: %s", here, there,
			 strerror(errno));
	} else {
		report->clock_set = true;
		log_line(LOG_NOTICE, "set the clock from %s to that of gateway %s, %s", here,
			 report->gateway->host, there);
	}
}

/* Prints what was done as one JSON object; README and the man page tell its members. */
static void print_report(const struct options *options, const struct tunnel *tunnel,
			 struct report *report)
{
	char address[INET6_ADDRSTRLEN];

	fclose(report->attempts);
	report->attempts = NULL;
	if (!options->json)
		return;
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
 * Looks for a live session with any of the gateways. If there is one nobody is asked, and only
 * what differs of the interface is changed. Returns 1 if so, 0 if not, or a negative error.
 */
static int keep(const struct options *options, const struct tunnel *tunnel,
		struct wgif_kernel *kernel)
{
	int ret = 0;

	for (size_t i = 0; i < options->count && ret == 0; i++) {
		const uint8_t *key = options->gateways[i].key;

		ret = tunnel_is_live(kernel, tunnel, key);
		if (ret == 1) {
			ret = tunnel_furnish(kernel, tunnel, key, NULL);
			if (ret < 0)
				return ret;
			log_line(LOG_INFO, "%s has a live session: no gateway was asked",
				 tunnel->ifname);
			return 1;
		}
	}
	return ret;
}

/* Makes the interface towards the gateway that accepted. Returns the exit code. */
static int join(const struct options *options, const struct tunnel *tunnel,
		struct wgif_kernel *kernel, union endpoint *endpoint, struct report *report)
{
	char line[REPLY_SIZE];
	int ret;

	check_clock(options, report);
	report->result = "accepted";
	if (options->ask_only) {
		reply_format(line, 0, report->reply.port, report->reply.time);
		if (!options->json)
			fputs(line, stdout);
		return EXIT_DONE;
	}
	/* The port stands in the same place in both kinds of address. */
	endpoint->in.sin_port = htons((uint16_t)report->reply.port);
	ret = tunnel_furnish(kernel, tunnel, report->gateway->key, endpoint);
	if (ret < 0) {
		report->result = "failed";
		return EXIT_FAILED;
	}
	report->result = "connected";
	report->action = ret ? "created" : "changed";
	log_line(LOG_INFO, "%s %s: gateway %s (%s), port %u", report->action, tunnel->ifname,
		 report->gateway->host, report->address, report->reply.port);
	return EXIT_DONE;
}

/* Does the work. Returns the exit code, with the report filled in. */
static int run(const struct options *options, const struct tunnel *tunnel,
	       struct wgif_kernel *kernel, struct report *report)
{
	static const int codes[] = {
		[GATEWAY_FULL] = EXIT_FULL,
		[GATEWAY_REFUSED] = EXIT_REFUSED,
		[GATEWAY_NONSENSE] = EXIT_NONSENSE,
		[GATEWAY_SILENT] = EXIT_UNREACHABLE,
		[GATEWAY_UNREACHABLE] = EXIT_UNREACHABLE,
	};
	union endpoint endpoint = { .any.sa_family = AF_UNSPEC };
	enum gateway_outcome outcome;
	int ret;

	ret = kernel ? keep(options, tunnel, kernel) : 0;
	if (ret != 0) {
		report->result = ret < 0 ? "failed" : "connected";
		report->action = ret < 0 ? "none" : "kept";
		return ret < 0 ? EXIT_FAILED : EXIT_DONE;
	}
	outcome = ask_all(options, tunnel->public_key, report, &endpoint);
	if (outcome == GATEWAY_ACCEPTED)
		return join(options, tunnel, kernel, &endpoint, report);
	report->result =
		gateway_outcome_text(outcome == GATEWAY_SILENT ? GATEWAY_UNREACHABLE : outcome);
	log_line(LOG_ERR, "no gateway accepted; at best: %s", report->result);
	return codes[outcome];
}

/*
 * One run: read the options and the keys; if the interface has a live session, keep it; else ask
 * the gateways, look at the clock, and make the interface; tell what was done.
 */
int main(int argc, char **argv)
{
	struct report report = { .result = "failed", .action = "none" };
	struct tunnel tunnel = { .ifname = NULL };
	struct wgif_kernel *kernel = NULL;
	struct options options;
	int ret;

	log_open("broker-connect", false);
	/* Nobody is to find the private key in a core dump. */
	prctl(PR_SET_DUMPABLE, 0);
	ret = read_options(&options, argc, argv);
	if (ret < 1)
		return -ret;
	ret = prepare(&tunnel, &options);
	if (ret)
		return ret;
	report.attempts = open_memstream(&report.attempts_text, &report.attempts_size);
	if (!options.ask_only)
		kernel = wgif_open();
	ret = EXIT_FAILED;
	if (report.attempts && (kernel || options.ask_only)) {
		ret = run(&options, &tunnel, kernel, &report);
		print_report(&options, &tunnel, &report);
	}
	explicit_bzero(tunnel.private_key, sizeof(tunnel.private_key));
	wgif_close(kernel);
	free(report.attempts_text);
	return ret;
}
