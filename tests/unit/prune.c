// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which interfaces go, on a kernel in memory, and in which order the kernel and the routing daemons
 * are told. announce.c and deadline.c are played here.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/lists.h"
#include "admin/prune.h"
#include "access.h"
#include "announce.h"
#include "config.h"
#include "deadline.h"
#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "peer.h"
#include "session.h"
#include "slot.h"
#include "unit.h"

enum { GROUP = 40000, NODE = 50 }; /* plus the slot: first byte of a node's key */

static char prefix[] = "wgpeer";
static char secret[64]; /* path of the private key's file */
static int key_file = -1;
static struct config config;
static struct access lists;
static struct wgif_kernel *kernel;

static unsigned int told;     /* what announce_all() sets */
static int announced;	      /* what it returns */
static unsigned int patience; /* seconds of the deadline */
static timer_t timer;

/* Adds the slots that are set to the calls. */
static void record_slots(const char *verb, const bool *slots)
{
	char text[80] = "";
	size_t len = 0;

	for (unsigned int slot = 0; slot < SLOT_END; slot++)
		if (slots[slot])
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u", slot);
	fake_record("%s%s", verb, text);
}

void announce_withdraw(const struct config *same, const bool withdrawn[static SLOT_END])
{
	(void)same;
	record_slots("withdraw", withdrawn);
}

static void (*before_sync)(void);

int announce_all(const struct config *same, bool dry_run, unsigned int *count)
{
	(void)same;
	fake_record("sync%s", dry_run ? " dry" : "");
	if (before_sync)
		before_sync();
	*count = told;
	return announced;
}

static void ignore(int signal)
{
	(void)signal;
}

/* It passes at once. */
void deadline_set(unsigned int seconds)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 20000000,
					 .it_interval.tv_nsec = 20000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = ignore };

	patience = seconds;
	sigaction(SIGUSR1, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		abort();
	timer_settime(timer, 0, &soon, NULL);
}

void deadline_end(void)
{
	timer_delete(timer);
}

static char no_list[] = "", list[] = "/deny";

static void begin(void)
{
	snprintf(secret, sizeof(secret), "%s", unit_file("", 0, 0400));
	config = (struct config){
		.prefix = prefix,
		.group = GROUP,
		.slots = 5,
		.private_key = secret,
		.allow_keys = no_list,
		.deny_keys = list,
	};
	if (lists.deny > 0 && lists.deny < 1000)
		close(lists.deny);
	lists = (struct access){ .config = &config, .allow = -1, .deny = -1 };
	if (key_file >= 0)
		close(key_file);
	key_file = open(secret, O_RDONLY | O_CLOEXEC);
	kernel = fake_reset();
	fake_moment = (struct moment){ .boot = 5000, .wall = 1795370000 };
	told = 0;
	announced = 0;
	(void)unit_log();
}

static const struct reason_row {
	const char *name;
	int64_t age;   /* of the handshake, or -1 */
	int64_t asked; /* seconds ago */
	bool is_down, lacks_key, lacks_peer;
	const char *want; /* NULL if it stays */
} reasons[] = {
	{ "a handshake just now", .age = 0, .asked = 0 },
	{ "600 s ago", .age = 600, .asked = 4000 },
	{ "601 s ago", .age = 601, .asked = 4000, .want = "no handshake for 601 s" },
	{ "601 s ago, though it has asked since", .age = 601, .asked = 10,
	  .want = "no handshake for 601 s" },
	{ "never, asked just now", .age = -1, .asked = 0 },
	{ "never, asked 300 s ago", .age = -1, .asked = 300 },
	{ "never, asked 301 s ago", .age = -1, .asked = 301,
	  .want = "asked for 301 s ago, never had a handshake" },
	{ "just now, and down", .age = 0, .asked = 0, .is_down = true, .want = "half-made" },
	{ "just now, without a key", .age = 0, .asked = 0, .lacks_key = true, .want = "half-made" },
	{ "never, without a peer", .age = -1, .asked = 0, .lacks_peer = true, .want = "half-made" },
	{ "601 s ago, and down", .age = 601, .asked = 4000, .is_down = true, .want = "half-made" },
};

