// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The handler: answers one node, on a connection that a supervisor has accepted. Descriptors 0
 * and 1 are the node, 2 is the operator's log. Writes one line to the node and nothing else, ever.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "announce.h"
#include "check.h"
#include "config.h"
#include "confined.h"
#include "deadline.h"
#include "endpoint.h"
#include "error.h"
#include "json.h"
#include "key.h"
#include "log.h"
#include "parser.h"
#include "peer.h"
#include "privileges.h"
#include "room.h"
#include "wgif.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define USAGE "usage: broker-handler [-hV] [-c file]\n"

#define HELP                                                                                       \
	"\n"                                                                                       \
	"Answers one node on standard input and output, gives it its interface, and exits.\n"      \
	"A supervisor runs it for each connection: broker-accept, xinetd or socat.\n"              \
	"\n"                                                                                       \
	"  -c file        reads this configuration (" CONFIG_FILE ")\n"                            \
	"  -h, --help     prints this text\n"                                                      \
	"  -V, --version  prints the version\n"                                                    \
	"\n"                                                                                       \
	"Example: echo '{\"version\":1,\"usage\":true}' | broker-handler\n"                        \
	"See broker-handler(8).\n"

enum {
	LINGER_TIME = 1,	      /* seconds for which the rest of a bad request is read away */
	LINGER_LEN = 4 * 1024 * 1024, /* and bytes */
	KEY_SHOWN = 8,		      /* characters of a public key in the log */
	LOG_TIME = 5,		      /* seconds in which the log must be written after the reply */
	ANNOUNCE_TIME = 600, /* seconds for the routing daemons: a thousand interfaces may wait */
};

/* Reads what there is, or waits for it. Returns 0 at the end, or -1 at an error or the deadline. */
static ssize_t read_some(char *data, size_t size)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t len = -1;
	int count;

	/* Some supervisors leave O_NONBLOCK on, so poll(2) waits and read(2) does not. */
	while (!deadline_passed()) {
		count = poll(&input, 1, -1);
		if (count < 0)
			continue;
		len = read(STDIN_FILENO, data, size);
		if (len >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	return len;
}

/* What is known of one request. */
struct exchange {
	const char *address; /* of the node, or "local" */
	const char *name;    /* the same, or what the log has instead */
	bool has_key;
	bool wants_usage; /* it has no key, but asks how full this gateway is */
	int usage;	  /* percent */
	struct peer_request request;
	const char *malformed; /* why it is no request */
	struct peer peer;
};

/* Reads one request. Returns 0 or a negative error. */
static int receive(struct exchange *exchange, struct confined *parser)
{
	char data[PARSER_CHUNK];
	ssize_t len;
	int ret = 1;

	exchange->malformed = "not a request";
	while (ret == 1) {
		len = read_some(data, sizeof(data));
		if (len > 0) {
			ret = parser_feed(parser, data, (size_t)len, exchange->request.pubkey);
			continue;
		}
		exchange->malformed = deadline_passed() ? "timed out" : "closed before its end";
		ret = -ERR_MALFORMED;
	}
	exchange->has_key = ret == 0;
	exchange->wants_usage = ret == REQUEST_USAGE;
	return ret < 0 ? ret : 0;
}

/* Who it is, as a supervisor tells it that relays the connection; NULL if it does not. */
static const char *told_address(void)
{
	static const char *const variables[] = { "REMOTE_ADDR", "REMOTE_HOST", "SOCAT_PEERADDR" };
	const char *value;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		value = getenv(variables[i]);
		if (value && *value &&
		    strspn(value, "0123456789abcdefABCDEF.:[]%") == strlen(value))
			return value;
	}
	return NULL;
}

/* Finds out who the node is. The kernel forgets its address when it closes. */
static void identify(struct exchange *exchange)
{
	static char text[INET6_ADDRSTRLEN];
	union endpoint end = { .any.sa_family = AF_UNSPEC };
	socklen_t size = sizeof(end);
	int ret;

	ret = getpeername(STDIN_FILENO, &end.any, &size);
	if (ret == 0)
		exchange->address = endpoint_format(text, &end);
	if (!exchange->address) {
		exchange->address = told_address();
		endpoint_parse(&end, exchange->address ? exchange->address : "");
	}
	exchange->request.source = endpoint_source(&end);
	if (!exchange->address)
		exchange->address = "local";
}

