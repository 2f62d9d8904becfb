// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The handler: answers one node, on a connection that a supervisor has accepted. Descriptors 0
 * and 1 are the node, 2 is the operator's log. Writes one line to the node and nothing else, ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "wgif.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define USAGE "usage: broker-handler [-hV] [-c file]"

enum {
	LINGER_TIME = 1,	      /* seconds for which the rest of a bad request is read away */
	LINGER_LEN = 4 * 1024 * 1024, /* and bytes */
};

/* Reads what there is, or waits for it. Returns 0 at the end, and -1 at an error or the deadline.
 */
static ssize_t read_some(char *data, size_t size)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t len = -1;

	/* Some supervisors leave O_NONBLOCK on, so poll(2) waits and read(2) does not. */
	while (!deadline_passed()) {
		if (poll(&input, 1, -1) < 0)
			continue;
		len = read(STDIN_FILENO, data, size);
		if (len >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	return len;
}

/* Reads one request. Returns 0, or a negative error with what is to be said of it in *why. */
static int receive(uint8_t pubkey[static KEY_LEN], const char **why)
{
	struct request *request = request_new();
	char data[1024];
	ssize_t len;
	int ret = 1;

	*why = "not a request";
	if (!request) {
		log_line(LOG_ERR, "unable to read a request: out of memory");
		return -ERR_FAILURE;
	}
	while (ret == 1) {
		len = read_some(data, sizeof(data));
		if (len > 0) {
			ret = request_feed(request, data, (size_t)len, pubkey);
			continue;
		}
		*why = deadline_passed() ? "timed out" : "closed before its end";
		ret = -ERR_MALFORMED;
	}
	request_free(request);
	return ret;
}

/* The node's address as text, for the log. The kernel forgets it when the node closes. */
static const char *peer_address(void)
{
	static const char *const variables[] = { "REMOTE_ADDR", "REMOTE_HOST", "SOCAT_PEERADDR" };
	static char text[INET6_ADDRSTRLEN];
	struct sockaddr_in6 peer = { 0 };
	socklen_t size = sizeof(peer);
	const char *value;

	if (getpeername(STDIN_FILENO, (struct sockaddr *)&peer, &size) == 0) {
		if (peer.sin6_family == AF_INET)
			return inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, text,
					 sizeof(text));
		if (peer.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr))
			return inet_ntop(AF_INET, &peer.sin6_addr.s6_addr[12], text, sizeof(text));
		if (peer.sin6_family == AF_INET6)
			return inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof(text));
	}
	/* A relay in between; the supervisor may have told whom it speaks for. */
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		value = getenv(variables[i]);
		if (value && *value &&
		    strspn(value, "0123456789abcdefABCDEF.:[]%") == strlen(value))
			return value;
	}
	return "local";
}

/* Answers the node, and tells it that this was all. */
static void reply(int error, unsigned int port, const char *address)
{
	char line[REPLY_SIZE];
	const size_t len = reply_format(line, error, port, time(NULL));

	if (write(STDOUT_FILENO, line, len) != (ssize_t)len)
		log_line(LOG_INFO, "%s went before its reply", address);
	if (shutdown(STDOUT_FILENO, SHUT_WR) < 0)
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

static void log_outcome(int error, const struct peer *peer, const char *why, const char *address)
{
	static const char *const manners[] = { "new", "renewed", "known" };

	switch (-error) {
	case 0:
		log_line(LOG_NOTICE, "accepted %s: interface %s, port %u, %s", address,
			 peer->ifname, peer->port, manners[peer->manner]);
		return;
	case ERR_FULL:
		log_line(LOG_WARNING, "refused %s: all slots are taken", address);
		return;
	case ERR_MALFORMED:
		log_line(LOG_NOTICE, "refused %s: malformed request: %s", address, why);
		return;
	case ERR_VERSION:
		log_line(LOG_NOTICE, "refused %s: unsupported protocol version", address);
		return;
	case ERR_KEY:
		log_line(LOG_NOTICE, "refused %s: invalid public key", address);
		return;
	default:
		log_line(LOG_ERR, "failed %s: the line before says why", address);
	}
}

/* Does what a request asks for. */
static int serve(const struct config *config, const uint8_t pubkey[static KEY_LEN],
		 struct peer *peer)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret;

	if (!kernel)
		return -ERR_FAILURE;
	ret = peer_admit(kernel, config, pubkey, peer);
	wgif_close(kernel);
	return ret;
}

/*
 * One run: read the configuration; read the request, in any case, so that whatever goes wrong
 * the node gets its reply; find or make the interface; reply; log.
 */
int main(int argc, char **argv)
{
	const char *path = NULL, *why = "", *address = peer_address();
	uint8_t pubkey[KEY_LEN];
	static struct config config; /* for leak checkers: its strings are never freed */
	struct peer peer = { .port = 0 };
	int ret, configured, option;
	bool misused = false;

	log_open("broker-handler", true);
	/* What else a supervisor left open is not for us; socat leaves its own two. */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	/* Nobody is to find the private key in a core dump. */
	prctl(PR_SET_DUMPABLE, 0);

	opterr = 0; /* its words would go to stderr, which may be the node */
	while ((option = getopt(argc, argv, "c:hV")) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			puts(USAGE);
			return EXIT_DONE;
		case 'V':
			puts("broker-handler " VERSION);
			return EXIT_DONE;
		default:
			misused = true;
		}
	}
	if (misused || optind < argc) {
		log_line(LOG_ERR, "unable to understand the options; " USAGE);
		reply(-ERR_FAILURE, 0, address);
		linger(true);
		return EXIT_USAGE;
	}

	configured = config_read(&config, path);
	deadline_set(config.timeout);
	ret = receive(pubkey, &why);
	if (ret == 0)
		ret = configured;
	if (ret == 0)
		ret = serve(&config, pubkey, &peer);
	deadline_end();
	reply(ret, peer.port, address);
	log_outcome(ret, &peer, why, address);
	if (ret == 0 && peer.manner != PEER_KNOWN)
		mesh_announce(&config, peer.ifname);
	linger(ret == -ERR_MALFORMED);
	return exit_code(configured < 0 ? configured : ret);
}