static void test_reason(void **state)
{
	const struct reason_row *row = *state;
	const struct session session = {
		.link = { .up = !row->is_down, .has_key = !row->lacks_key },
		.device.has_peer = !row->lacks_peer,
		.note = { .asked = 5000 - row->asked,
			  .handshake = row->age < 0 ? 0 : 5000 - row->age,
			  .stamp = row->age < 0 ? 0 : 1795370000 - row->age },
		.now = { .boot = 5000, .wall = 1795370000 },
	};
	char reason[PRUNE_REASON_SIZE] = "";

	unit_is_int("goes", prune_reason(reason, &session), row->want != NULL);
	unit_is_text("reason", reason, row->want ? row->want : "");
}

/* A complete interface, whose note knows the handshake so many seconds ago, or of none. */
static struct fake_interface *add(unsigned int slot, int64_t age)
{
	struct note note = { .asked = 4000,
			     .looked = 5000,
			     .handshake = age < 0 ? 0 : fake_moment.boot - age,
			     .stamp = age < 0 ? 0 : fake_moment.wall - age,
			     .clock = fake_moment.wall - fake_moment.boot };
	struct fake_interface *interface;
	char name[KEY_ALTNAME_SIZE];

	slot_ifname(name, &config, slot);
	interface = fake_add(name);
	fake_key(interface->peer_key, (uint8_t)(NODE + slot));
	key_to_altname(name, "wgpeer", interface->peer_key);
	fake_add_altname(interface, name);
	interface->link.group = GROUP;
	interface->link.up = true;
	interface->device.has_peer = true;
	interface->device.handshake = note.stamp;
	note_format(interface->link.alias, &note);
	return interface;
}

/* What there is when a pass begins. */

static void nothing(void)
{
}

static void a_live_one(void)
{
	add(1, 10);
}

static void a_dead_one(void)
{
	add(1, 601);
}

static void one_that_is_down(void)
{
	add(1, 10)->link.up = false;
}

static void one_without_a_key(void)
{
	add(1, 10)->altnames[0][0] = '\0';
}

static void shake(void)
{
	fake_find("wgpeer1")->device.handshake = fake_moment.wall;
}

static void a_dead_one_that_revives(void)
{
	a_dead_one();
	fake_before("get", 2, shake);
}

static void one_with_a_new_handshake(void)
{
	add(1, 500);
	shake();
}

static void one_without_a_note(void)
{
	add(1, -1)->link.alias[0] = '\0';
}

static void one_without_a_note_after_boot(void)
{
	fake_moment.boot = 15;
	one_without_a_note();
}

static void one_with_a_note_from_the_future(void)
{
	const struct note note = { .asked = 5001 };

	note_format(add(1, -1)->link.alias, &note);
}

static void used_one_without_a_note(void)
{
	add(1, 200)->link.alias[0] = '\0';
}

static void remove_it(void)
{
	memset(fake_find("wgpeer1"), 0, sizeof(struct fake_interface));
}

static void one_that_goes(void)
{
	a_dead_one();
	fake_before("find", 1, remove_it);
}

static void one_that_goes_later(void)
{
	a_dead_one();
	fake_before("get", 1, remove_it);
}

static void one_that_goes_last(void)
{
	a_dead_one();
	fake_before("get", 2, remove_it);
}

static void change_group(void)
{
	fake_find("wgpeer1")->link.group = 0;
}

static void one_that_becomes_foreign(void)
{
	a_dead_one();
	fake_before("find", 1, change_group);
}

static void foreign_ones(void)
{
	add(1, 601)->link.group = 0;
	add(2, 601)->link.wireguard = false;
	strcpy(add(3, 601)->link.name, "wgpeer03");
}

static void some(void)
{
	add(10, -1);
	add(2, 700);
	add(4, 10);
	add(3, 10)->device.has_peer = false;
}

static void two_and_a_dead_one(void)
{
	add(1, 10);
	add(2, 700);
	add(3, 700);
}

