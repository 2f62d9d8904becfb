// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node's side of the protocol: asks gateways until one accepts, makes the interface towards it,
 * and goes on to the next one unless it shakes hands. One-shot: a timer runs it again, and it then
 * does what is left to do. Changes nothing before a gateway has accepted, and never cuts a live
 * session.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "log.h"
#include "session.h"
#include "wgif.h"
#include "node/choice.h"
#include "node/curve.h"
#include "node/daemons.h"
#include "node/down.h"
#include "node/exit.h"
#include "node/gateway.h"
#include "node/keygen.h"
#include "node/loop.h"
#include "node/options.h"
#include "node/report.h"
#include "node/schedule.h"
#include "node/status.h"
#include "node/tunnel.h"
#include "node/walltime.h"

/* One run. */
struct run {
	const struct options *options;
	struct tunnel *tunnel;
	struct wgif_kernel *kernel; /* NULL with -n */
	struct report report;
	int64_t end;	 /* clock_ms() of it */
	int64_t failed;	 /* the addresses that failed in earlier runs, or now; see tunnel.h */
	bool put_off;	 /* some of those are still to be asked */
	bool is_waiting; /* the interface has a peer that has not shaken hands */
	int error;	 /* a negative error that ends the run, or 0 */

	struct choice choice; /* what is asked first */
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

static void wipe_key(struct tunnel *tunnel)
{
	explicit_bzero(tunnel->private_key, sizeof(tunnel->private_key));
}

/* Gets the keys and the address. Returns 0 or the exit code. */
static int prepare(struct tunnel *tunnel, const struct options *options)
{
	uint8_t private_key[KEY_LEN];
	int ret = 0;

	tunnel->ifname = options->ifname;
	tunnel->mtu = options->mtu;
	tunnel->mark = options->mark;
	tunnel->ipv4 = options->ipv4;
	tunnel->ipv6 = options->ipv6;
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
	if (ret == -ERR_ABSENT)
		return EXIT_FAILED;
	return ret < 0 ? EXIT_USAGE : 0;
}

/* Compares the clock with that of the gateway that accepted. Returns whether it was set. */
static bool check_clock(struct run *run, bool refused)
{
	struct report *report = &run->report;
	bool was_set;

	if (!refused)
		report->clock_offset = report->reply.time - clock_moment().wall;
	was_set = walltime_follow(run->kernel ? run->options->clock_rule : WALLTIME_NEVER,
				  report->gateway->host, report->reply.time, refused);
	report->clock_set |= was_set;
	return was_set;
}

/*
 * Looks for a live session with one of the gateways, and for what the interface's note says.
 * Returns whether there is one, with its gateway's key, or a negative error.
 */
static int find_session(const struct run *run, struct session *session, const uint8_t **key)
{
	int ret = 0;

	session->link.index = 0;
	for (size_t i = 0; i < run->options->count && ret == 0; i++) {
		*key = run->options->gateways[i].key;
		ret = tunnel_is_live(run->kernel, run->tunnel, *key, session);
	}
	return ret == -ERR_ABSENT ? 0 : ret;
}

/* Brings the interface of a live session up to date. Returns 1, or a negative error. */
static int keep_session(struct run *run, const uint8_t key[static KEY_LEN],
			const struct session *session)
{
	int ret;

	ret = tunnel_refresh(run->kernel, run->tunnel, key, session);
	if (ret < 0)
		return ret;
	run->report.action = "kept";
	return 1;
}

/* Configures the interface for this gateway. Returns 0 or a negative error. */
static int configure_tunnel(struct run *run, const struct gateway *gateway,
			    const union endpoint *endpoint)
{
	int ret;

	ret = load_key(run->tunnel, run->options);
	if (ret == 0)
		ret = tunnel_configure(run->kernel, run->tunnel, gateway->key, endpoint);
	wipe_key(run->tunnel);
	if (ret < 0)
		return ret;
	if (ret == 1)
		run->report.action = "created";
	else if (strcmp(run->report.action, "none") == 0)
		run->report.action = "changed";
	run->is_waiting = true;
	return 0;
}

/* Waits for a handshake with this gateway. Returns whether there was one, or a negative error. */
static int wait_for_handshake(struct run *run, const struct gateway *gateway,
			      const union endpoint *endpoint)
{
	int64_t deadline = clock_ms() + TUNNEL_HANDSHAKE_TIME * 1000;

	if (deadline > run->end)
		deadline = run->end;
	return tunnel_wait(run->kernel, run->tunnel, gateway->key, endpoint, deadline);
}

/*
 * Connects to the gateway that accepted. Asking may have taken long, so first has another look at
 * the session there was. Returns whether there is a session now, or a negative error.
 */
static int connect_tunnel(struct run *run, const struct gateway *gateway, union endpoint endpoint)
{
	const struct report *report = &run->report;
	struct session session;
	const uint8_t *key = NULL;
	int ret;

	ret = find_session(run, &session, &key);
	if (ret == 1)
		return keep_session(run, key, &session);
	/* The port is at the same place in both kinds of address. */
	endpoint.in.sin_port = htons((uint16_t)report->reply.port);
	if (ret == 0)
		ret = configure_tunnel(run, gateway, &endpoint);
	if (ret < 0)
		return ret;
	if (isatty(STDERR_FILENO))
		log_line(LOG_INFO, "gateway %s (%s): accepted; waiting for a handshake",
			 gateway->host, report->address);
	ret = wait_for_handshake(run, gateway, &endpoint);
	/* It may take our handshakes for old ones. */
	if (ret == 0 && check_clock(run, true))
		ret = wait_for_handshake(run, gateway, &endpoint);
	if (ret == 1)
		run->is_waiting = false;
	return ret;
}

/* What becomes of a gateway's reply that accepts us: notes it in the answer. */
static void take_reply(struct run *run, const struct gateway *gateway,
		       const union endpoint *address, struct gateway_answer *answer)
{
	struct report *report = &run->report;
	int ret;

	report->gateway = gateway;
	report->reply = answer->reply;
	gateway_address_text(report->address, address);
	check_clock(run, false);
	if (!run->kernel)
		return;
	ret = connect_tunnel(run, gateway, *address);
	if (ret < 0)
		run->error = ret;
	if (ret != 0)
		return;
	answer->result = GATEWAY_NO_HANDSHAKE;
	snprintf(answer->detail, sizeof(answer->detail), "none from port %u in time",
		 report->reply.port);
}

/* Whether it is no use to ask on. */
static bool is_over(const struct run *run, enum gateway_result best)
{
	return best == GATEWAY_ACCEPTED || run->error || clock_ms() >= run->end;
}

static enum gateway_result ask_address(struct run *run, const struct gateway *gateway,
				       const union endpoint *address)
{
	char text[GATEWAY_ADDRESS_SIZE];
	struct gateway_answer answer;

	gateway_address_text(text, address);
	gateway_ask(address, run->tunnel->mark, run->tunnel->public_key, run->end, &answer);
	if (answer.result == GATEWAY_ACCEPTED)
		take_reply(run, gateway, address, &answer);
	if (!run->error)
		report_attempt(&run->report, gateway, text, &answer);
	return answer.result;
}

/*
 * Asks one gateway at its addresses until there is a session: at those that failed before, or at
 * the others, but not at the one that was asked first. Returns the best result.
 */
static enum gateway_result ask_gateway(struct run *run, const struct gateway *gateway, bool failed)
{
	struct gateway_answer answer = { .result = GATEWAY_UNREACHABLE };
	union endpoint addresses[GATEWAY_MAX_ADDRESSES];
	enum gateway_result result, best = GATEWAY_UNREACHABLE;
	const char *why;
	const size_t count = gateway_resolve(gateway, run->options->in_order, addresses, &why);

