// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks a gateway for a port, over TCP. Does not trust what comes back: limits its size and its
 * time, and never shows its words. Changes nothing on this machine.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "confined.h"
#include "deadline.h"
#include "error.h"
#include "log.h"
#include "number.h"
#include "stream.h"
#include "text.h"
#include "node/gateway.h"

#define DEFAULT_PORT "40000"

enum {
	MAX_REPLY = 4096, /* bytes */
	/*
	 * Milliseconds to wait, after a whole line, for the end of the connection: only the end
	 * proves that nothing follows, and some gateways are slow to close.
	 */
	GRACE = 500,
	PARSE_TIME = 5, /* seconds */
};

/* One attempt to ask. */
struct attempt {
	int fd;
	int64_t deadline;
	struct gateway_answer *answer;
	char reply[MAX_REPLY + 1]; /* room for one byte more than a reply may have */
	size_t len;
};

size_t gateway_random(size_t limit)
{
	uint64_t number = 0;
	ssize_t len;

	/* So few bytes never come in parts. The bias of the remainder is below 2^-32. */
	len = getrandom(&number, sizeof(number), 0);
	if (len < 0)
		number = (uint64_t)clock_ms() ^ (uint64_t)getpid();
	return (size_t)(number % limit);
}

static void swap(char *a, char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const char byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

void gateway_shuffle(void *items, size_t count, size_t size)
{
	char *bytes = items;

	for (size_t left = count; left > 1; left--)
		swap(bytes + (left - 1) * size, bytes + gateway_random(left) * size, size);
}

int gateway_read_key(uint8_t key[static KEY_LEN], const char *text)
{
	char line[KEY_TEXT_LEN + 3] = ""; /* with CR LF */
	const char *got;
	FILE *file;
	int ret;

	ret = key_from_text(key, text, strlen(text));
	if (ret == 0)
		return 0;
	file = fopen(text, "re");
	if (!file) {
		log_line(LOG_ERR, "%s is not a public key, and cannot be opened as a file: %s",
			 text, strerror(errno));
		return -ERR_CONFIG;
	}
	got = fgets(line, sizeof(line), file);
	fclose(file);
	if (got)
		line[strcspn(line, "\r\n")] = '\0';
	ret = key_from_text(key, line, strlen(line));
	if (ret == 0)
		return 0;
	log_line(LOG_ERR, "%s: the first line is not a public key", text);
	return -ERR_CONFIG;
}

/*
 * Splits HOST[:PORT] in place, and sets *port to NULL if there is none. Returns NULL, or what is
 * wrong.
 */
static const char *split(char *text, char **host, char **port)
{
	char *end;

	*host = text;
	*port = NULL;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return "[ADDRESS] or [ADDRESS]:PORT is expected";
		*host = text + 1;
		*end++ = '\0';
	} else {
		end = strchr(text, ':');
		/* With more than one colon it is an IPv6 address. */
		if (!end || strchr(end + 1, ':'))
			return NULL;
	}
	if (*end) {
		*end = '\0';
		*port = end + 1;
	}
	return NULL;
}

/* Sets host and port from text, which it changes. Returns NULL, or what is wrong. */
static const char *parse_host(struct gateway *gateway, char *text)
{
	unsigned int number;
	const char *wrong;
	char *host, *port;
	size_t len;
	int ret;

	wrong = split(text, &host, &port);
	if (wrong)
		return wrong;
	if (port) {
		ret = number_parse(port, 1, UINT16_MAX, &number);
		if (ret < 0)
			return "the port must be a number from 1 to 65535";
		snprintf(gateway->port, sizeof(gateway->port), "%u", number);
	}
	len = strlen(host);
	/* Names and addresses have no other characters, and none of these needs quotes. */
	if (len < 1 || len >= sizeof(gateway->host) ||
	    strspn(host, TEXT_ALPHANUMERIC ".:%_-") != len)
		return "the host is neither a name nor an address";
	memcpy(gateway->host, host, len + 1);
	return NULL;
}

int gateway_parse(struct gateway *gateway, const char *text)
{
	char host[sizeof(gateway->host) + 16];
	const size_t len = strcspn(text, ",");
	const char *wrong = "it is too long";
	int ret;

	memset(gateway, 0, sizeof(*gateway));
	memcpy(gateway->port, DEFAULT_PORT, sizeof(DEFAULT_PORT));
	if (len < sizeof(host)) {
		memcpy(host, text, len);
		host[len] = '\0';
		wrong = parse_host(gateway, host);
	}
	if (wrong) {
		log_line(LOG_ERR, "unable to understand the gateway %.*s: %s", (int)len, text,
			 wrong);
		return -ERR_CONFIG;
	}
	if (!text[len])
		return 0;
	ret = gateway_read_key(gateway->key, text + len + 1);
	gateway->has_key = ret == 0;
	return ret;
}