static void one_with_an_alias(void)
{
	strcpy(add(1, 10)->link.alias, "node of the town hall");
}

static void a_live_one_with_the_marker(void)
{
	fake_add_altname(add(1, 10), "wgpeer-full-5");
}

static void the_marker_of_another_limit(void)
{
	fake_add_altname(add(1, 10), "wgpeer-full-4");
}

static void daemons_to_tell(void)
{
	a_live_one();
	told = 3;
}

static void a_stuck_daemon(void)
{
	a_live_one();
	told = 2;
	announced = -ERR_FAILURE;
}

static int dry_run(void)
{
	return prune(kernel, &config, &lists, key_file, true);
}

static int real_run(void)
{
	return prune(kernel, &config, &lists, key_file, false);
}

static void one_of_another_group(void)
{
	a_live_one();
	fake_find("wgpeer1")->link.group = 0;
}

static void rename_to_town(void)
{
	strcpy(fake_find("wgpeer1")->link.name, "town");
}

static void one_of_another_name(void)
{
	a_live_one();
	rename_to_town();
}

static void one_that_is_renamed(void)
{
	a_live_one();
	fake_before("find", 4, rename_to_town);
}

/* A handler gives its interface to another node. */
static void give_away(void)
{
	struct fake_interface *interface = fake_find("wgpeer1");

	fake_key(interface->peer_key, NODE + 3);
	key_to_altname(interface->altnames[0], "wgpeer", interface->peer_key);
}

static void one_that_is_given_away(void)
{
	a_live_one();
	fake_before("find", 4, give_away);
}

static void rename_it(void)
{
	strcpy(fake_find("wgpeer1")->link.name, "wgpeer4");
}

static void one_that_moves(void)
{
	a_live_one();
	fake_before("find", 4, rename_it);
}

/* Whose key is not permitted. */
static void a_denied_one(void)
{
	static char path[256];
	uint8_t key[KEY_LEN];

	a_live_one();
	snprintf(path, sizeof(path), "%s", unit_path("deny"));
	(void)mkdir(path, 0755);
	fake_key(key, NODE + 1);
	assert_int_equal(list_change("DENYKEYS", path, key, false), 0);
	config.deny_keys = path;
	assert_int_equal(access_open(&lists, &config), 0);
}

/* Which is no directory. */
static void an_unreadable_list(void)
{
	a_live_one();
	lists.deny = 1000;
}

/* Of the peers of the first slots, the first of them twice, and of one that is not there. */
static int kick_some(void)
{
	uint8_t keys[3][KEY_LEN];

	fake_key(keys[0], NODE + 1);
	fake_key(keys[1], NODE + 1);
	fake_key(keys[2], NODE + 2);
	return kick(kernel, &config, key_file, keys, 3);
}

static int flush_all(void)
{
	return flush(kernel, &config, key_file);
}

#define PRUNED(removed, kept)                                                                      \
	"6 pruned: " removed " removed, " kept " kept, 0 told to routing daemons\n"
#define WOULD(removed, kept)                                                                       \
	"would remove " removed ", keep " kept ", and tell routing daemons of 0\n"
#define LEFT(count) "3 left as they are, after errors: " count "\n"
#define NOT_OURS "3 no interface of ours has the key MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM=\n"
#define KICKED_NONE                                                                                \
	"3 no interface of ours has the key NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ=\n"        \
	"6 kicked: 0 removed\n"
#define LOOK "list, find wgpeer1, get wgpeer1, "
#define STAYS LOOK "alias wgpeer1, "
#define NO_MARKER "find wgpeer-full-5, "

