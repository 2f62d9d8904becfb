// SPDX-License-Identifier: GPL-2.0-or-later
/* What an interface says of its peer's session, and the list of our interfaces. */
#include "config.h"
#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "session.h"
#include "unit.h"

#define ZERO "wg-broker asked=0 looked=0 handshake=0 stamp=0 clock=0"
#define YEAR INT64_C(31536000)

enum { GROUP = 40000, PEER = 7, NEVER = -1 };

static char prefix[] = "wgpeer";
static const struct config config = { .prefix = prefix, .group = GROUP, .slots = 100 };
static const struct moment now = { .boot = 5000, .wall = 1795370000 };
static uint8_t peer_key[KEY_LEN];

/* An interface of ours with a peer, and its key as altname. */
static struct fake_interface *add(const char *name)
{
	struct fake_interface *interface = fake_add(name);
	char altname[KEY_ALTNAME_SIZE];

	fake_key(peer_key, PEER);
	key_to_altname(altname, "wgpeer", peer_key);
	fake_add_altname(interface, altname);
	memcpy(interface->peer_key, peer_key, KEY_LEN);
	interface->link.group = GROUP;
	interface->link.up = true;
	interface->device.has_peer = true;
	interface->device.listen_port = 41000;
	return interface;
}

static const struct state_row {
	const char *name;
	int64_t age; /* of the handshake */
	bool is_down, lacks_key, lacks_peer;
	enum session_state want;
	bool is_live;
} states[] = {
	{ "a handshake just now", 0, .want = SESSION_LIVE, .is_live = true },
	{ "179 s ago", 179, .want = SESSION_LIVE, .is_live = true },
	{ "180 s ago", 180, .want = SESSION_STALE },
	{ "4000 s ago", 4000, .want = SESSION_STALE },
	{ "never", NEVER, .want = SESSION_WAITING },
	{ "never, down", NEVER, .is_down = true, .want = SESSION_BROKEN },
	{ "never, no key", NEVER, .lacks_key = true, .want = SESSION_BROKEN },
	{ "never, no peer", NEVER, .lacks_peer = true, .want = SESSION_BROKEN },
	{ "just now, down", 0, .is_down = true, .want = SESSION_BROKEN, .is_live = true },
	{ "just now, no key", 0, .lacks_key = true, .want = SESSION_BROKEN, .is_live = true },
	{ "4000 s ago, down", 4000, .is_down = true, .want = SESSION_BROKEN },
};

static void test_state(void **state)
{
	const struct state_row *row = *state;
	struct wgif_kernel *kernel = fake_reset();
	struct fake_interface *interface = add("wgpeer1");
	struct session session;

	fake_moment = now;
	interface->link.up = !row->is_down;
	interface->device.has_peer = !row->lacks_peer;
	if (row->lacks_key)
		interface->altnames[0][0] = '\0';
	if (row->age != NEVER)
		interface->device.handshake = now.wall - row->age;
	unit_is_int("result", session_read(kernel, "wgpeer1", GROUP, peer_key, &session), 0);
	unit_is_int("state", session_state(&session), row->want);
	unit_is_int("age", session_age(&session), row->age);
	unit_is_int("live", session_is_live(&session), row->is_live);
}

/* The note knows the age of a handshake, and when the wall clock was stepped since. */
static const struct clock_row {
	const char *name;
	int64_t handshake; /* boot clock, as the note has it */
	int64_t step;	   /* of the wall clock, since */
	int64_t want;	   /* the age */
} clocks[] = {
	{ "no step", 4900, 0, 100 },
	{ "a year ahead", 4900, YEAR, 100 },
	{ "a year back", 4900, -YEAR, 100 },
	{ "a year ahead, long ago", 1000, YEAR, 4000 },
};