/* Answers the node, and tells it that this was all. */
static void reply(const struct exchange *exchange, int error)
{
	char line[REPLY_SIZE];
	size_t len, done = 0;
	ssize_t written = 1;
	int ret;

	if (error == 0 && exchange->wants_usage)
		len = reply_format_usage(line, (unsigned int)exchange->usage);
	else
		len = reply_format(line, error, exchange->peer.port, time(NULL));
	while (done < len && written > 0) {
		written = write(STDOUT_FILENO, line + done, len - done);
		done += written > 0 ? (size_t)written : 0;
	}
	if (done < len)
		log_line(LOG_INFO, "%s left before its reply", exchange->name);
	ret = shutdown(STDOUT_FILENO, SHUT_WR);
	if (ret < 0)
		close(STDOUT_FILENO);
}

/*
 * Reads away what the node still has to say: closing a socket with unread bytes resets the
 * connection, and the reply might be lost. A node that made no sense may still be sending.
 */
static void linger(bool patient)
{
	char data[4096];
	size_t sum = 0;
	ssize_t len = 1;

	if (!patient) {
		while (len > 0 && sum < LINGER_LEN) {
			len = recv(STDIN_FILENO, data, sizeof(data), MSG_DONTWAIT);
			sum += (size_t)len;
		}
		return;
	}
	deadline_set(LINGER_TIME);
	while (len > 0 && sum < LINGER_LEN) {
		len = read_some(data, sizeof(data));
		sum += (size_t)len;
	}
	deadline_end();
}

/* Logs what a request came to; cause is what went wrong on this side. */
static void log_result(const struct exchange *exchange, int error, const char *cause)
{
	static const char *const results[] = {
		[PEER_NEW] = "new",
		[PEER_RENEWED] = "renewed",
		[PEER_KNOWN] = "known",
		[PEER_TAKEN] = "in the place of one that never had a handshake",
	};
	const enum wire_code code = reply_code(error);
	char text[KEY_TEXT_SIZE], key[KEY_SHOWN + sizeof(", key ")] = "";

	if (exchange->has_key) {
		key_to_text(text, exchange->request.pubkey);
		snprintf(key, sizeof(key), ", key %.*s", KEY_SHOWN, text);
	}
	/* A mistake in the configuration does not matter to every request, but to the operator. */
	if (*cause && code != WIRE_FAILURE)
		log_line(LOG_ERR, "%s", cause);
	if (code == WIRE_ACCEPTED && exchange->wants_usage)
		log_line(LOG_INFO, "told %s: %d %% used", exchange->name, exchange->usage);
	else if (code == WIRE_ACCEPTED)
		log_line(LOG_NOTICE, "accepted %s: interface %s, port %u, %s%s", exchange->name,
			 exchange->peer.ifname, exchange->peer.port, results[exchange->peer.result],
			 key);
	else if (code == WIRE_FAILURE)
		log_line(LOG_ERR, "failed %s: %s%s", exchange->name, cause, key);
	else if (error == -ERR_QUOTA)
		log_line(LOG_WARNING, "refused %s: MAXPENDING of its peers had no handshake yet%s",
			 exchange->name, key);
	else if (code == WIRE_FULL)
		log_line(LOG_WARNING, "refused %s: all slots are taken%s", exchange->name, key);
	else if (code == WIRE_MALFORMED)
		log_line(LOG_NOTICE, "refused %s: malformed request: %s", exchange->name,
			 exchange->malformed);
	else
		log_line(LOG_NOTICE, "refused %s: %s%s", exchange->name, reply_reason((int)code),
			 key);
}

/* What was opened before the node is heard. */
struct prepared {
	struct config config;
	struct access access;
	int key_file;	  /* or a negative error */
	bool keeps_files; /* for the operator's program */
};

/* What peer_admit() asks: the operator's program. After that no file is needed any more. */
struct inquiry {
	const struct prepared *prepared;
	const struct exchange *exchange;
};

static int inquire(void *argument)
{
	const struct inquiry *inquiry = argument;
	int ret, closed;

	ret = check_key(inquiry->prepared->config.check, inquiry->exchange->request.pubkey,
			inquiry->exchange->address);
	closed = privileges_close_files();
	return ret < 0 ? ret : closed;
}

/* Finds out how full this gateway is. Takes no key of the node's, and does not read ours. */
static int measure(const struct prepared *prepared, struct exchange *exchange)
{
	struct wgif_kernel *kernel;

	/* Without that it lets nobody in. */
	if (prepared->key_file < 0)
		return prepared->key_file;
	kernel = wgif_open();
	if (!kernel)
		return -ERR_FAILURE;
	exchange->usage = room_usage(kernel, &prepared->config);
	wgif_close(kernel);
	return exchange->usage < 0 ? exchange->usage : 0;
}

