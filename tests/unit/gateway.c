// SPDX-License-Identifier: GPL-2.0-or-later
/* Gateways: how they are named, their keys and addresses, and what they may answer. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "clock.h"
#include "error.h"
#include "node/gateway.h"

#define KEY "BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ="

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

struct parse_row {
	const char *name, *text;
	const char *host, *port; /* host is NULL if it is no gateway */
	bool has_key;
	const char *wrong; /* what the log says, if host is NULL */
};

#define BAD_PORT "the port must be a number from 1 to 65535"
#define BAD_HOST "the host is neither a name nor an address"
#define BAD_BRACKETS "[ADDRESS] or [ADDRESS]:PORT is expected"

static const struct parse_row parses[] = {
	{ "a name", "gw1.example.net", "gw1.example.net", "40000", false, NULL },
	{ "a name with a port", "gw1:1", "gw1", "1", false, NULL },
	{ "the highest port", "gw1:65535", "gw1", "65535", false, NULL },
	{ "a port with zeros in front", "gw1:00000000080", "gw1", "80", false, NULL },
	{ "a key", "gw1," KEY, "gw1", "40000", true, NULL },
	{ "a port and a key", "gw1:80," KEY, "gw1", "80", true, NULL },
	{ "all other characters of a name", "-a_Z.9", "-a_Z.9", "40000", false, NULL },
	{ "IPv4", "192.0.2.1", "192.0.2.1", "40000", false, NULL },
	{ "IPv4 with a port", "192.0.2.1:80", "192.0.2.1", "80", false, NULL },
	{ "IPv6", "2001:db8::1", "2001:db8::1", "40000", false, NULL },
	{ "IPv6, short", "::", "::", "40000", false, NULL },
	{ "IPv6 with a key", "2001:db8::1," KEY, "2001:db8::1", "40000", true, NULL },
	{ "IPv6 with a zone", "fe80::1%eth0", "fe80::1%eth0", "40000", false, NULL },
	{ "brackets", "[2001:db8::1]", "2001:db8::1", "40000", false, NULL },
	{ "brackets and a port", "[2001:db8::1]:80", "2001:db8::1", "80", false, NULL },
	{ "brackets, a zone, a port and a key", "[fe80::1%eth0]:80," KEY, "fe80::1%eth0", "80",
	  true, NULL },
	{ "250 characters", FIFTY FIFTY FIFTY FIFTY FIFTY, FIFTY FIFTY FIFTY FIFTY FIFTY, "40000",
	  false, NULL },
	{ "255 characters", FIFTY FIFTY FIFTY FIFTY FIFTY "12345",
	  FIFTY FIFTY FIFTY FIFTY FIFTY "12345", "40000", false, NULL },
	{ "256 characters", FIFTY FIFTY FIFTY FIFTY FIFTY "123456", NULL, NULL, false, BAD_HOST },
	{ "300 characters", FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY, NULL, NULL, false,
	  "it is too long" },
	{ "empty", "", NULL, NULL, false, BAD_HOST },
	{ "a key alone", "," KEY, NULL, NULL, false, BAD_HOST },
	{ "a port alone", ":80", NULL, NULL, false, BAD_HOST },
	{ "empty brackets", "[]", NULL, NULL, false, BAD_HOST },
	{ "a space", "gw 1", NULL, NULL, false, BAD_HOST },
	{ "a quote", "gw\"1", NULL, NULL, false, BAD_HOST },
	{ "a backslash", "gw\\1", NULL, NULL, false, BAD_HOST },
	{ "a slash", "gw/1", NULL, NULL, false, BAD_HOST },
	{ "a line's end", "gw1\n", NULL, NULL, false, BAD_HOST },
	{ "a byte over 127", "gw\377", NULL, NULL, false, BAD_HOST },
	{ "a bracket behind a name", "gw1]:80", NULL, NULL, false, BAD_HOST },
	{ "an open bracket", "[::1", NULL, NULL, false, BAD_BRACKETS },
	{ "text behind a bracket", "[::1]x", NULL, NULL, false, BAD_BRACKETS },
	{ "a port without a colon", "[::1]80", NULL, NULL, false, BAD_BRACKETS },
	{ "no port behind the colon", "gw1:", NULL, NULL, false, BAD_PORT },
	{ "no port behind brackets", "[::1]:", NULL, NULL, false, BAD_PORT },
	{ "port 0", "gw1:0", NULL, NULL, false, BAD_PORT },
	{ "port 65536", "gw1:65536", NULL, NULL, false, BAD_PORT },
	{ "port 2^32 + 80", "gw1:4294967376", NULL, NULL, false, BAD_PORT },
	{ "port -1", "gw1:-1", NULL, NULL, false, BAD_PORT },
	{ "port +80", "gw1:+80", NULL, NULL, false, BAD_PORT },
	{ "port 80x", "gw1:80x", NULL, NULL, false, BAD_PORT },
	{ "a space in front of the port", "gw1: 80", NULL, NULL, false, BAD_PORT },
	{ "a port that is a name", "gw1:http", NULL, NULL, false, BAD_PORT },
	{ "two ports", "[::1]:80:80", NULL, NULL, false, BAD_PORT },
};

