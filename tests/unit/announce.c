// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who announces what, and how often it is repeated. The kernel is in memory; the turns, the routing
 * daemons and sleep(3) are played here.
 */
#include <unistd.h>

#include "announce.h"
#include "config.h"
#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "mesh.h"
#include "turn.h"
#include "unit.h"

enum { GROUP = 40000 };

static char prefix[] = "wgpeer";
static const struct config config = { .prefix = prefix, .group = GROUP, .slots = 100 };

/* What the daemons say to each call, from the first on; the last is repeated. */
static const int *answers;
static bool is_configured, is_first, is_taken;
/* During how many more sleeps an interface is made. */
static unsigned int storm;

static int next_answer(void)
{
	const int answer = *answers;

	if (answers[1] != 1)
		answers++;
	return answer;
}

bool mesh_is_configured(const struct config *same)
{
	(void)same;
	return is_configured;
}

int mesh_announce(const struct config *same, const char *ifname)
{
	(void)same;
	fake_record("announce %s", ifname);
	return next_answer();
}

int mesh_withdraw(const struct config *same, const bool withdrawn[static SLOT_END])
{
	(void)same;
	fake_record("withdraw%s", withdrawn[3] ? " 3" : "");
	return 0;
}

int mesh_sync(const struct config *same, struct mesh_sync *sync)
{
	char text[80] = "";
	size_t len = 0;

	(void)same;
	for (unsigned int slot = 0; slot < SLOT_END; slot++)
		if (sync->wanted[slot])
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u", slot);
	fake_record("sync%s%s", text, sync->dry_run ? " dry" : "");
	fake_record(sync->gone(sync->argument, 9) ? "9 is gone" : "9 is there");
	sync->told = 7;
	return next_answer();
}

bool turn_take(struct turn *turn, const char *name)
{
	fake_record("take %s", name);
	*turn = (struct turn){ .is_first = is_first };
	return !is_taken;
}

void turn_wait(struct turn *turn, unsigned int seconds)
{
	fake_record("wait %u", seconds);
	*turn = (struct turn){ .is_first = is_first };
}

void turn_end(struct turn *turn)
{
	(void)turn;
	fake_record("end");
}

unsigned int sleep(unsigned int seconds)
{
	char name[IFNAMSIZ];

	fake_record("sleep %u", seconds);
	fake_ms += seconds * 1000;
	if (storm > 0) {
		storm--;
		snprintf(name, sizeof(name), "wgpeer%u", 50 + storm);
		fake_add(name)->link.group = GROUP;
	}
	return 0;
}

/* Interfaces 1 and 3 are complete, 2 is down, 4 has no key. */
static void begin(const int *what_they_say)
{
	static const char *const names[] = { "wgpeer1", "wgpeer2", "wgpeer3", "wgpeer4" };
	char altname[KEY_ALTNAME_SIZE];
	uint8_t key[KEY_LEN];

	fake_reset();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fake_interface *interface = fake_add(names[i]);

		interface->link.group = GROUP;
		interface->link.up = i != 1;
		fake_key(key, (uint8_t)(i + 1));
		key_to_altname(altname, "wgpeer", key);
		if (i != 3)
			fake_add_altname(interface, altname);
	}
	answers = what_they_say;
	is_configured = is_first = true;
	is_taken = false;
	(void)fake_calls();
	(void)unit_log();
}

#define LOOK "open, list, close, sleep 3, "
#define QUIET LOOK "open, list, close, "
#define SYNC "open, list, sync 1 3, find wgpeer9, 9 is gone, close"

static const struct row {
	const char *name;
	bool nothing_configured, is_second, is_taken;
	unsigned int storm;
	int answers[10]; /* up to a 1 */
	const char *want;
} rows[] = {
	{ "alone", .answers = { 0, 1 }, .want = "take wgpeer, announce wgpeer3, end" },
	{ "no daemon", .nothing_configured = true, .answers = { 0, 1 }, .want = "" },
	{ "another one waits", .is_taken = true, .answers = { 0, 1 }, .want = "take wgpeer" },
	{ "after a wait", .is_second = true, .answers = { 0, 1 },
	  .want = "take wgpeer, " QUIET SYNC ", end" },
	{ "in a storm", .is_second = true, .storm = 2, .answers = { 0, 1 },
	  .want = "take wgpeer, " LOOK LOOK QUIET SYNC ", end" },
	{ "in an endless storm", .is_second = true, .storm = 20, .answers = { 0, 1 },
	  .want = "take wgpeer, " LOOK LOOK LOOK LOOK LOOK LOOK LOOK LOOK SYNC ", end" },
	{ "the second try", .answers = { -ERR_FAILURE, 0, 1 },
	  .want = "take wgpeer, announce wgpeer3, sleep 1, " SYNC ", end" },
	{ "the third try", .is_second = true, .answers = { -ERR_FAILURE, -ERR_FAILURE, 0, 1 },
	  .want = "take wgpeer, " QUIET SYNC ", sleep 1, " SYNC ", sleep 2, " SYNC ", end" },
	{ "a daemon that does not run", .answers = { -ERR_ABSENT, 1 },
	  .want = "take wgpeer, announce wgpeer3, end" },
	{ "the fifth try",
	  .answers = { -ERR_FAILURE, -ERR_FAILURE, -ERR_FAILURE, -ERR_FAILURE, 0, 1 },
	  .want = "take wgpeer, announce wgpeer3, sleep 1, " SYNC ", sleep 2, " SYNC
		  ", sleep 4, " SYNC ", sleep 4, " SYNC ", end" },
	{ "a daemon that ends meanwhile", .answers = { -ERR_FAILURE, -ERR_ABSENT, 1 },
	  .want = "take wgpeer, announce wgpeer3, sleep 1, " SYNC ", end" },
};