static void test_clock(void **state)
{
	const struct clock_row *row = *state;
	const struct note note = { .looked = 4950,
				   .handshake = row->handshake,
				   .stamp = now.wall - row->step - (now.boot - row->handshake),
				   .clock = now.wall - row->step - now.boot };
	struct wgif_kernel *kernel = fake_reset();
	struct fake_interface *interface = add("wgpeer1");
	struct session session;

	fake_moment = now;
	note_format(interface->link.alias, &note);
	interface->device.handshake = note.stamp;
	unit_is_int("result", session_read(kernel, "wgpeer1", GROUP, peer_key, &session), 0);
	unit_is_int("age", session_age(&session), row->want);
	unit_is_int("look that is written", session.written.looked, 4950);
	unit_is_int("look that was now", session.note.looked, now.boot);
}

static const struct fresh_row {
	const char *name;
	int64_t asked;
	bool want;
	int64_t age; /* that is told */
} fresh[] = {
	{ "never asked", 0, false, NEVER },	 { "asked just now", 5000, true, 0 },
	{ "14 s ago", 4986, true, 14 },		 { "15 s ago", 4985, false, 15 },
	{ "in the future", 5003, false, NEVER },
};

static void test_fresh(void **state)
{
	const struct fresh_row *row = *state;
	const struct session session = { .now = now, .note.asked = row->asked };

	unit_is_int("fresh", session_is_fresh(&session), row->want);
	unit_is_int("age", session_asked_age(&session), row->age);
}

static const struct looked_row {
	const char *name;
	int64_t looked, want;
} looks[] = {
	{ "never", 0, NEVER },
	{ "just now", 5000, 0 },
	{ "900 s ago", 4100, 900 },
	{ "in the future", 5003, NEVER },
};

/* The look of the note as it was read, not the one of this reading. */
static void test_looked(void **state)
{
	const struct looked_row *row = *state;
	const struct session session = { .now = now,
					 .written.looked = row->looked,
					 .note.looked = now.boot };

	unit_is_int("age", session_looked_age(&session), row->want);
}

/* Just after a boot, when never having asked might seem to be a short time ago. */
static void test_fresh_boot(void **state)
{
	const struct session session = { .now.boot = 3 };

	(void)state;
	unit_is_int("fresh", session_is_fresh(&session), false);
}

static void remove_it(void)
{
	fake_find("wgpeer1")->link.index = 0;
}

static const struct read_row {
	const char *name, *asked; /* the name that is asked for */
	const char *failing;	  /* verb */
	bool is_foreign_kind, is_foreign_group, goes;
	int want;
	const char *calls;
} reads[] = {
	{ "by its name", "wgpeer1", .calls = "find wgpeer1, get wgpeer1" },
	{ "by its altname",
	  "wgpeerBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", .calls = "find key7, get wgpeer1" },
	{ "there is none", "wgpeer2", .want = -ERR_ABSENT, .calls = "find wgpeer2" },
	{ "another kind", "wgpeer1", .is_foreign_kind = true, .want = -ERR_FOREIGN,
	  .calls = "find wgpeer1" },
	{ "another group", "wgpeer1", .is_foreign_group = true, .want = -ERR_FOREIGN,
	  .calls = "find wgpeer1" },
	{ "it goes between the two looks", "wgpeer1", .goes = true, .want = -ERR_ABSENT,
	  .calls = "find wgpeer1, get wgpeer1" },
	{ "the link cannot be read", "wgpeer1", .failing = "find", .want = -ERR_FAILURE,
	  .calls = "find wgpeer1" },
	{ "the device cannot be read", "wgpeer1", .failing = "get", .want = -ERR_FAILURE,
	  .calls = "find wgpeer1, get wgpeer1" },
};

