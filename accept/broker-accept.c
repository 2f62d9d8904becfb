// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For systemd: takes the listening socket as its stdin, and starts a handler for each connection,
 * with the connection as stdin and stdout. All handlers share one sandbox that is built once, where
 * Accept=yes builds one for each connection. Limits the handlers, in all and for each source. Reads
 * nothing from a peer, and keeps no state. For a supervisor that holds no sockets, such as procd of
 * OpenWrt, opens the listening socket itself.
 *
 * No packaged tool does this. tcpsvd, tcpserver and s6-tcpserver bind the socket themselves, so
 * each restart turns nodes away; systemd-socket-activate has no limits and clears the environment;
 * socat takes over a listening socket only since 1.8, and has no limit for each source.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "accept/handlers.h"
#include "accept/listener.h"
#include "accept/options.h"
#include "accept/report.h"
#include "clock.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "notify.h"

enum { PAUSE = 100 }; /* milliseconds until what failed is tried again */

static struct options options;
static struct config config; /* as it was at the start */
static int64_t pause_end;    /* by clock_ms() */
static volatile sig_atomic_t is_ending;

/* Any signal interrupts ppoll(2), which is all that SIGCHLD is for. */
static void on_signal(int number)
{
	if (number == SIGTERM)
		is_ending = 1;
}

/* Failures may last, and must not become a busy loop. */
static void fail(const char *what, const struct start *start, const char *nodes)
{
	report_failure(what, start->error, nodes);
	pause_end = clock_ms() + PAUSE;
}

/* Takes the next connection. */
static void serve(void)
{
	const struct start *start = handlers_start();

	switch (start->result) {
	case START_DONE:
		report_success();
		break;
	case START_IDLE:
		break;
	case START_REFUSED:
		report_refused(config.log_address ? &start->peer : NULL);
		break;
	case START_NO_ACCEPT:
		fail("accept a connection", start, "wait");
		break;
	case START_NO_FORK:
		fail("start a handler", start, "wait");
		break;
	case START_NO_EXEC:
		fail("start a handler", start, "are turned away");
		break;
	}
}

/* Waits for what comes next, and sees to it. */
static void turn(void)
{
	const unsigned int count = handlers_count();
	const bool is_told = report_changes(count, options.max_handlers);
	const bool is_pausing = clock_ms() < pause_end;
	const bool has_room = count < options.max_handlers && !is_pausing && !is_ending;
	const int wait = is_pausing || is_ending ? PAUSE : REPORT_TIME;
	const struct timespec time = { wait / 1000, wait % 1000 * 1000000L };
	/* Without room, connections stay in the kernel's queue. */
	struct pollfd listener = { .fd = has_room ? STDIN_FILENO : -1, .events = POLLIN };
	sigset_t none;
	int ready;

	sigemptyset(&none);
	ready = ppoll(&listener, 1, is_told && wait == REPORT_TIME ? NULL : &time, &none);
	handlers_reap();
	if (ready > 0)
		serve();
}

/* Signals come only while turn() waits. None is ignored, since handlers would inherit that. */
static void prepare_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
}

/* One run: options, preparation, connections until SIGTERM, and the last handlers. */
int main(int argc, char **argv)
{
	int64_t end;
	int ret;

	log_open("broker-accept", false);
	ret = options_read(&options, argc, argv);
	if (ret >= 0)
		return ret;
	/* The one setting that matters here stands also if another one is wrong, which is logged.
	 */
	(void)config_read(&config, options.config);
	ret = options.port ? listener_open(options.port) : listener_take();
	if (ret)
		return ret;
	prepare_signals();
	notify_open();
	handlers_open(options.command, options.max_per_source, options.port != 0);
	notify_send("READY=1");
	while (!is_ending)
		turn();
	notify_send("STOPPING=1");
	end = clock_ms() + 1000LL * options.wait_time;
	while (handlers_count() > 0 && clock_ms() < end)
		turn();
	if (handlers_count() > 0)
		log_line(LOG_WARNING, "handlers still running after %u seconds: %u",
			 options.wait_time, handlers_count());
	return EXIT_DONE;
}