static const struct pass_row {
	const char *name;
	int (*run)(void);
	void (*arrange)(void);
	const char *failing; /* a verb */
	int nth;	     /* call of it */
	int want;
	const char *calls, *log, *output;
} passes[] = {
	{ "nothing there", real_run, nothing, .calls = "list, " NO_MARKER "sync",
	  .log = PRUNED("0", "0") },
	{ "a live one stays", real_run, a_live_one, .calls = STAYS NO_MARKER "sync",
	  .log = PRUNED("0", "1") },
	{ "one that is denied goes, though it is live", real_run, a_denied_one,
	  .calls = LOOK "drop wgpeer1 key51, withdraw 1, open, delete wgpeer1, close, " NO_MARKER
			"sync",
	  .log = PRUNED("1", "0") },
	{ "while a list cannot be read all stay", real_run, an_unreadable_list, .want = -ERR_CONFIG,
	  .calls = LOOK NO_MARKER "sync",
	  .log = "3 unable to look up keys in /deny: Bad file descriptor\n" LEFT("1") },
	{ "a dead one goes", real_run, a_dead_one,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, delete wgpeer1, "
			"close, " NO_MARKER "sync",
	  .log = PRUNED("1", "0") },
	{ "one that is down goes", real_run, one_that_is_down,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, delete wgpeer1, "
			"close, " NO_MARKER "sync",
	  .log = PRUNED("1", "0") },
	{ "one without a key goes", real_run, one_without_a_key,
	  .calls = LOOK "withdraw 1, open, delete wgpeer1, close, " NO_MARKER "sync",
	  .log = PRUNED("1", "0") },
	{ "a dead one revives in time", real_run, a_dead_one_that_revives,
	  .calls = LOOK
	  "drop wgpeer1 key51, get wgpeer1, add wgpeer1 key51, alias wgpeer1, " NO_MARKER "sync",
	  .log = PRUNED("0", "1") },

	{ "a new handshake is noted", real_run, one_with_a_new_handshake,
	  .calls = STAYS NO_MARKER "sync", .log = PRUNED("0", "1") },
	{ "a note is made", real_run, one_without_a_note, .calls = STAYS NO_MARKER "sync",
	  .log = PRUNED("0", "1") },
	{ "one from the future is replaced", real_run, one_with_a_note_from_the_future,
	  .calls = STAYS NO_MARKER "sync", .log = PRUNED("0", "1") },
	{ "it cannot be written", real_run, one_without_a_note, "alias", 1, -ERR_FAILURE,
	  .calls = STAYS NO_MARKER "sync", .log = "3 unable to alias wgpeer1\n" LEFT("1") },

	{ "gone after the list", real_run, one_that_goes,
	  .calls = "list, find wgpeer1, " NO_MARKER "sync", .log = PRUNED("0", "0") },
	{ "gone after the look at the link", real_run, one_that_goes_later,
	  .calls = LOOK NO_MARKER "sync", .log = PRUNED("0", "0") },
	{ "gone before the last look", real_run, one_that_goes_last,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, delete wgpeer1, "
			"close, " NO_MARKER "sync",
	  .log = PRUNED("1", "0") },
	{ "another's after the list", real_run, one_that_becomes_foreign,
	  .calls = "list, find wgpeer1, " NO_MARKER "sync", .log = PRUNED("0", "0") },
	{ "those of others stay", real_run, foreign_ones, .calls = "list, " NO_MARKER "sync",
	  .log = PRUNED("0", "0") },
	{ "and are not flushed", flush_all, foreign_ones, .calls = "list, " NO_MARKER "sync",
	  .log = "6 flushed: 0 removed\n" },

	{ "the marker is cleared", real_run, a_live_one_with_the_marker,
	  .calls = STAYS NO_MARKER "drop wgpeer1 wgpeer-full-5, sync", .log = PRUNED("0", "1") },
	{ "that of another limit stays", real_run, the_marker_of_another_limit,
	  .calls = STAYS NO_MARKER "sync", .log = PRUNED("0", "1") },
	{ "it cannot be looked up", real_run, a_live_one, "find", 2, -ERR_FAILURE,
	  .calls = STAYS NO_MARKER "sync", .log = "3 unable to find wgpeer-full-5\n" },
	{ "it cannot be cleared", real_run, a_live_one_with_the_marker, "drop", 1, -ERR_FAILURE,
	  .calls = STAYS NO_MARKER "drop wgpeer1 wgpeer-full-5, sync",
	  .log = "3 unable to drop wgpeer1 wgpeer-full-5\n" },

	{ "daemons are told", real_run, daemons_to_tell, .calls = STAYS NO_MARKER "sync",
	  .log = "6 pruned: 0 removed, 1 kept, 3 told to routing daemons\n" },
	{ "a stuck daemon is no failure", real_run, a_stuck_daemon, .calls = STAYS NO_MARKER "sync",
	  .log = "6 pruned: 0 removed, 1 kept, 2 told to routing daemons\n" },

	{ "no list", real_run, a_dead_one, "list", 1, -ERR_FAILURE, .calls = "list",
	  .log = "3 unable to list\n" },
	{ "no first look", real_run, a_dead_one, "find", 1, -ERR_FAILURE,
	  .calls = "list, find wgpeer1, " NO_MARKER "sync",
	  .log = "3 unable to find wgpeer1\n" LEFT("1") },
	{ "the altname cannot be dropped", real_run, one_that_is_down, "drop", 1, -ERR_FAILURE,
	  .calls = LOOK "drop wgpeer1 key51, " NO_MARKER "sync",
	  .log = "3 unable to drop wgpeer1 key51\n" LEFT("1") },
	{ "no last look: what lost its altname goes", real_run, a_dead_one, "get", 2,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, delete wgpeer1, "
			"close, " NO_MARKER "sync",
	  .log = "3 unable to get wgpeer1\n" PRUNED("1", "0") },
	{ "it cannot be deleted", real_run, a_dead_one, "delete", 1, -ERR_FAILURE,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, delete wgpeer1, "
			"close, " NO_MARKER "sync" },
	{ "no sockets for that", real_run, a_dead_one, "open", 1, -ERR_FAILURE,
	  .calls = LOOK "drop wgpeer1 key51, get wgpeer1, withdraw 1, open, close, " NO_MARKER
			"sync" },
	{ "an error is no reason to leave out the others", real_run, two_and_a_dead_one, "get", 2,
	  -ERR_FAILURE,
	  .calls = "list, find wgpeer1, get wgpeer1, alias wgpeer1, find wgpeer2, get wgpeer2, "
		   "find wgpeer3, get wgpeer3, drop wgpeer3 key53, get wgpeer3, withdraw 3, open, "
		   "delete wgpeer3, close, " NO_MARKER "sync",
	  .log = "3 unable to get wgpeer2\n" LEFT("1") },

	{ "a dry run of nothing", dry_run, nothing, .calls = "list, sync dry",
	  .output = WOULD("0", "0") },
	{ "of some", dry_run, some,
	  .calls = "list, find wgpeer2, get wgpeer2, find wgpeer3, get wgpeer3, find wgpeer4, "
		   "get wgpeer4, find wgpeer10, get wgpeer10, sync dry",
	  .output = "would remove wgpeer2: no handshake for 700 s\n"
		    "would remove wgpeer3: half-made\n"
		    "would remove wgpeer10: asked for 1000 s ago, never had a handshake\n" WOULD(
			    "3", "1") },
	{ "of one with a new handshake", dry_run, one_with_a_new_handshake,
	  .calls = LOOK "sync dry", .output = WOULD("0", "1") },
	{ "of one that is denied", dry_run, a_denied_one, .calls = LOOK "sync dry",
	  .output = "would remove wgpeer1: its key is not permitted\n" WOULD("1", "0") },
	{ "of one without a note", dry_run, one_without_a_note, .calls = LOOK "sync dry",
	  .output = WOULD("0", "1") },
	{ "of a full gateway", dry_run, a_live_one_with_the_marker, .calls = LOOK "sync dry",
	  .output = WOULD("0", "1") },
	{ "that fails", dry_run, a_live_one, "get", 1, -ERR_FAILURE, .calls = LOOK "sync dry",
	  .log = "3 unable to get wgpeer1\n" LEFT("1") },

	{ "a kick of one live peer", kick_some, a_live_one, .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, find key51, get wgpeer1, "
		   "drop wgpeer1 key51, withdraw 1, open, delete wgpeer1, close, " NO_MARKER "sync",
	  .log = "3 no interface of ours has the key "
		 "NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ=\n6 kicked: 1 removed\n" },
	{ "of one that is not ours", kick_some, one_of_another_group, .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, " NO_MARKER "sync",
	  .log = NOT_OURS NOT_OURS KICKED_NONE },
	{ "of one with another name", kick_some, one_of_another_name, .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, " NO_MARKER "sync",
	  .log = NOT_OURS NOT_OURS KICKED_NONE },
	{ "of one that is another node's by now", kick_some, one_that_is_given_away,
	  .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, find key51, " NO_MARKER "sync",
	  .log = KICKED_NONE },
	{ "of one that moves to another slot", kick_some, one_that_moves, .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, find key51, get wgpeer4, "
		   "drop wgpeer4 key51, withdraw 4, open, delete wgpeer4, close, " NO_MARKER "sync",
	  .log = "3 no interface of ours has the key "
		 "NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ=\n6 kicked: 1 removed\n" },
	{ "of one that an operator renames", kick_some, one_that_is_renamed, .want = -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, find key51, get town, " NO_MARKER "sync",
	  .log = KICKED_NONE },
	{ "that fails to find one", kick_some, a_live_one, "find", 1, -ERR_FAILURE,
	  .calls = "find key51, find key51, find key52, find key51, get wgpeer1, "
		   "drop wgpeer1 key51, withdraw 1, open, delete wgpeer1, close, " NO_MARKER "sync",
	  .log = "3 unable to find key51\n3 no interface of ours has the key "
		 "NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ=\n6 kicked: 1 removed\n" },

	{ "a flush of nothing", flush_all, nothing, .calls = "list, " NO_MARKER "sync",
	  .log = "6 flushed: 0 removed\n" },
	{ "of a live one", flush_all, a_live_one,
	  .calls = LOOK "drop wgpeer1 key51, withdraw 1, open, delete wgpeer1, close, " NO_MARKER
			"sync",
	  .log = "6 flushed: 1 removed\n" },
	{ "of one without a key", flush_all, one_without_a_key,
	  .calls = LOOK "withdraw 1, open, delete wgpeer1, close, " NO_MARKER "sync",
	  .log = "6 flushed: 1 removed\n" },
	{ "that fails", flush_all, a_live_one, "delete", 1, -ERR_FAILURE,
	  .calls = LOOK "drop wgpeer1 key51, withdraw 1, open, delete wgpeer1, close, " NO_MARKER
			"sync" },
};

