// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells babeld, l3roamd and mmfd of interfaces that come and go. None of them can hold a request
 * up or make it fail: this is done after the reply, and each step has a deadline.
 *
 * babeld's protocol is in its manual under "Local interface": a banner that ends in "ok", then one
 * command a line, each answered by "ok", "no ..." or "bad ...". l3roamd and mmfd take one command
 * a connection, read it byte by byte, so that one who says nothing stops them, and close.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "wgif.h"

enum {
	PATIENCE = 500,	      /* milliseconds for a connection, and for each answer */
	LIST_PATIENCE = 5000, /* milliseconds for a list, which only a prune asks for */
	LINE_SIZE = 512,      /* of babeld; longer ones are cut */
	DATA_SIZE = 1 << 20,  /* room for the names of all slots */
};

enum kind { BABELD, L3ROAMD, MMFD, KINDS };

static const char *const names[] = { [BABELD] = "babeld", [L3ROAMD] = "l3roamd", [MMFD] = "mmfd" };

/* A conversation with a daemon. */
struct talk {
	const struct config *config;
	enum kind kind;
	int fd; /* -1 if there is none */
	int64_t deadline;
	size_t held, taken; /* bytes in data, and those of them that were used */
};

/* What was read. One conversation at a time, so one is enough. */
static char data[DATA_SIZE];

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *address_of(const struct talk *talk)
{
	switch (talk->kind) {
	case BABELD:
		return talk->config->babel;
	case L3ROAMD:
		return talk->config->l3roamd;
	default:
		return talk->config->mmfd;
	}
}

/* Logs why a daemon could not be told, and ends the conversation. */
static int give_up(struct talk *talk, const char *reason)
{
	log_line(LOG_WARNING, "unable to talk to %s at %s: %s", names[talk->kind], address_of(talk),
		 reason);
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
	return -ERR_FAILURE;
}

/* Waits for the daemon, at most until the deadline. Returns 0, or an error that it has logged. */
static int await(struct talk *talk, short events)
{
	struct pollfd file = { .fd = talk->fd, .events = events };
	int64_t left;

	for (;;) {
		left = talk->deadline - now_ms();
		if (left <= 0)
			return give_up(talk, "no answer in time");
		if (poll(&file, 1, (int)left) > 0)
			return 0;
	}
}

/* A number is a port on ::1, anything else the path of a Unix socket. Returns the address' size. */
static socklen_t parse_address(struct sockaddr_storage *address, const char *text)
{
	struct sockaddr_in6 *port = (struct sockaddr_in6 *)address;
	struct sockaddr_un *path = (struct sockaddr_un *)address;

	memset(address, 0, sizeof(*address));
	if (*text == '/') {
		path->sun_family = AF_UNIX;
		snprintf(path->sun_path, sizeof(path->sun_path), "%s", text);
		return sizeof(*path);
	}
	port->sin6_family = AF_INET6;
	port->sin6_addr = in6addr_loopback;
	port->sin6_port = htons((uint16_t)strtoul(text, NULL, 10));
	return sizeof(*port);
}

