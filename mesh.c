// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells babeld, l3roamd and mmfd of interfaces that come and go. None of them can delay a request
 * or make it fail: the node has its reply by then, and each step has a deadline.
 *
 * babeld's protocol is in its manual under "Local interface": a banner that ends in "ok", then one
 * command a line, each answered by "ok", "no ..." or "bad ...". l3roamd and mmfd take one command
 * a connection, and close it after the answer. They stop for a client that connects and is silent.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <netinet/in.h>

#include "clock.h"
#include "config.h"
#include "error.h"
#include "json.h"
#include "log.h"
#include "mesh.h"
#include "number.h"
#include "stream.h"

enum {
	TIMEOUT = 5000,	       /* milliseconds for a connection, and for each answer */
	LINE_SIZE = 512,       /* of babeld; longer ones are cut */
	BATCH_SIZE = 1000,     /* of commands for babeld, which reads up to 1,024 bytes at a time */
	BUFFER_SIZE = 1 << 20, /* room for the names of all slots */
};

/* Which slots' interfaces a daemon has. */
struct listing {
	const struct config *config;
	const char *ifname; /* of an interface that is looked for; NULL for none */
	bool has_ifname;
	bool has[SLOT_END];
	unsigned int known, down;
};

struct connection {
	const struct config *config;
	const struct daemon *daemon;
	const char *address;
	int fd; /* -1 if there is none */
	int64_t deadline;
	size_t received, taken; /* bytes in the buffer, and how many of them were used */
	/* Commands for babeld that wait to be sent, and how many of all have no answer yet. */
	char batch[BATCH_SIZE + 1];
	size_t batch_len;
	unsigned int unanswered;
};

/* A routing daemon. The functions return 0, or a negative error after they have logged why. */
struct daemon {
	const char *name;
	size_t address; /* where struct config has it; an empty one turns the daemon off */
	/* Adds may be kept back until there are many, or until finish(). */
	int (*tell)(struct connection *connection, const char *ifname, bool add);
	int (*finish)(struct connection *connection);
	int (*list)(struct connection *connection, struct listing *listing);
	/*
	 * Whether its entry of an interface outlives the interface, so that a new one of the same
	 * name is never joined unless the entry is removed first.
	 */
	bool forget_first;
};

/* Of the one connection that is open at a time. */
static char buffer[BUFFER_SIZE];

