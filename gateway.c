// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks a gateway for a port, over TCP. Trusts nothing that comes back: it is bounded in size and in
 * time, and its words are never shown. Changes nothing on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"

#define DEFAULT_PORT "40000"

enum {
	MAX_REPLY = 4096, /* bytes */
	/*
	 * Milliseconds for which we wait, after a whole line, for the end of the connection: only
	 * that tells that nothing follows. Not all gateways end it at once.
	 */
	GRACE = 500,
};

/* One attempt to ask. */
struct attempt {
	int fd;
	int64_t end; /* on the monotonic clock, in milliseconds */
	struct gateway_answer *answer;
	char reply[MAX_REPLY + 1];
	size_t len;
};

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

unsigned int gateway_random(unsigned int limit)
{
	uint64_t number = 0;

	/* So few bytes come whole. The remainder's bias is under 2^-32. */
	if (getrandom(&number, sizeof(number), 0) < 0)
		number = (uint64_t)milliseconds() ^ (uint64_t)getpid();
	return (unsigned int)(number % limit);
}

int gateway_read_key(uint8_t key[static KEY_LEN], const char *text)
{
	char line[KEY_TEXT_LEN + 3] = "";
	FILE *file;

	if (key_from_text(key, text, strlen(text)) == 0)
		return 0;
	file = fopen(text, "re");
	if (!file) {
		log_line(LOG_ERR, "%s is no public key, and unable to open it: %s", text,
			 strerror(errno));
		return -ERR_CONFIG;
	}
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\r\n")] = '\0';
	fclose(file);
	if (key_from_text(key, line, strlen(line)) == 0)
		return 0;
	log_line(LOG_ERR, "%s: its first line is no public key", text);
	return -ERR_CONFIG;
}

static int set_port(struct gateway *gateway, const char *port)
{
	const size_t len = strlen(port);

	if (len < 1 || len > 5 || strspn(port, "0123456789") != len || atoi(port) < 1 ||
	    atoi(port) > 65535)
		return -1;
	memcpy(gateway->port, port, len + 1);
	return 0;
}

/* Splits host and port, in place. Returns NULL, or what is wrong. */
static const char *split(struct gateway *gateway, char *host)
{
	char *colon = strrchr(host, ':'), *bracket = strchr(host, ']');
	const char *port = NULL;

	if (*host == '[') {
		host++;
		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return "[ADDRESS]:PORT is wanted";
		*bracket = '\0';
		if (bracket[1])
			port = bracket + 2;
	} else if (colon && colon == strchr(host, ':')) {
		*colon = '\0';
		port = colon + 1;
	}
	if (port && set_port(gateway, port) < 0)
		return "the port must be a number from 1 to 65535";
	/* No other characters can be in a name or an address, and none of these needs quotes. */
	if (!*host || strlen(host) >= sizeof(gateway->host) ||
	    strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:%_-") !=
		    strlen(host))
		return "that is no name and no address";
	memcpy(gateway->host, host, strlen(host) + 1);
	return NULL;
}

int gateway_parse(struct gateway *gateway, const char *text)
{
	char host[sizeof(gateway->host) + 16];
	const size_t len = strcspn(text, ",");
	const char *wrong = "it is too long";

	memset(gateway, 0, sizeof(*gateway));
	memcpy(gateway->port, DEFAULT_PORT, sizeof(DEFAULT_PORT));
	if (len < sizeof(host)) {
		memcpy(host, text, len);
		host[len] = '\0';
		wrong = split(gateway, host);
	}
	if (wrong) {
		log_line(LOG_ERR, "unable to understand the gateway %.*s: %s", (int)len, text,
			 wrong);
		return -ERR_CONFIG;
	}
	if (!text[len])
		return 0;
	gateway->keyed = true;
	return gateway_read_key(gateway->key, text + len + 1);
}

/* Shuffles those from first to before end. */
static void shuffle(union endpoint *addresses, size_t first, size_t end)
{
	for (size_t left = end - first; left > 1; left--) {
		const size_t chosen = first + gateway_random((unsigned int)left);
		const union endpoint held = addresses[first + left - 1];

		addresses[first + left - 1] = addresses[chosen];
		addresses[chosen] = held;
	}
}

size_t gateway_resolve(const struct gateway *gateway, bool in_order,
		       union endpoint addresses[static GATEWAY_MAX_ADDRESSES], const char **why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	size_t count = 0, first = 0;
	int ret;

	/* A dead name server would cost 30 s by default; who has set something better keeps it. */
	setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	ret = getaddrinfo(gateway->host, gateway->port, &hints, &list);
	if (ret != 0) {
		*why = ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret);
		return 0;
	}
	memset(addresses, 0, GATEWAY_MAX_ADDRESSES * sizeof(*addresses));
	for (struct addrinfo *each = list; each && count < GATEWAY_MAX_ADDRESSES;
	     each = each->ai_next)
		if (each->ai_addrlen <= sizeof(*addresses))
			memcpy(&addresses[count++], each->ai_addr, each->ai_addrlen);
	freeaddrinfo(list);
	/* The name service sorts by RFC 6724: by the family that works, but also by likeness. */
	for (size_t i = 1; i <= count && !in_order; i++)
		if (i == count || addresses[i].any.sa_family != addresses[first].any.sa_family) {
			shuffle(addresses, first, i);
			first = i;
		}
	*why = "it has no address";
	return count;
}