static void test_read(void **state)
{
	const struct read_row *row = *state;
	struct wgif_kernel *kernel = fake_reset();
	struct fake_interface *interface = add("wgpeer1");
	struct session session;

	fake_moment = now;
	memset(&session, 0xaa, sizeof(session));
	interface->link.wireguard = !row->is_foreign_kind;
	interface->link.group += row->is_foreign_group;
	if (row->failing)
		fake_fail(row->failing, 1, -ERR_FAILURE);
	if (row->goes)
		fake_before("get", 1, remove_it);
	unit_is_int("result", session_read(kernel, row->asked, GROUP, peer_key, &session),
		    row->want);
	unit_is_text("calls", fake_calls(), row->calls);
	if (row->want == -ERR_ABSENT)
		unit_is_int("index", session.link.index, 0);
	if (row->want == -ERR_FOREIGN)
		unit_is_text("name", session.link.name, "wgpeer1");
	if (row->want == 0)
		unit_is_int("port", session.device.listen_port, 41000);
	unit_is_int("a line in the log", *unit_log() != '\0', row->want == -ERR_FAILURE);
}

/* Which peer: that of the key given, or that of the altname. */
static void test_peer(void **state)
{
	struct wgif_kernel *kernel = fake_reset();
	uint8_t other[KEY_LEN];
	struct session session;

	(void)state;
	add("wgpeer1");
	fake_key(other, PEER + 1);
	unit_is_int("result", session_read(kernel, "wgpeer1", GROUP, NULL, &session), 0);
	unit_is_int("the altname's", session.device.has_peer, true);
	unit_is_int("result", session_read(kernel, "wgpeer1", GROUP, other, &session), 0);
	unit_is_int("another one", session.device.has_peer, false);
}

static void check_list(struct wgif_kernel *kernel, const char *want)
{
	struct wgif_link *links = NULL;
	char names[2048] = "";
	const int count = session_list_links(kernel, &config, &links);

	for (int i = 0; i < count; i++) {
		strcat(names, links[i].name);
		strcat(names, " ");
	}
	free(links);
	unit_is_text("names", names, want);
}

static void test_list(void **state)
{
	static const char *const names[] = { "wgpeer10", "wgpeer9",    "wgpeer65535", "wgpeer1",
					     "wgpeer0",	 "wgpeer01",   "wgpeer",      "wgpeerx",
					     "wgother1", "wgpeer65536" };
	struct wgif_kernel *kernel = fake_reset();

	(void)state;
	check_list(kernel, "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fake_add(names[i])->link.group = GROUP;
	fake_add("wgpeer2")->link.group = GROUP + 1;
	fake_add("wgpeer3")->link.group = 0;
	fake_add("wgpeer4")->link.group = GROUP;
	fake_find("wgpeer4")->link.wireguard = false;
	/* All are told of twice. A slot beyond the limit is still one. */
	check_list(kernel, "wgpeer1 wgpeer9 wgpeer10 wgpeer65535 ");
}

/* More than there is room for at first. */
static void test_long_list(void **state)
{
	struct wgif_kernel *kernel = fake_reset();
	char name[IFNAMSIZ], want[2048] = "";

	(void)state;
	for (unsigned int i = 1; i <= FAKE_INTERFACES; i++) {
		snprintf(name, sizeof(name), "wgpeer%u", i);
		fake_add(name)->link.group = GROUP;
		strcat(want, name);
		strcat(want, " ");
	}
	check_list(kernel, want);
}

static void test_no_list(void **state)
{
	struct wgif_kernel *kernel = fake_reset();
	struct wgif_link *links;

	(void)state;
	add("wgpeer1");
	fake_fail("list", 1, -ERR_FAILURE);
	unit_is_int("result", session_list_links(kernel, &config, &links), -ERR_FAILURE);
	unit_is_text("log", unit_log(), "3 unable to list\n");
}

int main(void)
{
	UNIT_TABLE(test_state, states);
	UNIT_TABLE(test_clock, clocks);
	UNIT_TABLE(test_fresh, fresh);
	UNIT_TABLE(test_looked, looks);
	unit_add("not fresh after a boot", test_fresh_boot, NULL);
	UNIT_TABLE(test_read, reads);
	unit_add("whose peer", test_peer, NULL);
	unit_add("a list", test_list, NULL);
	unit_add("a long list", test_long_list, NULL);
	unit_add("no list", test_no_list, NULL);
	return unit_run();
}