	if (count == 0 && !failed) {
		snprintf(answer.detail, sizeof(answer.detail), "%s", why);
		report_attempt(&run->report, gateway, NULL, &answer);
	}
	for (size_t i = 0; i < count && !is_over(run, best); i++) {
		if (choice_is(&run->choice, gateway, &addresses[i]))
			continue;
		if (!(run->failed & tunnel_address_bit(&addresses[i])) == failed) {
			run->put_off = true;
			continue;
		}
		result = ask_address(run, gateway, &addresses[i]);
		if (result < best)
			best = result;
	}
	return best;
}

/*
 * Asks the gateways until there is a session: first the emptier of two, and last where that failed.
 * Returns the best result.
 */
static enum gateway_result ask_all(struct run *run)
{
	const struct options *options = run->options;
	struct choice *choice = &run->choice;
	enum gateway_result result, best = GATEWAY_UNREACHABLE;

	choice_make(choice, options, run->end, &run->failed);
	if (choice->gateway)
		best = ask_address(run, choice->gateway, &choice->address);
	for (int failed = 0; failed <= (int)run->put_off; failed++) {
		for (size_t i = 0; i < options->count && !is_over(run, best); i++) {
			result = ask_gateway(run, &options->gateways[i], failed);
			if (result < best)
				best = result;
		}
	}
	return best;
}

/* Reports that there is no session. Returns the exit code. */
static int report_refusal(struct run *run, enum gateway_result result)
{
	static const int codes[] = {
		[GATEWAY_FULL] = EXIT_FULL,
		[GATEWAY_NO_HANDSHAKE] = EXIT_UNREACHABLE,
		[GATEWAY_REFUSED] = EXIT_REFUSED,
		[GATEWAY_NONSENSE] = EXIT_NONSENSE,
		[GATEWAY_UNREACHABLE] = EXIT_UNREACHABLE,
	};

	if (result == GATEWAY_SILENT)
		result = GATEWAY_UNREACHABLE;
	run->report.result = gateway_result_text(result);
	log_line(LOG_ERR, "unable to connect to a gateway; the best result was: %s",
		 run->report.result);
	return codes[result];
}

/*
 * Reports that there is a session, and tells the routing daemons; or reports with -n that a gateway
 * accepted. Returns the exit code.
 */
static int report_success(struct run *run)
{
	struct report *report = &run->report;
	const bool is_kept = strcmp(report->action, "kept") == 0;

	report->result = run->kernel ? "connected" : "accepted";
	if (!run->kernel && !run->options->json)
		report_reply(report);
	else if (is_kept)
		log_line(LOG_INFO, "%s has a live session", run->tunnel->ifname);
	else if (run->kernel)
		log_line(LOG_INFO, "%s %s: gateway %s (%s), port %u", report->action,
			 run->tunnel->ifname, report->gateway->host, report->address,
			 report->reply.port);
	if (run->kernel)
		daemons_announce(&run->options->daemons, run->tunnel->ifname, !is_kept);
	return EXIT_DONE;
}

/* The exit code of an error that ends the run. */
static int report_error(const struct run *run)
{
	return run->error == -ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

/* Does the work. Returns the exit code, and fills in the report. */
static int work(struct run *run)
{
	enum gateway_result result = GATEWAY_UNREACHABLE;
	struct session session = { .link.index = 0 };
	const uint8_t *key = NULL;
	int ret = 0;

	if (run->kernel)
		ret = find_session(run, &session, &key);
	if (ret == 1)
		ret = keep_session(run, key, &session);
	if (ret == 1)
		return report_success(run);
	run->error = ret;
	run->failed = tunnel_failed(&session);
	if (!run->error)
		result = ask_all(run);
	/* What one that did not shake hands was to be is not left behind. */
	if (!run->error && run->is_waiting)
		run->error = tunnel_disconnect(run->kernel, run->tunnel);
	if (run->error)
		return report_error(run);
	return result == GATEWAY_ACCEPTED ? report_success(run) : report_refusal(run, result);
}

/* Opens what the work needs, does it, and prints the report. Returns the exit code. */
static int work_and_report(struct run *run)
{
	const struct options *options = run->options;
	int ret;

	ret = report_begin(&run->report, options->json);
	if (ret < 0)
		return EXIT_FAILED;
	if (!options->ask_only)
		run->kernel = wgif_open();
	ret = options->ask_only || run->kernel ? work(run) : EXIT_FAILED;
	wgif_close(run->kernel);
	report_end(&run->report, run->tunnel);
	return ret;
}

/*
 * One run: read the keys; wait for another run with this key; if the interface has a live session,
 * keep it; else ask the gateways one after the other, check the clock, configure the interface, and
 * wait for a handshake, until there is one; print what was done. Returns the exit code.
 */
static int connect_once(const struct options *options)
{
	struct tunnel tunnel = { .ifname = NULL };
	struct run run = { .options = options, .tunnel = &tunnel };
	int ret;

	ret = schedule_set_end(options->time_limit, &run.end);
	if (ret < 0)
		return EXIT_FAILED;
	ret = prepare(&tunnel, options);
	if (ret == 0 && !options->ask_only)
		ret = schedule_lock(options->key_path, run.end);
	return ret ? ret : work_and_report(&run);
}

/* A command line. */
struct command {
	int argc;
	char **argv;
};

/* One run of a loop. Reads the command line again, which shuffles the gateways anew. */
static int connect_again(void *argument)
{
	const struct command *command = argument;
	struct options options;
	int ret;

	/* For getopt(3) to begin again. */
	optind = 0;
	ret = options_read(&options, command->argc, command->argv);
	return ret <= 0 ? EXIT_USAGE : connect_once(&options);
}

/* Does another thing than to connect. Returns the exit code. */
static int obey(const struct options *options)
{
	const struct tunnel tunnel = { .ifname = options->ifname };
	int ret;

	if (options->verb == DOWN)
		return down_run(&tunnel, options->key_path, &options->daemons);
	ret = status_print(&tunnel, options->json);
	if (ret < 0)
		return EXIT_FAILED;
	return ret == 1 ? EXIT_DONE : EXIT_UNREACHABLE;
}

/* Reads the options, and does what they say: one run, or run after run, or a command. */
int main(int argc, char **argv)
{
	struct command command = { argc, argv };
	struct options options;
	int ret;

	log_open("broker-connect", false);
	/* Keeps the private key out of core dumps. */
	prctl(PR_SET_DUMPABLE, 0);
	ret = options_read(&options, argc, argv);
	if (ret <= 0)
		return ret < 0 ? EXIT_USAGE : EXIT_DONE;
	if (options.verb != CONNECT)
		return obey(&options);
	if (options.loop)
		return loop_run(options.wait, connect_again, &command);
	if (options.wait)
		schedule_wait(options.wait);
	return connect_once(&options);
}
