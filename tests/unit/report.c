// SPDX-License-Identifier: GPL-2.0-or-later
/* What broker-accept tells the log and systemd, and how seldom. */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <sys/un.h>
#include <unistd.h>

#include "accept/report.h"
#include "fake-clock.h"
#include "notify.h"
#include "unit.h"

enum { MINUTE = 60000 }; /* milliseconds */

static union endpoint peer = { .in.sin_family = AF_INET };
static int manager;

/* What systemd was told since the last call; of several words, the first. */
static const char *told(void)
{
	static char text[300];
	const ssize_t len = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void be_manager(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "@unit-report-%d", (int)getpid());
	strcpy(address.sun_path + 1, name + 1);
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	ret = bind(manager, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)));
	assert_int_equal(ret, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_open();
}

/* Some time later. Returns whether all is told. */
static bool later(int64_t ms, unsigned int handlers)
{
	fake_ms += ms;
	return report_changes(handlers, 10);
}

static void test_failure(void **state)
{
	(void)state;
	fake_ms += MINUTE;
	report_failure("try", ENOENT, "wait");
	unit_is_text(
		"the first time", unit_log(),
		"3 unable to try: No such file or directory; until that works again, nodes wait\n");
	fake_ms += MINUTE;
	report_failure("try", ENOENT, "wait");
	unit_is_text("still", unit_log(), "");
	report_success();
	report_failure("try", EMFILE, "are turned away");
	unit_is_text(
		"again", unit_log(),
		"3 unable to try: Too many open files; until that works again, nodes are turned "
		"away\n");
	report_success();
	fake_ms += MINUTE - 1;
	report_failure("try", EMFILE, "wait");
	unit_is_text("again, too soon", unit_log(), "");
	report_success();
	fake_ms += 1;
	report_failure("try", EMFILE, "wait");
	unit_is_text("again, a minute later", unit_log(),
		     "3 unable to try: Too many open files; until that works again, nodes wait\n");
}

static void refuse(int times)
{
	for (int i = 0; i < times; i++)
		report_refused(&peer);
}

static void test_refusals(void **state)
{
	union endpoint local = { .any.sa_family = AF_UNIX };

	(void)state;
	later(MINUTE, 0);
	refuse(1);
	later(0, 0);
	unit_is_text("the first", unit_log(),
		     "4 connections turned away, since their source has too many: 1, the last from "
		     "127.0.0.1\n");
	refuse(2000);
	assert_false(later(0, 0));
	assert_false(later(MINUTE - 1, 0));
	unit_is_text("a flood", unit_log(), "");
	report_refused(&local);
	assert_false(later(1, 0));
	unit_is_text(
		"a minute later", unit_log(),
		"4 connections turned away, since their source has too many: 2001, the last from "
		"this machine\n");
	report_refused(NULL);
	assert_true(later(MINUTE, 0));
	unit_is_text("without its address", unit_log(),
		     "4 connections turned away, since their source has too many: 1\n");
	assert_true(later(MINUTE, 0));
	unit_is_text("no more", unit_log(), "");
}

static void test_killed(void **state)
{
	(void)state;
	report_killed(9);
	later(0, 0);
	unit_is_text("the first", unit_log(),
		     "4 handlers killed: 1, the last by signal 9 (Killed)\n");
	for (int i = 0; i < 1000; i++)
		report_killed(6);
	assert_false(later(MINUTE - 1, 0));
	unit_is_text("a flood", unit_log(), "");
	assert_true(later(1, 0));
	unit_is_text("a minute later", unit_log(),
		     "4 handlers killed: 1000, the last by signal 6 (Aborted)\n");
}

static void test_status(void **state)
{
	(void)state;
	later(MINUTE, 0);
	later(MINUTE, 0);
	while (*told())
		;
	assert_true(later(0, 0));
	unit_is_text("nothing new", told(), "");
	assert_false(later(0, 1));
	assert_false(later(REPORT_TIME - 1, 2));
	unit_is_text("something new", told(), "");
	assert_true(later(1, 3));
	unit_is_text("a second later", told(),
		     "STATUS=handlers running: 3 of 10; connections turned away: 2003");
	assert_false(later(REPORT_TIME, 4));
	assert_true(later(0, 3));
	assert_true(later(REPORT_TIME, 3));
	unit_is_text("what came and went in a second", told(), "");
	refuse(1);
	later(0, 3);
	later(REPORT_TIME, 3);
	unit_is_text("a refusal", told(),
		     "STATUS=handlers running: 3 of 10; connections turned away: 2004");
}

int main(void)
{
	be_manager();
	inet_pton(AF_INET, "127.0.0.1", &peer.in.sin_addr);
	unit_add("failures", test_failure, NULL);
	unit_add("refusals", test_refusals, NULL);
	unit_add("handlers that are killed", test_killed, NULL);
	unit_add("the status", test_status, NULL);
	return unit_run();
}