static void test_parse(void **state)
{
	const struct parse_row *row = *state;
	char want[1024] = "", key[KEY_TEXT_SIZE];
	struct gateway gateway;

	unit_is_int("gateway_parse", gateway_parse(&gateway, row->text),
		    row->host ? 0 : -ERR_CONFIG);
	if (!row->host)
		snprintf(want, sizeof(want), "3 unable to understand the gateway %.*s: %s\n",
			 (int)strcspn(row->text, ","), row->text, row->wrong);
	unit_is_text("log", unit_log(), want);
	if (!row->host)
		return;
	unit_is_text("host", gateway.host, row->host);
	unit_is_text("port", gateway.port, row->port);
	unit_is_int("has_key", gateway.has_key, row->has_key);
	key_to_text(key, gateway.key);
	unit_is_text("key", key,
		     row->has_key ? KEY : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}

static void test_parse_key(void **state)
{
	struct gateway gateway;
	char text[PATH_MAX + 8];

	(void)state;
	snprintf(text, sizeof(text), "gw1,%s", unit_file(KEY "\n", KEY_TEXT_LEN + 1, 0444));
	unit_is_int("a file", gateway_parse(&gateway, text), 0);
	unit_is_int("has_key", gateway.has_key, true);
	unit_is_text("log", unit_log(), "");

	unit_is_int("no key", gateway_parse(&gateway, "gw1,"), -ERR_CONFIG);
	unit_is_int("has_key", gateway.has_key, false);
	unit_is_text("log", unit_log(),
		     "3  is not a public key, and cannot be opened as a file: "
		     "No such file or directory\n");

	snprintf(text, sizeof(text), "gw1,%s,x", KEY);
	unit_is_int("something behind the key", gateway_parse(&gateway, text), -ERR_CONFIG);
	unit_is_text("log", unit_log(),
		     "3 " KEY ",x is not a public key, and cannot be opened as a file: "
		     "No such file or directory\n");
}

struct key_row {
	const char *name;
	struct bytes text; /* of the file */
	bool good;
};

static const struct key_row keys[] = {
	{ "as wg pubkey writes it", BYTES(KEY "\n"), true },
	{ "no newline", BYTES(KEY), true },
	{ "CR LF", BYTES(KEY "\r\n"), true },
	{ "more lines", BYTES(KEY "\nof gw1\n"), true },
	{ "more lines with CR LF", BYTES(KEY "\r\nof gw1\r\n"), true },
	{ "empty", BYTES(""), false },
	{ "a newline", BYTES("\n"), false },
	{ "the key in the second line", BYTES("\n" KEY "\n"), false },
	{ "half a key", BYTES("BQYHCAkKCwwNDg8QERITF\n"), false },
	{ "not canonical", BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyR=\n"), false },
	{ "a space in front", BYTES(" " KEY "\n"), false },
	{ "a space behind", BYTES(KEY " \n"), false },
	{ "a character behind", BYTES(KEY "x"), false },
	{ "two characters behind", BYTES(KEY "xx"), false },
	{ "two keys in a line", BYTES(KEY KEY "\n"), false },
	{ "a NUL byte in front", BYTES("\0" KEY "\n"), false },
};

static void check_read_key(const char *text, const char *want_log)
{
	uint8_t key[KEY_LEN];
	const int before = unit_count_fds();
	char back[KEY_TEXT_SIZE];

	unit_is_int("gateway_read_key", gateway_read_key(key, text), *want_log ? -ERR_CONFIG : 0);
	unit_is_int("open descriptors", unit_count_fds(), before);
	unit_is_text("log", unit_log(), want_log);
	if (*want_log)
		return;
	key_to_text(back, key);
	unit_is_text("key", back, KEY);
}

static void test_key_file(void **state)
{
	const struct key_row *row = *state;
	const char *path = unit_file(row->text.text, row->text.len, 0444);
	char want[PATH_MAX + 64] = "";

	if (!row->good)
		snprintf(want, sizeof(want), "3 %s: the first line is not a public key\n", path);
	check_read_key(path, want);
}

static void test_key(void **state)
{
	char want[2 * PATH_MAX];
	const char *path;

	(void)state;
	check_read_key(KEY, "");
	path = unit_path("absent");
	snprintf(want, sizeof(want),
		 "3 %s is not a public key, and cannot be opened as a file: "
		 "No such file or directory\n",
		 path);
	check_read_key(path, want);
	path = unit_path("");
	snprintf(want, sizeof(want), "3 %s: the first line is not a public key\n", path);
	check_read_key(path, want);
}

struct address_row {
	const char *name, *host;
	int family;	  /* AF_UNSPEC if there is none */
	const char *text; /* of the address, if it is not that of the host */
};

static const struct address_row addresses[] = {
	{ "IPv4", "192.0.2.1", AF_INET, NULL },
	{ "one that has a name on most machines", "127.0.0.1", AF_INET, NULL },
	{ "IPv6", "2001:db8::1", AF_INET6, NULL },
	{ "IPv6 in full", "2001:0DB8:0:0:0:0:0:1", AF_INET6, "2001:db8::1" },
	{ "the longest IPv6", "2001:db8:1111:2222:3333:4444:5555:6666", AF_INET6, NULL },
	{ "IPv6 with a zone", "fe80::1%lo", AF_INET6, NULL },
	{ "IPv6 with a zone that is not there", "fe80::1%nowhere", AF_UNSPEC, NULL },
};

static void test_resolve(void **state)
{
	const struct address_row *row = *state;
	union endpoint endpoints[GATEWAY_MAX_ADDRESSES];
	char text[GATEWAY_ADDRESS_SIZE];
	struct gateway gateway;
	const char *why = "";
	size_t count;

	unit_is_int("gateway_parse", gateway_parse(&gateway, row->host), 0);
	for (int in_order = 0; in_order < 2; in_order++) {
		count = gateway_resolve(&gateway, in_order, endpoints, &why);
		unit_is_int("addresses", (long long)count, row->family == AF_UNSPEC ? 0 : 1);
		if (count == 0) {
			assert_string_not_equal(why, "");
			continue;
		}
		unit_is_int("family", endpoints[0].any.sa_family, row->family);
		unit_is_int("port", ntohs(endpoints[0].in.sin_port), 40000);
		gateway_address_text(text, &endpoints[0]);
		unit_is_text("address", text, row->text ? row->text : row->host);
	}
	unit_is_text("log", unit_log(), "");
}

/* Where it is not 0, the name service is played: so many addresses of IPv6, then as many of IPv4.
 */
static int played;
static int name_error; /* what it returns instead */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **list)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo **last = list;
	char text[INET6_ADDRSTRLEN];

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name_error) {
		errno = ENFILE;
		return name_error;
	}
	if (!played)
		return real(name, service, hints, list);
	for (int i = 0; i < 2 * played; i++, last = &(*last)->ai_next) {
		snprintf(text, sizeof(text), i < played ? "2001:db8::%d" : "192.0.2.%d", 1 + i);
		assert_int_equal(real(text, service, hints, last), 0);
	}
	return 0;
}

