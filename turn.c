// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever has the turn, or waits for it, holds a Unix socket with an abstract name, of which there
 * is one in a network namespace. The kernel drops it with the process: no file is left, and none is
 * needed, so this works in every sandbox. Any local user could hold these names, so the wait has an
 * end. That user could also talk to babeld in our place.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "turn.h"

enum {
	WAIT_TIME = 300, /* seconds; longer than whoever has the turn tries */
	LOOK_TIME = 20,	 /* milliseconds from one look at the name to the next */
};

/* Takes a name. Returns a descriptor, or -1 with errno set: EADDRINUSE if another one has it. */
static int take_name(const char *role, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int len, ret, error;

	if (fd < 0)
		return -1;
	/* Behind a NUL the name is abstract, see unix(7). */
	len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "wg-broker %s %s", role,
		       name);
	ret = bind(fd, (const struct sockaddr *)&address,
		   (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)len);
	if (ret == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Returns whether nobody had it. All brokers of a namespace have the same daemons, so one turn. */
static bool try_to_take(struct turn *turn)
{
	turn->fd = take_name("has the", "turn");
	/* If there are no sockets there is nothing to wait for. */
	return turn->fd >= 0 || errno != EADDRINUSE;
}

/* Looks again and again, until the turn is free or the time is over. */
static void wait_for_turn(struct turn *turn, unsigned int seconds)
{
	const struct timespec pause = { .tv_nsec = LOOK_TIME * 1000000L };
	const int64_t deadline = clock_ms() + (int64_t)seconds * 1000;
	bool is_free;

	do {
		nanosleep(&pause, NULL);
		is_free = try_to_take(turn);
	} while (!is_free && clock_ms() < deadline);
}

bool turn_take(struct turn *turn, const char *name)
{
	int waits;

	turn->is_first = try_to_take(turn);
	if (turn->is_first)
		return true;
	waits = take_name("waits", name);
	if (waits < 0 && errno == EADDRINUSE)
		return false;
	wait_for_turn(turn, WAIT_TIME);
	/* Only now: who comes from here on may be too late for what we are about to do. */
	if (waits >= 0)
		close(waits);
	return true;
}

void turn_wait(struct turn *turn, unsigned int seconds)
{
	turn->is_first = try_to_take(turn);
	if (!turn->is_first)
		wait_for_turn(turn, seconds);
}

void turn_end(struct turn *turn)
{
	if (turn->fd >= 0)
		close(turn->fd);
	turn->fd = -1;
}