/* Shuffles the addresses within each family: the name service puts the family that works first. */
static void shuffle_families(union endpoint *addresses, size_t count)
{
	size_t first = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && addresses[i].any.sa_family == addresses[first].any.sa_family)
			continue;
		gateway_shuffle(&addresses[first], i - first, sizeof(*addresses));
		first = i;
	}
}

size_t gateway_resolve(const struct gateway *gateway, bool in_order,
		       union endpoint addresses[static GATEWAY_MAX_ADDRESSES], const char **why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	size_t count = 0;
	int ret;

	/* By default a dead name server would cost 30 s. Keeps the operator's own setting. */
	setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	ret = getaddrinfo(gateway->host, gateway->port, &hints, &list);
	if (ret != 0) {
		*why = ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret);
		return 0;
	}
	memset(addresses, 0, GATEWAY_MAX_ADDRESSES * sizeof(*addresses));
	for (const struct addrinfo *each = list; each; each = each->ai_next) {
		if (count < GATEWAY_MAX_ADDRESSES && each->ai_addrlen <= sizeof(*addresses))
			memcpy(&addresses[count++], each->ai_addr, each->ai_addrlen);
	}
	freeaddrinfo(list);
	/* Its order within a family follows likeness (RFC 6724), which would crowd one gateway. */
	if (!in_order)
		shuffle_families(addresses, count);
	if (count == 0)
		*why = "it has no address";
	return count;
}

void gateway_address_text(char text[static GATEWAY_ADDRESS_SIZE], const union endpoint *address)
{
	int ret;

	ret = getnameinfo(&address->any, endpoint_size(address), text, GATEWAY_ADDRESS_SIZE, NULL,
			  0, NI_NUMERICHOST);
	if (ret != 0)
		snprintf(text, GATEWAY_ADDRESS_SIZE, "?");
}

const char *gateway_result_text(enum gateway_result result)
{
	static const char *const texts[] = {
		[GATEWAY_ACCEPTED] = "accepted",	 [GATEWAY_FULL] = "full",
		[GATEWAY_NO_HANDSHAKE] = "no handshake", [GATEWAY_REFUSED] = "refused",
		[GATEWAY_NONSENSE] = "nonsense",	 [GATEWAY_SILENT] = "silent",
		[GATEWAY_UNREACHABLE] = "unreachable",
	};

	return texts[result];
}

/* Sets the result of an attempt. Returns -1, which a step that failed can return. */
static int set_result(struct attempt *attempt, enum gateway_result result, const char *detail)
{
	attempt->answer->result = result;
	snprintf(attempt->answer->detail, sizeof(attempt->answer->detail), "%s", detail);
	return -1;
}

static int open_connection(struct attempt *attempt, const union endpoint *address, uint32_t mark)
{
	attempt->fd = stream_connect_marked(&address->any, endpoint_size(address), mark,
					    attempt->deadline);
	if (attempt->fd >= 0)
		return 0;
	if (errno == ETIMEDOUT)
		return set_result(attempt, GATEWAY_SILENT, "no connection in time");
	return set_result(attempt, GATEWAY_UNREACHABLE, strerror(errno));
}