/* Resolves a name to what is played, and returns the last byte of each address. */
static size_t resolve_played(bool in_order, int numbers[static GATEWAY_MAX_ADDRESSES])
{
	union endpoint endpoints[GATEWAY_MAX_ADDRESSES];
	struct gateway gateway;
	const char *why = "";
	size_t count;

	unit_is_int("gateway_parse", gateway_parse(&gateway, "gw1"), 0);
	count = gateway_resolve(&gateway, in_order, endpoints, &why);
	for (size_t i = 0; i < count; i++)
		numbers[i] = endpoints[i].any.sa_family == AF_INET ?
				     (int)(ntohl(endpoints[i].in.sin_addr.s_addr) & 0xff) :
				     endpoints[i].in6.sin6_addr.s6_addr[15];
	return count;
}

/* Addresses are shuffled within their families only; chance leaves one in place in 8! runs. */
static void test_families(void **state)
{
	int numbers[GATEWAY_MAX_ADDRESSES] = { 0 }, moved[2] = { 0 };

	(void)state;
	played = 8;
	unit_is_int("addresses", (long long)resolve_played(true, numbers), 16);
	for (int i = 0; i < 16; i++)
		unit_is_int("in order", numbers[i], 1 + i);
	for (int run = 0; run < 3; run++) {
		unit_is_int("addresses", (long long)resolve_played(false, numbers), 16);
		for (int i = 0; i < 16; i++) {
			unit_is_int("of the same family", numbers[i] > 8, i >= 8);
			moved[i >= 8] += numbers[i] != 1 + i;
		}
	}
	unit_is_int("IPv6 is shuffled", moved[0] > 0, true);
	unit_is_int("IPv4 is shuffled", moved[1] > 0, true);
	played = 20;
	unit_is_int("no more than there is room for", (long long)resolve_played(true, numbers),
		    GATEWAY_MAX_ADDRESSES);
	played = 0;
}