static void test_pass(void **state)
{
	const struct pass_row *row = *state;
	int ret;

	begin();
	row->arrange();
	if (row->failing)
		fake_fail(row->failing, row->nth, -ERR_FAILURE);
	unit_capture();
	ret = row->run();
	unit_is_text("output", unit_captured(), row->output ? row->output : "");
	unit_is_int("result", ret, row->want);
	unit_is_text("calls", fake_calls(), row->calls);
	unit_is_text("log", unit_log(), row->log ? row->log : "");
}

/* What is written of an interface that stays. */
static const struct note_row {
	const char *name;
	void (*arrange)(void);
	const char *want; /* the alias after the pass */
} notes[] = {
	{ "a new handshake", one_with_a_new_handshake,
	  "wg-broker asked=4000 since=0 looked=5000 handshake=5000 stamp=1795370000 clock=1795365000" },
	{ "no note: not fresh, but in time", one_without_a_note,
	  "wg-broker asked=4985 since=4985 looked=5000 handshake=0 stamp=0 clock=1795365000" },
	{ "no note, 15 s after boot", one_without_a_note_after_boot,
	  "wg-broker asked=-1 since=-1 looked=15 handshake=0 stamp=0 clock=1795369985" },
	{ "one from the future", one_with_a_note_from_the_future,
	  "wg-broker asked=4985 since=4985 looked=5000 handshake=0 stamp=0 clock=1795365000" },
	{ "no note of one that is used", used_one_without_a_note,
	  "wg-broker asked=0 since=0 looked=5000 handshake=4800 stamp=1795369800 clock=1795365000" },
	{ "nothing new", a_live_one,
	  "wg-broker asked=4000 since=0 looked=5000 handshake=4990 stamp=1795369990 clock=1795365000" },
	{ "an operator's words stay", one_with_an_alias, "node of the town hall" },
};