/* Returns 0 when connected, or an error that it has logged. */
static int dial(struct talk *talk)
{
	struct sockaddr_storage address;
	const socklen_t size = parse_address(&address, address_of(talk));
	int error = 0;
	socklen_t error_size = sizeof(error);

	talk->held = talk->taken = 0;
	talk->deadline = now_ms() + PATIENCE;
	talk->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (talk->fd < 0)
		return give_up(talk, strerror(errno));
	if (connect(talk->fd, (struct sockaddr *)&address, size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return give_up(talk, strerror(errno));
	if (await(talk, POLLOUT) < 0)
		return -ERR_FAILURE;
	if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
		error = errno;
	return error ? give_up(talk, strerror(error)) : 0;
}

static void hang_up(struct talk *talk)
{
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
}

/* Says one line in one write; none fills a socket's buffer. The answer may take so long. */
static int say(struct talk *talk, const char *line, int patience)
{
	const size_t len = strlen(line);

	talk->deadline = now_ms() + patience;
	if (send(talk->fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		return give_up(talk, strerror(errno));
	return 0;
}

/* Reads more. Returns how much, 0 at the end, or an error that it has logged. */
static ssize_t hear(struct talk *talk)
{
	ssize_t len;

	/* What is left is at most the beginning of a line. */
	talk->held -= talk->taken;
	memmove(data, data + talk->taken, talk->held);
	talk->taken = 0;
	if (talk->held == DATA_SIZE - 1)
		return give_up(talk, "its answer is too long");
	if (await(talk, POLLIN) < 0)
		return -ERR_FAILURE;
	len = read(talk->fd, data + talk->held, DATA_SIZE - 1 - talk->held);
	if (len < 0)
		return give_up(talk, strerror(errno));
	talk->held += (size_t)len;
	return len;
}

/* Takes one line, without its end. */
static int hear_line(struct talk *talk, char line[static LINE_SIZE])
{
	const char *start, *end;
	ssize_t len;

	for (;;) {
		start = data + talk->taken;
		end = memchr(start, '\n', talk->held - talk->taken);
		if (end)
			break;
		len = hear(talk);
		if (len < 0)
			return -ERR_FAILURE;
		if (len == 0)
			return give_up(talk, "it closed the connection");
	}
	snprintf(line, LINE_SIZE, "%.*s", (int)(end - start), start);
	talk->taken += (size_t)(end - start) + 1;
	return 0;
}

/* What sync hears of a daemon's interfaces. */
struct known {
	const struct config *config;
	bool *slots;
};

static void note_known(void *argument, const char *ifname)
{
	const struct known *known = argument;
	const unsigned int slot = ifname ? peer_slot(known->config, ifname) : 0;

	if (slot && slot < MESH_SLOTS)
		known->slots[slot] = true;
}

/*
 * Reads babeld's lines up to the answer. Those of a dump in between go to known, if it is there.
 * Returns 0, -ERR_DENIED with the answer in line, or -ERR_FAILURE after it has logged why.
 */
static int babel_answer(struct talk *talk, char line[static LINE_SIZE], struct known *known)
{
	char ifname[IFNAMSIZ];

	for (;;) {
		if (hear_line(talk, line) < 0)
			return -ERR_FAILURE;
		if (strcmp(line, "ok") == 0)
			return 0;
		if (strcmp(line, "bad") == 0 || strcmp(line, "no") == 0 ||
		    strncmp(line, "no ", 3) == 0 || strncmp(line, "bad ", 4) == 0)
			return -ERR_DENIED;
		if (known && sscanf(line, "add interface %15s", ifname) == 1)
			note_known(known, ifname);
	}
}

/* Ends a conversation because of what babeld answered; a read-only one says "bad" to all. */
static int refused(struct talk *talk, const char *answer)
{
	char reason[LINE_SIZE + 80];

	snprintf(reason, sizeof(reason),
		 "it answered \"%s\"; does it run with -G, and know the BABELOPTIONS?", answer);
	return give_up(talk, reason);
}

/* Opens the connection if there is none. */
static int babel_dial(struct talk *talk)
{
	char line[LINE_SIZE];
	int ret;

	if (talk->fd >= 0)
		return 0;
	if (dial(talk) < 0)
		return -ERR_FAILURE;
	ret = babel_answer(talk, line, NULL);
	return ret == -ERR_DENIED ? refused(talk, line) : ret;
}

/* Says one command to l3roamd or mmfd, and reads to the end; what it answered is in data. */
static int roam(struct talk *talk, const char *command, int patience)
{
	ssize_t len = 1;

	if (dial(talk) < 0 || say(talk, command, patience) < 0)
		return -ERR_FAILURE;
	while (len > 0) {
		len = hear(talk);
		if (len < 0)
			return -ERR_FAILURE;
	}
	data[talk->held] = '\0';
	hang_up(talk);
	return 0;
}

static int babel_tell(struct talk *talk, const char *ifname, bool add)
{
	const char *options = talk->config->babel_options;
	char command[LINE_SIZE], line[LINE_SIZE];
	int ret;

	if (babel_dial(talk) < 0)
		return -ERR_FAILURE;
	if (add)
		snprintf(command, sizeof(command), "interface %s%s%s\n", ifname,
			 *options ? " " : "", options);
	else
		snprintf(command, sizeof(command), "flush interface %s\n", ifname);
	ret = say(talk, command, PATIENCE);
	if (ret == 0)
		ret = babel_answer(talk, line, NULL);
	if (ret != -ERR_DENIED)
		return ret;
	/* It says "no No such interface" to one that it has lost already, and that is fine. */
	return add || strncmp(line, "no ", 3) != 0 ? refused(talk, line) : 0;
}

/* Tells one daemon of one interface. */
static int tell(struct talk *talk, unsigned int slot, bool add)
{
	char ifname[IFNAMSIZ], command[IFNAMSIZ + 16];

	peer_ifname(ifname, talk->config, slot);
	if (talk->kind == BABELD)
		return babel_tell(talk, ifname, add);
	snprintf(command, sizeof(command), "%s_meshif %s\n", add ? "add" : "del", ifname);
	return roam(talk, command, PATIENCE);
}

/* Asks one daemon which interfaces of our names it has. */
static int ask(struct talk *talk, struct known *known)
{
	char line[LINE_SIZE];
	int ret;

	if (talk->kind != BABELD) {
		/* mmfd dies of SIGPIPE if we are gone when it answers. */
		ret = roam(talk, "get_meshifs\n", LIST_PATIENCE);
		if (ret == 0 && meshifs_parse(data, note_known, known) < 0)
			ret = give_up(talk, "it does not answer to get_meshifs");
		return ret;
	}
	if (babel_dial(talk) < 0 || say(talk, "dump\n", LIST_PATIENCE) < 0)
		return -ERR_FAILURE;
	ret = babel_answer(talk, line, known);
	return ret == -ERR_DENIED ? refused(talk, line) : ret;
}

/* Begins with a daemon. Returns false if none of that kind is configured. */
static bool begin(struct talk *talk, const struct config *config, enum kind kind)
{
	*talk = (struct talk){ .config = config, .kind = kind, .fd = -1 };
	return *address_of(talk) != '\0';
}

void mesh_announce(const struct config *config, const char *ifname)
{
	struct talk talk;

	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (!begin(&talk, config, kind))
			continue;
		/*
		 * The entries of l3roamd and mmfd outlive an interface that they were not told of,
		 * and then a new one of that name is never joined.
		 */
		if (kind != BABELD)
			tell(&talk, peer_slot(config, ifname), false);
		tell(&talk, peer_slot(config, ifname), true);
		hang_up(&talk);
	}
}

void mesh_withdraw(const struct config *config, const bool withdrawn[static MESH_SLOTS])
{
	struct talk talk;

	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (!begin(&talk, config, kind))
			continue;
		for (unsigned int slot = 1; slot < MESH_SLOTS; slot++)
			if (withdrawn[slot] && tell(&talk, slot, false) < 0)
				break;
		hang_up(&talk);
	}
}

/* Tells one daemon of one interface that it lacks, or takes back one that is gone. */
static int mend(struct talk *talk, unsigned int slot, bool wanted,
		bool (*gone)(void *argument, unsigned int slot), void *argument)
{
	int ret = tell(talk, slot, wanted);

	/* A handler may have made it and told the daemon since gone() was asked. */
	if (ret == 0 && !wanted && !gone(argument, slot))
		ret = tell(talk, slot, true);
	return ret;
}

unsigned int mesh_sync(const struct config *config, const bool wanted[static MESH_SLOTS],
		       bool (*gone)(void *argument, unsigned int slot), void *argument, bool try)
{
	static bool slots[MESH_SLOTS];
	struct known known = { .config = config, .slots = slots };
	unsigned int told = 0;
	struct talk talk;

	for (enum kind kind = 0; kind < KINDS; kind++) {
		memset(slots, 0, sizeof(slots));
		if (!begin(&talk, config, kind) || ask(&talk, &known) < 0)
			continue;
		for (unsigned int slot = 1; slot < MESH_SLOTS; slot++) {
			if (wanted[slot] == slots[slot])
				continue;
			if (!wanted[slot] && !gone(argument, slot))
				continue;
			if (!try && mend(&talk, slot, wanted[slot], gone, argument) < 0)
				break;
			told++;
		}
		hang_up(&talk);
	}
	return told;
}