static void test_no_name(void **state)
{
	union endpoint endpoints[GATEWAY_MAX_ADDRESSES];
	struct gateway gateway;
	const char *why = "";

	(void)state;
	unit_is_int("gateway_parse", gateway_parse(&gateway, "gw1"), 0);
	name_error = EAI_NONAME;
	unit_is_int("none", (long long)gateway_resolve(&gateway, true, endpoints, &why), 0);
	unit_is_text("why", why, gai_strerror(EAI_NONAME));
	name_error = EAI_SYSTEM;
	unit_is_int("none", (long long)gateway_resolve(&gateway, true, endpoints, &why), 0);
	unit_is_text("why", why, "Too many open files in system");
	name_error = 0;
}

static void test_no_address_text(void **state)
{
	const union endpoint endpoint = { .any.sa_family = AF_UNSPEC };
	char text[GATEWAY_ADDRESS_SIZE];

	(void)state;
	gateway_address_text(text, &endpoint);
	unit_is_text("address", text, "?");
}

/* All orders of three come, and nothing is lost. Chance fails this once in 10^77 runs. */
static void test_shuffle(void **state)
{
	unsigned int seen[27] = { 0 }, orders = 0;
	struct {
		char pad[5], digit;
	} items[3];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		unsigned int number = 0, digits = 0;

		for (int j = 0; j < 3; j++)
			items[j].digit = (char)j;
		gateway_shuffle(items, 3, sizeof(items[0]));
		for (int j = 0; j < 3; j++) {
			number = 3 * number + (unsigned int)items[j].digit;
			digits |= 1U << items[j].digit;
		}
		unit_is_int("digits", digits, 7);
		orders += seen[number]++ == 0;
	}
	unit_is_int("orders", orders, 6);
	gateway_shuffle(items, 1, sizeof(items[0]));
	gateway_shuffle(items, 0, sizeof(items[0]));
}

