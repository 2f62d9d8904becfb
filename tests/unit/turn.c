// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has the turn, who waits for it, and who need not, in a network namespace of our own. */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "fake-clock.h"
#include "turn.h"
#include "unit.h"

static struct turn first, later;
static int looks;
static bool was_taken;

/* Only then the locks of tests that run at the same time are others. */
static void enter_namespace(void)
{
	const int ret = unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET);

	if (ret < 0)
		skip(); /* this machine does not let us */
	fake_ms = 0;
	fake_on_ms = NULL;
	looks = 0;
}

static void test_first(void **state)
{
	(void)state;
	enter_namespace();
	for (int i = 0; i < 2; i++) {
		assert_true(turn_take(&first, "a"));
		assert_true(first.is_first);
		turn_end(&first);
		assert_int_equal(first.fd, -1);
	}
}

/* While one waits, another one of its name need not; one of another name does. */
static void look_who_waits(void)
{
	struct turn other;

	fake_on_ms = NULL;
	was_taken = turn_take(&other, "a");
	assert_int_equal(other.fd, -1);
	turn_end(&first);
}

static void test_next(void **state)
{
	(void)state;
	enter_namespace();
	assert_true(turn_take(&first, "a"));
	was_taken = true;
	fake_on_ms = look_who_waits;
	assert_true(turn_take(&later, "a"));
	assert_false(was_taken);
	assert_false(later.is_first);
	turn_end(&later);
}

static void end_later(void)
{
	fake_on_ms = NULL;
	turn_end(&later);
}

/* Who has its turn does not wait any more: another one has to. */
static void test_waits_no_more(void **state)
{
	struct turn next;

	(void)state;
	enter_namespace();
	assert_true(turn_take(&first, "a"));
	fake_on_ms = look_who_waits;
	assert_true(turn_take(&later, "a"));
	fake_on_ms = end_later;
	assert_true(turn_take(&next, "a"));
	assert_false(next.is_first);
	turn_end(&next);
}

static void let_a_second_pass(void)
{
	looks++;
	fake_ms += 1000;
}

/* Whoever holds the turn for ever: after five minutes it is taken all the same. */
static void test_deadline(void **state)
{
	(void)state;
	enter_namespace();
	assert_true(turn_take(&first, "a"));
	fake_on_ms = let_a_second_pass;
	assert_true(turn_take(&later, "a"));
	assert_false(later.is_first);
	/* One look at the clock tells the deadline. */
	assert_int_equal(looks, 301);
	turn_end(&later);
	looks = 0;
	turn_wait(&later, 5);
	assert_int_equal(looks, 6);
	turn_end(&later);
	turn_end(&first);
}

int main(void)
{
	unit_add("nobody has the turn", test_first, NULL);
	unit_add("one waits", test_next, NULL);
	unit_add("nobody waits any more", test_waits_no_more, NULL);
	unit_add("it is never given back", test_deadline, NULL);
	return unit_run();
}