static void test_announce(void **state)
{
	const struct row *row = *state;

	begin(row->answers);
	is_configured = !row->nothing_configured;
	storm = row->storm;
	is_first = !row->is_second;
	is_taken = row->is_taken;
	announce(&config, "wgpeer3");
	unit_is_text("calls", fake_calls(), row->want);
}

/* Sleeps of 1, 2 and then 4 s add up to 243 s with the 62nd. */
static void test_in_vain(void **state)
{
	static const int stuck[] = { -ERR_FAILURE, 1 };
	const char *calls;
	int sleeps = 0;

	(void)state;
	begin(stuck);
	announce(&config, "wgpeer3");
	calls = fake_calls();
	for (const char *found = strstr(calls, "sleep"); found; found = strstr(found + 1, "sleep"))
		sleeps++;
	assert_int_equal(sleeps, 62);
	assert_string_equal(calls + strlen(calls) - strlen(", close, end"), ", close, end");
}

static void test_all(void **state)
{
	static const int fine[] = { 0, 1 }, stuck[] = { -ERR_FAILURE, 1 };
	unsigned int told = 99;

	(void)state;
	begin(fine);
	unit_is_int("returned", announce_all(&config, false, &told), 0);
	unit_is_int("told", told, 7);
	unit_is_text("calls", fake_calls(), "wait 30, " SYNC ", end");
	begin(stuck);
	unit_is_int("returned", announce_all(&config, true, &told), -ERR_FAILURE);
	unit_is_text("calls", fake_calls(),
		     "wait 30, open, list, sync 1 3 dry, find wgpeer9, 9 is gone, close, end");
	begin(fine);
	is_configured = false;
	unit_is_int("returned", announce_all(&config, false, &told), 0);
	unit_is_int("told", told, 0);
	unit_is_text("calls", fake_calls(), "");
}

/* What the kernel does not tell, no daemon is told. */
static void test_no_list(void **state)
{
	static const int fine[] = { 0, 1 };
	unsigned int told = 99;

	(void)state;
	begin(fine);
	fake_fail("list", 1, -ERR_FAILURE);
	unit_is_int("returned", announce_all(&config, false, &told), -ERR_FAILURE);
	unit_is_int("told", told, 0);
	unit_is_text("calls", fake_calls(), "wait 30, open, list, close, end");
}

/* What the kernel does not answer is not gone. */
static void test_perhaps_gone(void **state)
{
	static const int fine[] = { 0, 1 };
	unsigned int told;

	(void)state;
	begin(fine);
	fake_fail("find", 1, -ERR_FAILURE);
	unit_is_int("returned", announce_all(&config, false, &told), 0);
	unit_is_text("calls", fake_calls(),
		     "wait 30, open, list, sync 1 3, find wgpeer9, 9 is there, close, end");
}

static void test_withdraw(void **state)
{
	static const bool withdrawn[SLOT_END] = { [3] = true };
	static const int fine[] = { 0, 1 };

	(void)state;
	begin(fine);
	announce_withdraw(&config, withdrawn);
	unit_is_text("calls", fake_calls(), "wait 30, withdraw 3, end");
	is_configured = false;
	announce_withdraw(&config, withdrawn);
	unit_is_text("calls", fake_calls(), "");
}

int main(void)
{
	UNIT_TABLE(test_announce, rows);
	unit_add("in vain", test_in_vain, NULL);
	unit_add("all", test_all, NULL);
	unit_add("no list", test_no_list, NULL);
	unit_add("perhaps gone", test_perhaps_gone, NULL);
	unit_add("withdraw", test_withdraw, NULL);
	return unit_run();
}