static void test_result_text(void **state)
{
	(void)state;
	unit_is_text("accepted", gateway_result_text(GATEWAY_ACCEPTED), "accepted");
	unit_is_text("full", gateway_result_text(GATEWAY_FULL), "full");
	unit_is_text("refused", gateway_result_text(GATEWAY_REFUSED), "refused");
	unit_is_text("nonsense", gateway_result_text(GATEWAY_NONSENSE), "nonsense");
	unit_is_text("silent", gateway_result_text(GATEWAY_SILENT), "silent");
	unit_is_text("unreachable", gateway_result_text(GATEWAY_UNREACHABLE), "unreachable");
}

#define REQUEST "{\"version\":1,\"pubkey\":\"" KEY "\"}\n"
#define USAGE_REQUEST "{\"version\":1,\"usage\":true}\n"
#define TIME "1795373281"
#define REPLY "{\"version\":1,\"port\":40007,\"time\":" TIME "}"

enum { MAX_PIECES = 4 };

/* What a server does after it has read the request. */
struct ask_row {
	const char *name;
	const char *pieces[MAX_PIECES]; /* sent one after the other */
	size_t padding;			/* spaces behind the pieces, up to this length of all */
	enum {
		CLOSE,
		RESET,
		HOLD, /* until the node closes */
	} end;
	enum gateway_result result;
	const char *detail;
};

static const struct ask_row asks[] = {
	{ "accepted", { REPLY "\n" }, 0, CLOSE, GATEWAY_ACCEPTED, "" },
	{ "accepted, no newline", { REPLY }, 0, CLOSE, GATEWAY_ACCEPTED, "" },
	{ "accepted, reset after the line", { REPLY "\n" }, 0, RESET, GATEWAY_ACCEPTED, "" },
	{ "accepted in pieces",
	  { "{\"version\":1,\"po", "rt\":40007,\"ti", "me\":" TIME, "}\n" },
	  0,
	  CLOSE,
	  GATEWAY_ACCEPTED,
	  "" },
	{ "accepted in lines",
	  { "{\"version\":1,\n", "\"port\":40007,\n", "\"time\":" TIME "\n", "}\n" },
	  0,
	  CLOSE,
	  GATEWAY_ACCEPTED,
	  "" },
	{ "accepted behind other lines",
	  { "bash: warning: {\n\n", "{\"version\":1,\n", "\"port\":40007,\"time\":" TIME "}\n" },
	  0,
	  CLOSE,
	  GATEWAY_ACCEPTED,
	  "" },
	{ "accepted behind a line, held open",
	  { "hello\n", REPLY "\n" },
	  0,
	  HOLD,
	  GATEWAY_ACCEPTED,
	  "" },
	{ "accepted with as much as may be", { REPLY }, 4096, CLOSE, GATEWAY_ACCEPTED, "" },
	{ "one byte too much", { REPLY }, 4097, CLOSE, GATEWAY_NONSENSE, "too long" },
	{ "far too much", { REPLY }, 1000000, CLOSE, GATEWAY_NONSENSE, "too long" },
	{ "too much, held open", { REPLY }, 5000, HOLD, GATEWAY_NONSENSE, "too long" },
	{ "full",
	  { "{\"version\":1,\"error\":{\"code\":1,\"reason\":\"\"}}\n" },
	  0,
	  CLOSE,
	  GATEWAY_FULL,
	  "" },
	{ "refused",
	  { "{\"version\":1,\"error\":{\"code\":5,\"reason\":\"no\"}}\n" },
	  0,
	  CLOSE,
	  GATEWAY_REFUSED,
	  "public key not permitted (code 5)" },
	{ "refused without a reason",
	  { "{\"version\":1,\"error\":{\"code\":6}}\n" },
	  0,
	  CLOSE,
	  GATEWAY_REFUSED,
	  "temporary failure (code 6)" },
	{ "nonsense",
	  { "HTTP/1.1 400 Bad Request\r\n\r\n" },
	  0,
	  CLOSE,
	  GATEWAY_NONSENSE,
	  "not one JSON object" },
	{ "another version",
	  { "{\"version\":2,\"port\":40007,\"time\":" TIME "}\n" },
	  0,
	  CLOSE,
	  GATEWAY_NONSENSE,
	  "unsupported protocol version" },
	{ "half a reply",
	  { "{\"version\":1,\"po" },
	  0,
	  CLOSE,
	  GATEWAY_NONSENSE,
	  "not one JSON object" },
	{ "two replies",
	  { REPLY "\n" REPLY "\n" },
	  0,
	  CLOSE,
	  GATEWAY_NONSENSE,
	  "something behind the object" },
	{ "a newline and the end", { "\n" }, 0, CLOSE, GATEWAY_NONSENSE, "not one JSON object" },
	{ "closed without a reply", { NULL }, 0, CLOSE, GATEWAY_SILENT, "closed without a reply" },
	{ "reset without a reply", { NULL }, 0, RESET, GATEWAY_SILENT, "Connection reset by peer" },
};