void gateway_address_text(char text[static GATEWAY_ADDRESS_SIZE], const union endpoint *address)
{
	if (getnameinfo(&address->any, sizeof(*address), text, GATEWAY_ADDRESS_SIZE, NULL, 0,
			NI_NUMERICHOST) != 0)
		snprintf(text, GATEWAY_ADDRESS_SIZE, "?");
}

const char *gateway_outcome_text(enum gateway_outcome outcome)
{
	static const char *const texts[] = {
		[GATEWAY_ACCEPTED] = "accepted", [GATEWAY_FULL] = "full",
		[GATEWAY_REFUSED] = "refused",	 [GATEWAY_NONSENSE] = "nonsense",
		[GATEWAY_SILENT] = "silent",	 [GATEWAY_UNREACHABLE] = "unreachable",
	};

	return texts[outcome];
}

/* Says what an attempt came to. Returns -1, so that who fails can return it. */
static int conclude(struct attempt *attempt, enum gateway_outcome outcome, const char *detail)
{
	attempt->answer->outcome = outcome;
	snprintf(attempt->answer->detail, sizeof(attempt->answer->detail), "%s", detail);
	return -1;
}

/* Waits until the socket can be read or written. Returns whether that was before the deadline. */
static bool wait_for(const struct attempt *attempt, short events)
{
	struct pollfd socket = { .fd = attempt->fd, .events = events };
	int64_t left;

	while ((left = attempt->end - milliseconds()) > 0)
		if (poll(&socket, 1, (int)left) > 0)
			return true;
	return false;
}

static int open_connection(struct attempt *attempt, const union endpoint *address)
{
	const socklen_t size =
		address->any.sa_family == AF_INET ? sizeof(address->in) : sizeof(address->in6);
	socklen_t error_size = sizeof(int);
	int error = 0;

	attempt->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0)
		return conclude(attempt, GATEWAY_UNREACHABLE, strerror(errno));
	if (connect(attempt->fd, &address->any, size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return conclude(attempt, GATEWAY_UNREACHABLE, strerror(errno));
	if (!wait_for(attempt, POLLOUT))
		return conclude(attempt, GATEWAY_SILENT, "no connection in time");
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
		error = errno;
	return error ? conclude(attempt, GATEWAY_UNREACHABLE, strerror(error)) : 0;
}

static int send_request(struct attempt *attempt, const uint8_t pubkey[static KEY_LEN])
{
	char key[KEY_TEXT_SIZE], line[128];
	size_t len, sent = 0;
	ssize_t ret;

	key_to_text(key, pubkey);
	len = (size_t)snprintf(line, sizeof(line), "{\"version\":1,\"pubkey\":\"%s\"}\n", key);
	while (sent < len) {
		if (!wait_for(attempt, POLLOUT))
			return conclude(attempt, GATEWAY_SILENT, "it took no request in time");
		ret = send(attempt->fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (ret < 0 && errno != EAGAIN && errno != EINTR)
			return conclude(attempt, GATEWAY_SILENT, strerror(errno));
		sent += ret > 0 ? (size_t)ret : 0;
	}
	return 0;
}

/*
 * Reads until the end of the connection, or the deadline; either way, what came is judged. We
 * never end our half: there are gateways that would take that for the end of all.
 */
static int read_reply(struct attempt *attempt)
{
	const char *why = "no reply in time";
	ssize_t ret;

	while (attempt->len <= MAX_REPLY && wait_for(attempt, POLLIN)) {
		ret = read(attempt->fd, attempt->reply + attempt->len,
			   sizeof(attempt->reply) - attempt->len);
		if (ret < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (ret <= 0) {
			why = ret < 0 ? strerror(errno) : "closed without a reply";
			break;
		}
		attempt->len += (size_t)ret;
		if (attempt->reply[attempt->len - 1] == '\n' &&
		    attempt->end > milliseconds() + GRACE)
			attempt->end = milliseconds() + GRACE;
	}
	if (attempt->len > MAX_REPLY)
		return conclude(attempt, GATEWAY_NONSENSE, "too long");
	return attempt->len ? 0 : conclude(attempt, GATEWAY_SILENT, why);
}

static void judge(struct attempt *attempt)
{
	struct gateway_answer *answer = attempt->answer;

	if (reply_parse(&answer->reply, attempt->reply, attempt->len) < 0) {
		conclude(attempt, GATEWAY_NONSENSE, answer->reply.wrong);
	} else if (answer->reply.code == 0) {
		conclude(attempt, GATEWAY_ACCEPTED, "");
	} else if (answer->reply.code == ERR_FULL) {
		conclude(attempt, GATEWAY_FULL, "");
	} else {
		answer->outcome = GATEWAY_REFUSED;
		snprintf(answer->detail, sizeof(answer->detail), "%s (code %d)",
			 reply_reason(answer->reply.code), answer->reply.code);
	}
}

void gateway_ask(const union endpoint *address, const uint8_t pubkey[static KEY_LEN],
		 struct gateway_answer *answer)
{
	struct attempt attempt = { .fd = -1,
				   .end = milliseconds() + (int64_t)GATEWAY_DEADLINE * 1000,
				   .answer = answer };

	memset(answer, 0, sizeof(*answer));
	if (open_connection(&attempt, address) == 0 && send_request(&attempt, pubkey) == 0 &&
	    read_reply(&attempt) == 0)
		judge(&attempt);
	if (attempt.fd >= 0)
		close(attempt.fd);
}