/* Does what a request with a key asks for. */
static int serve(const struct prepared *prepared, struct exchange *exchange)
{
	struct inquiry inquiry = { prepared, exchange };
	struct wgif_kernel *kernel;
	int ret;

	ret = access_check(&prepared->access, exchange->request.pubkey);
	if (ret < 0)
		return ret;
	kernel = wgif_open();
	if (!kernel)
		return -ERR_FAILURE;
	if (prepared->keeps_files) {
		exchange->request.permit = inquire;
		exchange->request.argument = &inquiry;
	}
	ret = peer_admit(kernel, &prepared->config, prepared->key_file, &exchange->request,
			 &exchange->peer);
	wgif_close(kernel);
	return ret;
}

/* All that takes files or rights, before the node is heard. Returns 0 or a negative error. */
static int prepare(struct prepared *prepared, const char *path)
{
	int ret, dropped;

	ret = config_read(&prepared->config, path);
	/* What it names may lie on a file system that does not answer. */
	deadline_set(prepared->config.timeout);
	prepared->key_file = ret == 0 ? key_open(prepared->config.private_key) : ret;
	if (ret == 0)
		ret = access_open(&prepared->access, &prepared->config);
	prepared->keeps_files = ret == 0 && *prepared->config.check;
	dropped = privileges_drop();
	if (dropped == 0 && !prepared->keeps_files)
		dropped = privileges_close_files();
	return ret < 0 ? ret : dropped;
}

/*
 * Serves one node: read the request in any case, so that whatever goes wrong the node gets its
 * reply; find or make the interface; reply; log; tell the routing daemons. Returns 0 or a negative
 * error.
 */
static int run(struct exchange *exchange, const char *path)
{
	static struct prepared things; /* for leak checkers: its strings are never freed */
	struct confined parser;
	int ret, prepared;

	log_hold();
	/* First, so that the parser has seen nothing. */
	ret = parser_start(&parser);
	prepared = prepare(&things, path);
	if (things.config.log_address)
		exchange->name = exchange->address;
	if (ret == 0)
		ret = receive(exchange, &parser);
	confined_end(&parser);
	if (ret == 0)
		ret = prepared;
	if (ret == 0 && exchange->wants_usage)
		ret = measure(&things, exchange);
	else if (ret == 0)
		ret = serve(&things, exchange);
	deadline_end();
	reply(exchange, ret);
	/* A log that is stuck must not keep the interface from the routing daemons. */
	deadline_set(LOG_TIME);
	log_result(exchange, ret, log_release());
	linger(ret == -ERR_MALFORMED);
	if (ret == 0 && exchange->has_key && exchange->peer.result != PEER_KNOWN) {
		/* The node has gone; this may take a while. */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		deadline_kill(ANNOUNCE_TIME);
		announce(&things.config, exchange->peer.ifname);
	}
	return prepared < 0 ? prepared : ret;
}

static int misuse(const char *what, const char *word)
{
	log_line(LOG_ERR, "%s %s; see --help", what, word);
	return EXIT_USAGE;
}

/* Takes the options. Returns -1 to go on, or what to exit with. */
static int parse_options(int argc, char **argv, const char **path)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	char letter[] = "-?"; /* the option that is wrong, if it is a short one */
	int option;

	opterr = 0; /* its words would go to stderr, which may be the node */
	for (;;) {
		option = getopt_long(argc, argv, ":c:hV", names, NULL);
		letter[1] = (char)optopt;
		switch (option) {
		case 'c':
			*path = optarg;
			break;
		case 'h':
			fputs(USAGE HELP, stdout);
			return EXIT_DONE;
		case 'V':
			puts("broker-handler " VERSION);
			return EXIT_DONE;
		case -1:
			return optind == argc ? -1 : misuse("unexpected argument", argv[optind]);
		case ':':
			return misuse("no value is given for", letter);
		default:
			return misuse("unknown option", optopt ? letter : argv[optind - 1]);
		}
	}
}

/* One run: prepare the process, read the options, serve one node. */
int main(int argc, char **argv)
{
	struct exchange exchange = { .name = "a node" };
	const char *path = NULL;
	int ret;

	log_open("broker-handler", true);
	identify(&exchange);
	/* What else a supervisor left open is not for us; socat leaves its own two. */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	/* Nobody is to find the private key in a core dump. */
	prctl(PR_SET_DUMPABLE, 0);

	ret = parse_options(argc, argv, &path);
	if (ret == EXIT_USAGE) {
		reply(&exchange, -ERR_FAILURE);
		linger(true);
	}
	if (ret >= 0)
		return ret;
	ret = run(&exchange, path);
	/* Nobody has to act: the node asks again. */
	return ret == -ERR_LOCKED ? EXIT_DONE : exit_code(ret);
}