/* Reads up to the end of the connection, or of a line. Returns the number of bytes. */
static size_t read_all(int fd, bool line, char *data, size_t size)
{
	size_t len = 0;
	ssize_t ret;

	while (len < size) {
		ret = read(fd, data + len, size - len);
		if (ret <= 0)
			break;
		len += (size_t)ret;
		if (line && data[len - 1] == '\n')
			break;
	}
	return len;
}

static void send_all(int fd, const char *data, size_t len)
{
	ssize_t ret;

	/* A node that has seen enough closes before it has read all. */
	while (len) {
		ret = send(fd, data, len, MSG_NOSIGNAL);
		if (ret < 0)
			return;
		data += ret;
		len -= (size_t)ret;
	}
}

static const char *expected_request = REQUEST;
static useconds_t pause_us = 10000; /* between the pieces */

static void send_reply(int fd, const struct ask_row *row)
{
	size_t len = 0;
	char *spaces;

	for (size_t i = 0; i < MAX_PIECES && row->pieces[i]; i++) {
		/* So that they come one by one, most times; the result does not depend on it. */
		if (i)
			usleep(pause_us);
		send_all(fd, row->pieces[i], strlen(row->pieces[i]));
		len += strlen(row->pieces[i]);
	}
	if (len >= row->padding)
		return;
	spaces = malloc(row->padding - len);
	if (!spaces)
		unit_exit(3);
	memset(spaces, ' ', row->padding - len);
	send_all(fd, spaces, row->padding - len);
	free(spaces);
}

/* Answers one request. Exits with 0 if that was as it should be. */
static _Noreturn void serve(int listener, const struct ask_row *row)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	const int fd = accept(listener, NULL, NULL);
	char request[256];
	size_t len;

	len = read_all(fd, true, request, sizeof(request));
	if (len != strlen(expected_request) || memcmp(request, expected_request, len) != 0)
		unit_exit(1);
	send_reply(fd, row);
	if (row->end == HOLD && read_all(fd, false, request, sizeof(request)) > 0)
		unit_exit(2);
	if (row->end == RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	unit_exit(0);
}

