// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connecting and waiting, on real sockets but with a clock of its own: no test depends on how fast
 * the machine is.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "fake-clock.h"
#include "stream.h"

enum { LONG = 60000 /* milliseconds, which never pass */ };

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

struct server {
	int fd; /* -1 if nothing is bound */
	union address address;
	socklen_t size;
};

/* How far a server gets: to a socket that does not listen, or that has room for so many. */
enum { ABSENT = -2, DEAF = -1 };

static void open_server(struct server *server, int backlog)
{
	assert_int_equal(bind(server->fd, &server->address.any, server->size), 0);
	if (backlog != DEAF)
		assert_int_equal(listen(server->fd, backlog), 0);
	assert_int_equal(getsockname(server->fd, &server->address.any, &server->size), 0);
}

static struct server unix_server(int backlog)
{
	struct server server = { .fd = -1, .size = sizeof(server.address.un) };
	const char *path = unit_path("socket");

	server.address.un.sun_family = AF_UNIX;
	snprintf(server.address.un.sun_path, sizeof(server.address.un.sun_path), "%s", path);
	unlink(path);
	if (backlog == ABSENT)
		return server;
	server.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	open_server(&server, backlog);
	return server;
}

static struct server tcp_server(int backlog)
{
	struct server server = {
		.fd = socket(AF_INET, SOCK_STREAM, 0),
		.address.in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
		.size = sizeof(server.address.in),
	};

	open_server(&server, backlog);
	return server;
}

static const struct connect_row {
	const char *name;
	struct server (*server)(int backlog);
	int backlog;
	int want; /* errno, or 0 */
} connects[] = {
	{ "Unix", unix_server, 1, 0 },
	{ "Unix, no such path", unix_server, ABSENT, ENOENT },
	{ "Unix, refused", unix_server, DEAF, ECONNREFUSED },
	{ "TCP", tcp_server, 1, 0 },
	{ "TCP, refused", tcp_server, DEAF, ECONNREFUSED },
};

static void test_connect(void **state)
{
	const struct connect_row *row = *state;
	struct server server = row->server(row->backlog);
	const int before = unit_count_fds();
	int fd, accepted;
	char byte = 0;

	errno = 0;
	fd = stream_connect(&server.address.any, server.size, fake_ms + LONG);
	unit_is_int("errno", fd < 0 ? errno : 0, row->want);
	if (row->want) {
		unit_is_int("open descriptors", unit_count_fds(), before);
	} else {
		unit_is_int("flags", fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		unit_is_int("close on exec", fcntl(fd, F_GETFD), FD_CLOEXEC);
		accepted = accept(server.fd, NULL, NULL);
		unit_is_int("written", write(fd, "x", 1), 1);
		unit_is_int("read", read(accepted, &byte, 1), 1);
		unit_is_int("byte", byte, 'x');
		close(accepted);
		close(fd);
	}
	if (server.fd >= 0)
		close(server.fd);
}

/* A connection that waits to be accepted, where the queue has room for no more. */
static int fill(const struct server *server)
{
	struct pollfd file = { .fd = server->fd, .events = POLLIN };
	const int fd = socket(server->address.any.sa_family, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &server->address.any, server->size), 0);
	assert_int_equal(poll(&file, 1, -1), 1);
	return fd;
}

static void pass_ms(void)
{
	fake_ms++;
}

/* Nobody answers, as the queue is full: the kernel tries again, up to the deadline. */
static void test_timeout(void **state)
{
	const struct server server = tcp_server(0);
	const int filler = fill(&server), before = unit_count_fds();
	int64_t deadline;

	(void)state;
	unit_is_int("at the deadline", stream_connect(&server.address.any, server.size, fake_ms),
		    -1);
	unit_is_int("errno", errno, ETIMEDOUT);
	fake_on_ms = pass_ms;
	deadline = fake_ms + 3;
	unit_is_int("up to the deadline",
		    stream_connect(&server.address.any, server.size, deadline), -1);
	fake_on_ms = NULL;
	unit_is_int("errno", errno, ETIMEDOUT);
	unit_is_int("time", fake_ms, deadline);
	unit_is_int("open descriptors", unit_count_fds(), before);
	close(filler);
	close(server.fd);
}

static void test_no_family(void **state)
{
	const struct sockaddr address = { .sa_family = 99 };

	(void)state;
	unit_is_int("connected", stream_connect(&address, sizeof(address), fake_ms + LONG), -1);
	unit_is_int("errno", errno, EAFNOSUPPORT);
}

/* There is nothing to wait for: a Unix socket's queue has room or not. */
static void test_queue_full(void **state)
{
	const struct server server = unix_server(0);
	const int filler = fill(&server);

	(void)state;
	unit_is_int("connected", stream_connect(&server.address.any, server.size, fake_ms + LONG),
		    -1);
	unit_is_int("errno", errno, EAGAIN);
	close(filler);
	close(server.fd);
}

/* What the other end has done before the wait, and how many milliseconds are left. */
static const struct wait_row {
	const char *name;
	enum { NOTHING, SENT, CLOSED } done;
	short event;
	int left;
	bool want;
} waits[] = {
	{ "something to read", SENT, POLLIN, LONG, true },
	{ "the end", CLOSED, POLLIN, LONG, true },
	{ "room to write", NOTHING, POLLOUT, LONG, true },
	{ "nothing to read", NOTHING, POLLIN, 2, false },
	{ "nothing to read, at the deadline", NOTHING, POLLIN, 0, false },
	{ "something to read, at the deadline", SENT, POLLIN, 0, false },
	{ "something to read, after the deadline", SENT, POLLIN, -1, false },
};

static void test_wait(void **state)
{
	const struct wait_row *row = *state;
	const int64_t deadline = fake_ms + row->left;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	if (row->done == SENT)
		assert_int_equal(write(ends[1], "x", 1), 1);
	if (row->done == CLOSED)
		close(ends[1]);
	/* Time passes between looks at the clock, where it has to. */
	if (row->left < LONG)
		fake_on_ms = pass_ms;
	unit_is_int("waited", stream_wait(ends[0], row->event, deadline), row->want);
	fake_on_ms = NULL;
	close(ends[0]);
	if (row->done != CLOSED)
		close(ends[1]);
}

static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void end_after_signals(void)
{
	if (signals >= 3)
		fake_ms += LONG;
}

/* Signals interrupt poll(2), but not the wait: they come until the deadline has passed. */
static void test_signals(void **state)
{
	const struct itimerspec often = { .it_value.tv_nsec = 1000000,
					  .it_interval.tv_nsec = 1000000 };
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
	fake_on_ms = end_after_signals;
	unit_is_int("waited", stream_wait(ends[0], POLLIN, fake_ms + LONG), false);
	fake_on_ms = NULL;
	timer_delete(timer);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	UNIT_TABLE(test_connect, connects);
	unit_add("nobody answers", test_timeout, NULL);
	unit_add("the queue is full", test_queue_full, NULL);
	unit_add("no such family", test_no_family, NULL);
	UNIT_TABLE(test_wait, waits);
	unit_add("signals", test_signals, NULL);
	return unit_run();
}