static void test_note(void **state)
{
	const struct note_row *row = *state;

	begin();
	row->arrange();
	unit_is_int("result", real_run(), 0);
	unit_is_text("alias", fake_find("wgpeer1")->link.alias, row->want);
}

/* One that revives has all it had. */
static void test_revived(void **state)
{
	(void)state;
	begin();
	a_dead_one_that_revives();
	unit_is_int("result", real_run(), 0);
	assert_non_null(fake_find("wgpeerMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="));
}

/* More than there are processes to delete them. */
static void test_many(void **state)
{
	char name[IFNAMSIZ];
	const char *calls;

	(void)state;
	begin();
	config.slots = 20;
	for (unsigned int slot = 1; slot <= 11; slot++)
		add(slot, slot == 7 ? 10 : 1000);
	unit_is_int("result", real_run(), 0);
	for (unsigned int slot = 1; slot <= 11; slot++) {
		slot_ifname(name, &config, slot);
		unit_is_int(name, fake_find(name) != NULL, slot == 7);
	}
	calls = strstr(fake_calls(), "withdraw");
	assert_non_null(calls);
	unit_is_int("slots withdrawn", strncmp(calls, "withdraw 1 2 3 4 5 6 8 9 10 11, open", 36),
		    0);
	unit_is_text("log", unit_log(), PRUNED("10", "1"));
}