/* Binds a port of the loopback. Returns the socket, or -1 if there is no such family. */
static int bind_loopback(int family, union endpoint *endpoint)
{
	const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size;

	*endpoint = (union endpoint){ .any.sa_family = (sa_family_t)family };
	if (family == AF_INET)
		endpoint->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		endpoint->in6.sin6_addr = in6addr_loopback;
	size = endpoint_size(endpoint);
	if (fd >= 0 && bind(fd, &endpoint->any, size) == 0 &&
	    getsockname(fd, &endpoint->any, &size) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void ask(const union endpoint *endpoint, struct gateway_answer *answer)
{
	uint8_t key[KEY_LEN];

	unit_is_int("key", key_from_text(key, KEY, KEY_TEXT_LEN), 0);
	gateway_ask(endpoint, 0, key, INT64_MAX, answer);
	unit_is_text("log", unit_log(), "");
}

static void check_answer(const struct gateway_answer *answer, enum gateway_result result,
			 const char *detail)
{
	unit_is_text("result", gateway_result_text(answer->result), gateway_result_text(result));
	unit_is_text("detail", answer->detail, detail);
	if (result != GATEWAY_ACCEPTED)
		return;
	unit_is_int("port", answer->reply.port, 40007);
	unit_is_int("time", answer->reply.time, strtoll(TIME, NULL, 10));
}

/* Starts a server in a child. Its port listens before it runs, so that nothing waits for it. */
static pid_t start_server(int family, const struct ask_row *row, union endpoint *endpoint)
{
	const int listener = bind_loopback(family, endpoint);
	pid_t pid;

	if (listener < 0)
		skip();
	unit_is_int("listen", listen(listener, 1), 0);
	pid = fork();
	if (pid == 0)
		serve(listener, row);
	close(listener);
	return pid;
}

static void check_server(pid_t pid)
{
	int status;

	unit_is_int("waitpid", waitpid(pid, &status, 0), pid);
	unit_is_int("the server's status", status, 0);
}

static void check_ask(int family, const struct ask_row *row)
{
	struct gateway_answer answer;
	union endpoint endpoint;
	const pid_t pid = start_server(family, row, &endpoint);

	ask(&endpoint, &answer);
	check_server(pid);
	check_answer(&answer, row->result, row->detail);
}

static void test_ask(void **state)
{
	check_ask(AF_INET, *state);
}

static void test_ask_ipv6(void **state)
{
	(void)state;
	check_ask(AF_INET6, &asks[0]);
}

/* A code that only the gateway knows has words that json.c chooses. */
static void test_ask_unknown_code(void **state)
{
	char detail[128];
	const struct ask_row row = {
		.pieces = { "{\"version\":1,\"error\":{\"code\":99,\"reason\":\"\\u001b[31m\"}}\n" },
		.result = GATEWAY_REFUSED,
		.detail = detail,
	};

	(void)state;
	snprintf(detail, sizeof(detail), "%s (code 99)", reply_reason(99));
	check_ask(AF_INET, &row);
}

/* With the line the wait is nearly over, long before the deadline. */
/* Longer than a gateway may hold the connection open after a whole line. */
static void test_pause(void **state)
{
	static const struct ask_row row = {
		.pieces = { "{\"version\":1,\"port\":40007,", "\"time\":" TIME "}\n" },
		.end = CLOSE,
		.result = GATEWAY_ACCEPTED,
		.detail = "",
	};

	(void)state;
	pause_us = 700000;
	check_ask(AF_INET, &row);
	pause_us = 10000;
}

static void test_grace(void **state)
{
	static const struct ask_row row = {
		.pieces = { REPLY "\n" },
		.end = HOLD,
		.result = GATEWAY_ACCEPTED,
		.detail = "",
	};
	const int64_t start = clock_ms();

	(void)state;
	check_ask(AF_INET, &row);
	if (clock_ms() - start >= GATEWAY_DEADLINE * 1000)
		unit_is_text("waited", "up to the deadline", "half a second");
}

/*
 * The only wait for the deadline. The server answers only when the node has closed: a reply after
 * the deadline is none.
 */
static void test_deadline(void **state)
{
	static const struct ask_row row = {
		.pieces = { NULL },
		.end = HOLD,
		.result = GATEWAY_SILENT,
		.detail = "no reply in time",
	};
	const int64_t start = clock_ms();

	(void)state;
	check_ask(AF_INET, &row);
	if (clock_ms() - start < GATEWAY_DEADLINE * 1000)
		unit_is_text("waited", "less", "up to the deadline");
}

#define UNKNOWN GATEWAY_USAGE_UNKNOWN

static const struct usage_row {
	const char *name;
	struct ask_row server; /* without its results */
	int want;
} usages[] = {
	{ "empty", { .pieces = { "{\"version\":1,\"usage\":0.00}\n" } }, 0 },
	{ "in pieces", { .pieces = { "{\"version\":1,\"usage\"", ":0.42}", "\n" } }, 42 },
	{ "full", { .pieces = { "{\"version\":1,\"usage\":1.00}\n" } }, 100 },
	{ "a warning in front", { .pieces = { "oh!\n{\"usage\":0.07}\n" } }, 7 },
	{ "held open", { .pieces = { "{\"usage\":0.07}\n" }, .end = HOLD }, 7 },
	{ "more than full", { .pieces = { "{\"version\":1,\"usage\":1.01}\n" } }, UNKNOWN },
	{ "a port", { .pieces = { REPLY "\n" } }, UNKNOWN },
	{ "an older broker",
	  { .pieces = { "{\"version\":1,\"error\":{\"code\":2,\"reason\":\"malformed request\"}}\n" } },
	  UNKNOWN },
	{ "words", { .pieces = { "hello\n" } }, UNKNOWN },
	{ "nothing", { .pieces = { NULL } }, UNKNOWN },
	{ "a reset", { .pieces = { NULL }, .end = RESET }, UNKNOWN },
};

static void check_usage(const struct ask_row *server, int want)
{
	union endpoint endpoint;
	pid_t pid;

	expected_request = USAGE_REQUEST;
	pid = start_server(AF_INET, server, &endpoint);
	unit_is_int("usage", gateway_ask_usage(&endpoint, 0, INT64_MAX), want);
	expected_request = REQUEST;
	check_server(pid);
	unit_is_text("log", unit_log(), "");
}

static void test_usage(void **state)
{
	const struct usage_row *row = *state;

	check_usage(&row->server, row->want);
}

/* Whoever takes the connection is there. */
static void test_usage_deadline(void **state)
{
	static const struct ask_row server = { .pieces = { NULL }, .end = HOLD };
	const int64_t start = clock_ms();

	(void)state;
	check_usage(&server, UNKNOWN);
	unit_is_int("waited up to the deadline",
		    clock_ms() - start >= GATEWAY_USAGE_DEADLINE * 1000, true);
	unit_is_int("and not on", clock_ms() - start < GATEWAY_DEADLINE * 1000, true);
}

/* A port that is bound, so that no other program takes it, but does not listen. */
static void test_unreachable(void **state)
{
	struct gateway_answer answer;
	union endpoint endpoint;
	int fd;

	(void)state;
	fd = bind_loopback(AF_INET, &endpoint);
	assert_true(fd >= 0);
	ask(&endpoint, &answer);
	unit_is_int("usage", gateway_ask_usage(&endpoint, 0, INT64_MAX), GATEWAY_USAGE_NONE);
	close(fd);
	check_answer(&answer, GATEWAY_UNREACHABLE, "Connection refused");

	/* No address of a host. */
	endpoint.in.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	ask(&endpoint, &answer);
	unit_is_text("result", gateway_result_text(answer.result), "unreachable");
	assert_string_not_equal(answer.detail, "");
}

/* After a family that the machine does not have. */
static void test_no_family(void **state)
{
	const union endpoint endpoint = { .any.sa_family = AF_UNSPEC };
	struct gateway_answer answer;

	(void)state;
	ask(&endpoint, &answer);
	check_answer(&answer, GATEWAY_UNREACHABLE, strerror(EAFNOSUPPORT));
}

int main(void)
{
	UNIT_TABLE(test_parse, parses);
	unit_add("a gateway's key", test_parse_key, NULL);
	UNIT_TABLE(test_key_file, keys);
	unit_add("a key, a missing file and a folder", test_key, NULL);
	UNIT_TABLE(test_resolve, addresses);
	unit_add("addresses of two families", test_families, NULL);
	unit_add("no such name", test_no_name, NULL);
	unit_add("an address that is none, as text", test_no_address_text, NULL);
	unit_add("shuffle", test_shuffle, NULL);
	unit_add("the words for results", test_result_text, NULL);
	UNIT_TABLE(test_ask, asks);
	unit_add("ask by IPv6", test_ask_ipv6, NULL);
	unit_add("an unknown code", test_ask_unknown_code, NULL);
	unit_add("a pause within the line", test_pause, NULL);
	unit_add("a connection that is held open", test_grace, NULL);
	unit_add("a reply after the deadline", test_deadline, NULL);
	UNIT_TABLE(test_usage, usages);
	unit_add("a usage after the deadline", test_usage_deadline, NULL);
	unit_add("unreachable", test_unreachable, NULL);
	unit_add("no such family", test_no_family, NULL);
	return unit_run();
}