static void disconnect(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

/* Logs why a daemon could not be told, and disconnects. Returns the error. */
static int fail_with(struct connection *connection, int error, const char *reason)
{
	log_line(LOG_WARNING, "unable to talk to %s at %s: %s", connection->daemon->name,
		 connection->address, reason);
	disconnect(connection);
	return error;
}

static int fail(struct connection *connection, const char *reason)
{
	return fail_with(connection, -ERR_FAILURE, reason);
}

/* A number is a port on ::1, anything else the path of a Unix socket. Returns the address' size. */
static socklen_t parse_address(struct sockaddr_storage *address, const char *text)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	struct sockaddr_un *un = (struct sockaddr_un *)address;
	unsigned int port;
	const int ret = number_parse(text, 1, UINT16_MAX, &port);

	memset(address, 0, sizeof(*address));
	if (ret < 0) {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%s", text);
		return sizeof(*un);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = in6addr_loopback;
	in6->sin6_port = htons((uint16_t)port);
	return sizeof(*in6);
}

/*
 * Returns 0 when connected, or after it has logged why -ERR_ABSENT if nobody listens, or
 * -ERR_FAILURE.
 */
static int connect_to(struct connection *connection)
{
	struct sockaddr_storage address;
	const socklen_t size = parse_address(&address, connection->address);

	connection->received = connection->taken = 0;
	connection->deadline = clock_ms() + TIMEOUT;
	connection->fd = stream_connect((struct sockaddr *)&address, size, connection->deadline);
	if (connection->fd >= 0)
		return 0;
	if (errno == ECONNREFUSED || errno == ENOENT)
		return fail_with(connection, -ERR_ABSENT, strerror(errno));
	return fail(connection, errno == ETIMEDOUT ? "no answer in time" : strerror(errno));
}

/* Sends a line; the answer must come within the timeout. No line is too long for one send(2). */
static int send_line(struct connection *connection, const char *line)
{
	const size_t len = strlen(line);
	ssize_t sent;

	connection->deadline = clock_ms() + TIMEOUT;
	sent = send(connection->fd, line, len, MSG_NOSIGNAL);
	if (sent != (ssize_t)len)
		return fail(connection, strerror(sent < 0 ? errno : EAGAIN));
	return 0;
}

/* Reads more into the buffer. Returns how much, 0 at the end, or an error that it has logged. */
static ssize_t read_more(struct connection *connection)
{
	ssize_t len;
	bool is_ready;

	/* What was not taken yet is at most the beginning of a line. */
	connection->received -= connection->taken;
	memmove(buffer, buffer + connection->taken, connection->received);
	connection->taken = 0;
	if (connection->received == BUFFER_SIZE - 1)
		return fail(connection, "its answer is too long");
	is_ready = stream_wait(connection->fd, POLLIN, connection->deadline);
	if (!is_ready)
		return fail(connection, "no answer in time");
	len = read(connection->fd, buffer + connection->received,
		   BUFFER_SIZE - 1 - connection->received);
	if (len < 0)
		return fail(connection, strerror(errno));
	connection->received += (size_t)len;
	return len;
}

/* Reads one line, without its end. */
static int read_line(struct connection *connection, char line[static LINE_SIZE])
{
	const char *start, *end;
	ssize_t len;

	for (;;) {
		start = buffer + connection->taken;
		end = memchr(start, '\n', connection->received - connection->taken);
		if (end)
			break;
		len = read_more(connection);
		if (len < 0)
			return -ERR_FAILURE;
		if (len == 0)
			return fail(connection, "it closed the connection");
	}
	snprintf(line, LINE_SIZE, "%.*s", (int)(end - start), start);
	connection->taken += (size_t)(end - start) + 1;
	return 0;
}

static void add_to_listing(void *argument, const char *ifname)
{
	struct listing *listing = argument;
	const unsigned int slot = slot_from_ifname(listing->config, ifname);

	listing->known += slot && !listing->has[slot];
	/* Slot 0 is not ours, and nobody looks there. */
	listing->has[slot] = true;
	listing->has_ifname |= listing->ifname && strcmp(ifname, listing->ifname) == 0;
}

static bool begins_with(const char *line, const char *start)
{
	return strncmp(line, start, strlen(start)) == 0;
}

/*
 * Takes a line of babeld's dump. It has an interface as down that it was told of but could not use:
 * it joins its multicast group on one socket, and net.core.optmem_max limits how often. So is one
 * that somebody deleted, and that is no fault of babeld's.
 */
static void babel_read_entry(const char *line, struct listing *listing)
{
	char ifname[IFNAMSIZ], up[6];
	const int fields = sscanf(line, "add interface %15s up %5s", ifname, up);
	const unsigned int known = listing->known;

	if (fields < 1)
		return;
	add_to_listing(listing, ifname);
	if (fields == 2 && strcmp(up, "false") == 0 && if_nametoindex(ifname) != 0)
		listing->down += listing->known - known;
}

/*
 * Reads babeld's lines up to its answer. Interfaces that it tells of in between go to the listing,
 * if there is one. Returns 0, -ERR_DENIED with the answer in line, or -ERR_FAILURE after it has
 * logged why.
 */
static int babel_read_answer(struct connection *connection, char line[static LINE_SIZE],
			     struct listing *listing)
{
	int ret;

	for (;;) {
		ret = read_line(connection, line);
		if (ret < 0 || strcmp(line, "ok") == 0)
			return ret;
		if (strcmp(line, "no") == 0 || begins_with(line, "no ") ||
		    strcmp(line, "bad") == 0 || begins_with(line, "bad "))
			return -ERR_DENIED;
		if (listing)
			babel_read_entry(line, listing);
	}
}

/* A babeld without -G answers "bad" to all. That is for the operator: no later try helps. */
static int babel_denied(struct connection *connection, const char *answer)
{
	char reason[LINE_SIZE + 80];

	snprintf(reason, sizeof(reason),
		 "it answered \"%s\"; does it run with -G, and does it know the BABELOPTIONS?",
		 answer);
	return fail_with(connection, -ERR_CONFIG, reason);
}

static int babel_connect(struct connection *connection)
{
	char line[LINE_SIZE];
	int ret;

	ret = connect_to(connection);
	if (ret < 0)
		return ret;
	ret = babel_read_answer(connection, line, NULL);
	return ret == -ERR_DENIED ? babel_denied(connection, line) : ret;
}

/* Sends lines, on a new connection if there is none. */
static int babel_send(struct connection *connection, const char *lines)
{
	int ret = 0;

	if (connection->fd < 0)
		ret = babel_connect(connection);
	return ret == 0 ? send_line(connection, lines) : ret;
}

/* Sends what waits, and reads the answers. */
static int babel_finish(struct connection *connection)
{
	char answer[LINE_SIZE] = "";
	int ret = 0;

	if (connection->batch_len > 0)
		ret = babel_send(connection, connection->batch);
	connection->batch_len = 0;
	while (ret == 0 && connection->unanswered > 0) {
		ret = babel_read_answer(connection, answer, NULL);
		connection->unanswered -= ret == 0;
	}
	return ret == -ERR_DENIED ? babel_denied(connection, answer) : ret;
}

/*
 * babeld takes one event of the kernel and one reading from us in turn, and after an event looks at
 * all the interfaces that it has: with a thousand that takes it two seconds, and behind a storm
 * there are hundreds of events. So it gets as many commands at once as it reads at once.
 */
static int babel_add(struct connection *connection, const char *ifname)
{
	const char *options = connection->config->babel_options;
	char command[LINE_SIZE];
	size_t len;
	int ret = 0;

	snprintf(command, sizeof(command), "interface %s%s%s\n", ifname, *options ? " " : "",
		 options);
	len = strlen(command);
	if (connection->batch_len + len > BATCH_SIZE)
		ret = babel_finish(connection);
	if (ret < 0)
		return ret;
	memcpy(connection->batch + connection->batch_len, command, len + 1);
	connection->batch_len += len;
	connection->unanswered++;
	return 0;
}

/* "no No such interface": it has lost that one already. */
static int babel_flush(struct connection *connection, const char *ifname)
{
	char command[LINE_SIZE], answer[LINE_SIZE] = "";
	int ret;

	snprintf(command, sizeof(command), "flush interface %s\n", ifname);
	ret = babel_send(connection, command);
	if (ret == 0)
		ret = babel_read_answer(connection, answer, NULL);
	if (ret == -ERR_DENIED)
		return begins_with(answer, "no ") ? 0 : babel_denied(connection, answer);
	return ret;
}

static int babel_tell(struct connection *connection, const char *ifname, bool add)
{
	int ret;

	if (add)
		return babel_add(connection, ifname);
	ret = babel_finish(connection);
	return ret < 0 ? ret : babel_flush(connection, ifname);
}

static int babel_list(struct connection *connection, struct listing *listing)
{
	char answer[LINE_SIZE] = "";
	int ret;

	ret = babel_send(connection, "dump\n");
	if (ret == 0)
		ret = babel_read_answer(connection, answer, listing);
	return ret == -ERR_DENIED ? babel_denied(connection, answer) : ret;
}

/* Sends one command to l3roamd or mmfd, and leaves the whole answer in the buffer. */
static int meshif_command(struct connection *connection, const char *command)
{
	ssize_t len;
	int ret;

	ret = connect_to(connection);
	if (ret == 0)
		ret = send_line(connection, command);
	if (ret < 0)
		return ret;
	/* mmfd dies of SIGPIPE if the connection is closed before it has answered. */
	do
		len = read_more(connection);
	while (len > 0);
	if (len < 0)
		return -ERR_FAILURE;
	buffer[connection->received] = '\0';
	disconnect(connection);
	return 0;
}

static int meshif_tell(struct connection *connection, const char *ifname, bool add)
{
	char command[IFNAMSIZ + 16];

	snprintf(command, sizeof(command), "%s_meshif %s\n", add ? "add" : "del", ifname);
	return meshif_command(connection, command);
}

static int meshif_finish(struct connection *connection)
{
	(void)connection;
	return 0;
}

static int meshif_list(struct connection *connection, struct listing *listing)
{
	int ret;

	ret = meshif_command(connection, "get_meshifs\n");
	if (ret < 0)
		return ret;
	ret = meshifs_parse(buffer, add_to_listing, listing);
	return ret < 0 ? fail(connection, "its answer to get_meshifs is not a list of interfaces") :
			 0;
}

static const struct daemon daemons[] = {
	{ "babeld", offsetof(struct config, babel), babel_tell, babel_finish, babel_list, false },
	{ "l3roamd", offsetof(struct config, l3roamd), meshif_tell, meshif_finish, meshif_list,
	  true },
	{ "mmfd", offsetof(struct config, mmfd), meshif_tell, meshif_finish, meshif_list, true },
};

enum { DAEMONS = sizeof(daemons) / sizeof(daemons[0]) };

static struct connection new_connection(const struct config *config, const struct daemon *daemon)
{
	return (struct connection){
		.config = config,
		.daemon = daemon,
		.address = *(char *const *)((const char *)config + daemon->address),
		.fd = -1,
	};
}

static bool is_configured(const struct connection *connection)
{
	return *connection->address != '\0';
}

static int tell(struct connection *connection, unsigned int slot, bool add)
{
	char ifname[IFNAMSIZ];

	slot_ifname(ifname, connection->config, slot);
	return connection->daemon->tell(connection, ifname, add);
}

bool mesh_is_configured(const struct config *config)
{
	bool is_any = false;

	for (int i = 0; i < DAEMONS; i++) {
		const struct connection connection = new_connection(config, &daemons[i]);

		is_any |= is_configured(&connection);
	}
	return is_any;
}

/* What to return for two daemons, as mesh.h says. */
static int worse_of(int a, int b)
{
	if (a == -ERR_FAILURE || b == -ERR_FAILURE)
		return -ERR_FAILURE;
	return a == -ERR_ABSENT || b == -ERR_ABSENT ? -ERR_ABSENT : 0;
}

static int announce_to(struct connection *connection, const char *ifname)
{
	int ret = 0;

	if (connection->daemon->forget_first)
		ret = connection->daemon->tell(connection, ifname, false);
	if (ret == 0)
		ret = connection->daemon->tell(connection, ifname, true);
	return ret < 0 ? ret : connection->daemon->finish(connection);
}

int mesh_announce(const struct config *config, const char *ifname)
{
	int ret = 0;

	for (int i = 0; i < DAEMONS; i++) {
		struct connection connection = new_connection(config, &daemons[i]);

		if (is_configured(&connection))
			ret = worse_of(ret, announce_to(&connection, ifname));
		disconnect(&connection);
	}
	return ret;
}

/* Asks what a daemon has. The name is that of an interface to look for, or NULL. */
static int list(struct connection *connection, struct listing *listing, const char *ifname)
{
	memset(listing, 0, sizeof(*listing));
	listing->config = connection->config;
	listing->ifname = ifname;
	return connection->daemon->list(connection, listing);
}

int mesh_announce_missing(const struct config *config, const char *ifname)
{
	static struct listing listing;
	int ret = 0, each;

	for (int i = 0; i < DAEMONS; i++) {
		struct connection connection = new_connection(config, &daemons[i]);

		if (!is_configured(&connection))
			continue;
		each = list(&connection, &listing, ifname);
		if (each == 0 && !listing.has_ifname)
			each = announce_to(&connection, ifname);
		ret = worse_of(ret, each);
		disconnect(&connection);
	}
	return ret;
}

int mesh_withdraw_one(const struct config *config, const char *ifname)
{
	int ret = 0;

	for (int i = 0; i < DAEMONS; i++) {
		struct connection connection = new_connection(config, &daemons[i]);

		if (is_configured(&connection))
			ret = worse_of(ret, connection.daemon->tell(&connection, ifname, false));
		disconnect(&connection);
	}
	return ret;
}

/*
 * Gives a daemon up at the first failure, which may take seconds. What it still has of interfaces
 * that are gone, the next mesh_sync() takes back.
 */
static int withdraw_from(struct connection *connection, const bool withdrawn[static SLOT_END])
{
	int ret = 0;

	for (unsigned int slot = 1; slot < SLOT_END && ret == 0; slot++)
		if (withdrawn[slot])
			ret = tell(connection, slot, false);
	return ret;
}

int mesh_withdraw(const struct config *config, const bool withdrawn[static SLOT_END])
{
	int ret = 0;

	for (int i = 0; i < DAEMONS; i++) {
		struct connection connection = new_connection(config, &daemons[i]);

		if (is_configured(&connection))
			ret = worse_of(ret, withdraw_from(&connection, withdrawn));
		disconnect(&connection);
	}
	return ret;
}

/* Tells a daemon of an interface that it lacks, or takes one back that is gone. */
static int resync(struct connection *connection, unsigned int slot, const struct mesh_sync *sync)
{
	bool is_gone;
	int ret;

	ret = tell(connection, slot, sync->wanted[slot]);
	if (ret < 0 || sync->wanted[slot])
		return ret;
	/* Meanwhile a handler may have made the interface again, and told the daemon first. */
	is_gone = sync->gone(sync->argument, slot);
	return is_gone ? 0 : tell(connection, slot, true);
}

static int sync_with(struct connection *connection, struct mesh_sync *sync)
{
	static struct listing listing;
	bool is_due;
	int ret;

	ret = list(connection, &listing, NULL);
	for (unsigned int slot = 1; slot < SLOT_END && ret == 0; slot++) {
		if (sync->wanted[slot] == listing.has[slot])
			continue;
		is_due = sync->wanted[slot] || sync->gone(sync->argument, slot);
		if (is_due && !sync->dry_run)
			ret = resync(connection, slot, sync);
		sync->told += is_due && ret == 0;
	}
	if (ret == 0)
		ret = connection->daemon->finish(connection);
	sync->told -= connection->unanswered;
	return ret;
}

int mesh_sync(const struct config *config, struct mesh_sync *sync)
{
	int ret = 0;

	sync->told = 0;
	for (int i = 0; i < DAEMONS; i++) {
		struct connection connection = new_connection(config, &daemons[i]);

		if (is_configured(&connection))
			ret = worse_of(ret, sync_with(&connection, sync));
		disconnect(&connection);
	}
	return ret;
}

bool mesh_get_state(const struct config *config, unsigned int number, struct mesh_state *state)
{
	static struct listing listing;
	struct connection connection;
	int ret = -ERR_ABSENT;

	if (number >= DAEMONS)
		return false;
	memset(&listing, 0, sizeof(listing));
	connection = new_connection(config, &daemons[number]);
	if (is_configured(&connection))
		ret = list(&connection, &listing, NULL);
	disconnect(&connection);
	*state = (struct mesh_state){
		.name = connection.daemon->name,
		.address = connection.address,
		.answers = ret == 0,
		.known = listing.known,
		.down = listing.down,
		.has = listing.has,
	};
	return true;
}