static int send_request(struct attempt *attempt, const char *line)
{
	const size_t len = strlen(line);
	size_t sent = 0;
	ssize_t ret;

	while (sent < len) {
		if (!stream_wait(attempt->fd, POLLOUT, attempt->deadline))
			return set_result(attempt, GATEWAY_SILENT,
					  "it did not take the request in time");
		ret = send(attempt->fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (ret >= 0)
			sent += (size_t)ret;
		else if (errno != EAGAIN && errno != EINTR)
			return set_result(attempt, GATEWAY_SILENT, strerror(errno));
	}
	return 0;
}

/*
 * Where the reply begins: what comes before it in lines of its own, such as a shell's warning, is
 * not taken for it. Returns NULL if no line begins with an object.
 */
static const char *find_reply(const char *text, size_t len)
{
	const char *end = text + len;

	while (text && text < end && *text != '{') {
		text = memchr(text, '\n', (size_t)(end - text));
		if (text)
			text++;
	}
	return text < end ? text : NULL;
}

/* Reads what comes next. Returns whether more may follow; if not, *why is why nothing does. */
static bool read_more(struct attempt *attempt, const char **why)
{
	int64_t grace_end;
	ssize_t ret;

	if (!stream_wait(attempt->fd, POLLIN, attempt->deadline)) {
		*why = "no reply in time";
		return false;
	}
	ret = read(attempt->fd, attempt->reply + attempt->len,
		   sizeof(attempt->reply) - attempt->len);
	if (ret < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (ret <= 0) {
		*why = ret < 0 ? strerror(errno) : "closed without a reply";
		return false;
	}
	attempt->len += (size_t)ret;
	grace_end = clock_ms() + GRACE;
	if (attempt->reply[attempt->len - 1] == '\n' && attempt->deadline > grace_end &&
	    find_reply(attempt->reply, attempt->len))
		attempt->deadline = grace_end;
	return attempt->len <= MAX_REPLY;
}

/*
 * Reads up to the end of the connection or the deadline; either way, what came is the reply. Does
 * not shut down our half: some gateways would take that for the end of the connection.
 */
static int read_reply(struct attempt *attempt)
{
	const char *why = "";
	bool more;

	do {
		more = read_more(attempt, &why);
	} while (more);
	if (attempt->len > MAX_REPLY)
		return set_result(attempt, GATEWAY_NONSENSE, "too long");
	if (attempt->len == 0)
		return set_result(attempt, GATEWAY_SILENT, why);
	return 0;
}

/* Connects, sends a request and reads the reply. Returns 0, or -1 with the result set. */
static int converse(struct attempt *attempt, const union endpoint *address, uint32_t mark,
		    const char *request)
{
	int ret;

	ret = open_connection(attempt, address, mark);
	if (ret < 0)
		return ret;
	ret = send_request(attempt, request);
	if (ret == 0)
		ret = read_reply(attempt);
	close(attempt->fd);
	return ret;
}

/* What the confined process does; its state is whether a usage is wanted. */
static void parse(void *state, const char *text, size_t len, void *answer)
{
	const bool *wants_usage = state;
	const char *reply = find_reply(text, len);

	if (!reply)
		reply = text;
	len -= (size_t)(reply - text);
	if (*wants_usage)
		reply_parse_usage(answer, reply, len);
	else
		reply_parse(answer, reply, len);
}

_Static_assert(sizeof(struct reply) <= CONFINED_ANSWER && MAX_REPLY <= (int)CONFINED_QUESTION,
	       "a reply is parsed at once");

/* Has the reply parsed by a confined process, which may lie. Returns 0 or -ERR_FAILURE. */
static int parse_confined(struct attempt *attempt, bool wants_usage)
{
	struct reply *reply = &attempt->answer->reply;
	struct confined parser;
	int ret;

	deadline_set(PARSE_TIME);
	ret = confined_start(&parser, "parses the reply", parse, &wants_usage, sizeof(*reply));
	if (ret == 0)
		ret = confined_ask(&parser, attempt->reply, attempt->len, reply);
	confined_end(&parser);
	deadline_end();
	return ret;
}

static bool is_acceptance(const struct reply *reply)
{
	return reply->code == WIRE_ACCEPTED && reply->port >= 1 && reply->port <= UINT16_MAX &&
	       reply->time >= 1 && reply->time <= UINT32_MAX;
}

static void evaluate_reply(struct attempt *attempt)
{
	char detail[sizeof(attempt->answer->detail)];
	const struct reply *reply = &attempt->answer->reply;
	int ret;

	ret = parse_confined(attempt, false);
	if (ret < 0) {
		set_result(attempt, GATEWAY_NONSENSE, "it could not be parsed");
	} else if (reply->fault) {
		set_result(attempt, GATEWAY_NONSENSE, reply_fault(reply->fault));
	} else if (reply->code == WIRE_FULL) {
		set_result(attempt, GATEWAY_FULL, "");
	} else if (is_acceptance(reply)) {
		set_result(attempt, GATEWAY_ACCEPTED, "");
	} else {
		snprintf(detail, sizeof(detail), "%s (code %d)", reply_reason(reply->code),
			 reply->code);
		set_result(attempt, GATEWAY_REFUSED, detail);
	}
}

/* A time so many seconds ahead, but no later than the deadline. */
static int64_t time_in(int64_t seconds, int64_t deadline)
{
	const int64_t end = clock_ms() + seconds * 1000;

	return end < deadline ? end : deadline;
}

void gateway_ask(const union endpoint *address, uint32_t mark, const uint8_t pubkey[static KEY_LEN],
		 int64_t deadline, struct gateway_answer *answer)
{
	struct attempt attempt = {
		.deadline = time_in(GATEWAY_DEADLINE, deadline),
		.answer = answer,
	};
	char key[KEY_TEXT_SIZE], request[128];
	int ret;

	memset(answer, 0, sizeof(*answer));
	key_to_text(key, pubkey);
	snprintf(request, sizeof(request), "{\"version\":1,\"pubkey\":\"%s\"}\n", key);
	ret = converse(&attempt, address, mark, request);
	if (ret == 0)
		evaluate_reply(&attempt);
}

int gateway_ask_usage(const union endpoint *address, uint32_t mark, int64_t deadline)
{
	struct gateway_answer answer = { .reply.fault = 0 };
	struct attempt attempt = {
		.deadline = time_in(GATEWAY_USAGE_DEADLINE, deadline),
		.answer = &answer,
	};
	const struct reply *reply = &answer.reply;
	int ret;

	ret = converse(&attempt, address, mark, "{\"version\":1,\"usage\":true}\n");
	if (attempt.fd < 0)
		return GATEWAY_USAGE_NONE;
	if (ret == 0)
		ret = parse_confined(&attempt, true);
	return ret == 0 && !reply->fault && reply->usage <= 100 ? (int)reply->usage :
								  GATEWAY_USAGE_UNKNOWN;
}