static void look_at_lock(void)
{
	const int fd = open(secret, O_RDONLY | O_CLOEXEC);

	fake_record("%s", flock(fd, LOCK_EX | LOCK_NB) < 0 ? "locked" : "free");
	close(fd);
}

static const struct locked_row {
	const char *name, *verb; /* when to look */
	int nth;
	const char *want;
} locked[] = {
	{ "not for the list", "list", 1, "free" },
	{ "for each look", "find", 1, "locked" },
	{ "until the altname is dropped", "drop", 1, "locked" },
	{ "and the last look is over", "get", 2, "locked" },
	{ "not while it is deleted", "delete", 1, "free" },
	{ "for the marker", "find", 2, "locked" },
	{ "not while daemons are told", "sync", 1, "free" },
};

static void test_locked(void **state)
{
	const struct locked_row *row = *state;

	begin();
	a_dead_one();
	if (strcmp(row->verb, "sync") == 0)
		before_sync = look_at_lock;
	else
		fake_before(row->verb, row->nth, look_at_lock);
	unit_is_int("result", real_run(), 0);
	before_sync = NULL;
	if (!strstr(fake_calls(), row->want))
		unit_is_text("lock", "not so", row->want);
	look_at_lock();
	unit_is_text("lock afterwards", fake_calls(), "free");
}

static int taken = -1;

static void take_lock(void)
{
	taken = open(secret, O_RDONLY | O_CLOEXEC);
	if (flock(taken, LOCK_EX) < 0)
		abort();
}

/* Somebody holds the lock for too long. */
static void test_waiting(void **state)
{
	char want[128];

	(void)state;
	begin();
	some();
	fake_before("list", 1, take_lock);
	unit_is_int("result", real_run(), -ERR_LOCKED);
	close(taken);
	unit_is_int("seconds to wait", patience, 30);
	unit_is_text("calls", fake_calls(), "list, sync");
	snprintf(want, sizeof(want), "3 unable to lock %s: another process holds it\n", secret);
	unit_is_text("log", unit_log(), want);
}

int main(void)
{
	UNIT_TABLE(test_reason, reasons);
	UNIT_TABLE(test_pass, passes);
	UNIT_TABLE(test_note, notes);
	unit_add("one that revives", test_revived, NULL);
	unit_add("many", test_many, NULL);
	UNIT_TABLE(test_locked, locked);
	unit_add("a wait for the lock", test_waiting, NULL);
	return unit_run();
}
