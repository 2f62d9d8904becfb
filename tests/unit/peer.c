// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a key to its interface, on a kernel in memory: what is asked of the kernel, in which order,
 * and what is left when something fails.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "note.h"
#include "peer.h"
#include "room.h"
#include "slot.h"
#include "unit.h"

enum {
	GROUP = 40000,
	PRIVATE = 246, /* byte of the gateway's private key; the fake makes PUBLIC of it */
	PUBLIC = 9,
	NODE = 7,      /* byte of a node's key: it tries the slots 4, 3, 2, 1, 5 */
	NEIGHBOR = 50, /* plus the slot: of other nodes' keys */
};

static char prefix[] = "wgpeer", nowhere[] = "/nonexistent/secret";
static char secret[64]; /* path of the private key's file */
static struct config config;
static struct peer_request request;
static struct wgif_kernel *kernel;

/* Somebody has found that no interface is beyond this limit. Its bearer is in no list. */
static void set_known_limit(int64_t limit)
{
	note_format(fake_find("bearer")->link.alias, &(struct note){ .limit = limit });
}

/* Five slots, and a kernel with no interface but the bearer of a marker. */
static void begin(void)
{
	uint8_t key[KEY_LEN];
	char text[KEY_TEXT_SIZE];

	fake_key(key, PRIVATE);
	key_to_text(text, key);
	snprintf(secret, sizeof(secret), "%s", unit_file(text, KEY_TEXT_LEN, 0400));
	config = (struct config){ .prefix = prefix,
				  .group = GROUP,
				  .ipv6 = true,
				  .mtu = 1374,
				  .start_port = 41000,
				  .end_port = 41004,
				  .slots = 5,
				  .private_key = secret };
	request = (struct peer_request){ 0 };
	kernel = fake_reset();
	fake_moment = (struct moment){ .boot = 5000, .wall = 1795370000 };
	fake_add_altname(fake_add("bearer"), "wgpeer-limit");
	set_known_limit(5);
	(void)unit_log();
}

static void add_key(struct fake_interface *interface, uint8_t byte)
{
	uint8_t key[KEY_LEN];
	char altname[KEY_ALTNAME_SIZE];

	fake_key(key, byte);
	key_to_altname(altname, "wgpeer", key);
	fake_add_altname(interface, altname);
}

/* A complete interface of ours, whose peer has had no handshake and asked long ago. */
static struct fake_interface *add_peer(unsigned int slot, uint8_t byte)
{
	const struct note note = { .asked = 4000 };
	char name[IFNAMSIZ];
	struct fake_interface *interface;

	slot_ifname(name, &config, slot);
	interface = fake_add(name);
	add_key(interface, byte);
	fake_key(interface->peer_key, byte);
	interface->link.group = GROUP;
	interface->link.up = true;
	interface->addresses[0] = slot_address(slot);
	interface->device.listen_port = config.start_port + slot - 1;
	interface->device.has_peer = true;
	note_format(interface->link.alias, &note);
	return interface;
}

static void shake(struct fake_interface *interface, int64_t age)
{
	interface->device.handshake = fake_moment.wall - age;
}

/* What there is when the request comes. */

static void nothing(void)
{
}

static void a_live_one(void)
{
	shake(add_peer(4, NODE), 179);
}

static void a_stale_one(void)
{
	shake(add_peer(4, NODE), 180);
}

static void a_waiting_one(void)
{
	add_peer(4, NODE);
}

static void asked_ago(int64_t seconds)
{
	const struct note note = { .asked = fake_moment.boot - seconds };

	note_format(add_peer(4, NODE)->link.alias, &note);
}

static void a_fresh_one(void)
{
	asked_ago(14);
}

static void one_that_was_fresh(void)
{
	asked_ago(15);
}

static void a_fresh_one_that_is_down(void)
{
	a_fresh_one();
	fake_find("wgpeer4")->link.up = false;
}

static void a_live_one_that_is_down(void)
{
	a_live_one();
	fake_find("wgpeer4")->link.up = false;
}

static void a_live_one_without_a_note(void)
{
	a_live_one();
	fake_find("wgpeer4")->link.alias[0] = '\0';
}

static void a_live_one_with_an_alias_and_another_port(void)
{
	a_live_one();
	strcpy(fake_find("wgpeer4")->link.alias, "node of the town hall");
	fake_find("wgpeer4")->device.listen_port = 42000;
}

static void one_without_a_device(void)
{
	struct fake_interface *interface = fake_add("wgpeer4");

	interface->link.group = GROUP;
	add_key(interface, NODE);
}

static void one_beyond_the_limit(void)
{
	shake(add_peer(9, NODE), 200);
}

static void one_beyond_without_port(void)
{
	add_peer(9, NODE)->device.listen_port = 0;
}

/* With four more, of a time when the limit was higher: it moves nevertheless. */
static void one_of_five_beyond_without_port(void)
{
	one_beyond_without_port();
	set_known_limit(10);
	for (unsigned int slot = 10; slot < 14; slot++)
		add_peer(slot, (uint8_t)(NEIGHBOR + slot));
}

static void all_taken(void)
{
	for (unsigned int slot = 1; slot <= config.slots; slot++)
		add_peer(slot, (uint8_t)(NEIGHBOR + slot));
}

/* The names are of three others, and one peer is the first of ours in the node's order. */
static void all_taken_by_others_too(void)
{
	fake_add("wgpeer4")->link.wireguard = false;
	fake_find("wgpeer4")->link.group = GROUP;
	note_format(fake_find("wgpeer4")->link.alias, &(struct note){ .asked = 4000 });
	fake_add("wgpeer3")->link.group = GROUP + 1;
	add_peer(2, NEIGHBOR + 2);
	add_peer(1, NEIGHBOR + 1);
	fake_add_altname(fake_add("other"), "wgpeer5");
}

static void all_taken_by_others(void)
{
	all_taken();
	for (unsigned int slot = 1; slot <= config.slots; slot++) {
		char name[IFNAMSIZ];

		slot_ifname(name, &config, slot);
		fake_find(name)->link.group = 0;
	}
}

/* All slots were found taken so many seconds ago. */
static void mark_ago(int64_t seconds)
{
	const struct note note = { .asked = 4000, .full = fake_moment.boot + 30 - seconds };

	fake_add_altname(fake_find("wgpeer1"), "wgpeer-full-5");
	note_format(fake_find("wgpeer1")->link.alias, &note);
}

static void known_to_be_full(void)
{
	all_taken();
	mark_ago(29);
}

static void known_to_have_been_full(void)
{
	add_peer(1, NEIGHBOR + 1);
	mark_ago(30);
}

static void full_again(void)
{
	all_taken();
	mark_ago(30);
}

static void full_in_the_future(void)
{
	add_peer(1, NEIGHBOR + 1);
	mark_ago(-1);
}

static void marked_without_a_time(void)
{
	add_peer(1, NEIGHBOR + 1);
	fake_add_altname(fake_find("wgpeer1"), "wgpeer-full-5");
}

static void all_taken_and_the_first_with_an_alias(void)
{
	all_taken();
	strcpy(fake_find("wgpeer1")->link.alias, "node of the town hall");
	fake_find("wgpeer2")->link.alias[0] = '\0';
}

static void full_of_another_limit(void)
{
	add_peer(1, NEIGHBOR + 1);
	fake_add_altname(fake_find("wgpeer1"), "wgpeer-full-4");
}

static void mark(void)
{
	mark_ago(0);
}

static void all_taken_and_marked_meanwhile(void)
{
	all_taken();
	fake_before("create", 1, mark);
}

static void all_but_one_taken(void)
{
	all_taken();
	memset(fake_find("wgpeer5"), 0, sizeof(struct fake_interface));
}

static void a_held_port(void)
{
	fake_hold_port(41003);
}

static void a_held_port_and_the_next_taken(void)
{
	fake_hold_port(41003);
	add_peer(3, NEIGHBOR);
}

static void one_slot_with_a_held_port(void)
{
	config.slots = 1;
	set_known_limit(1);
	fake_hold_port(41000);
}

/* It went down, and meanwhile another program took its port. */
static void one_that_lost_its_port(void)
{
	shake(add_peer(4, NODE), 100);
	fake_find("wgpeer4")->link.up = false;
	fake_hold_port(41003);
}

static void one_whose_device_is_busy(void)
{
	a_stale_one();
	fake_fail("set", 1, -ERR_BUSY);
}

static void altname_on_another_kind(void)
{
	a_live_one();
	fake_find("wgpeer4")->link.wireguard = false;
}

static void altname_on_another_group(void)
{
	a_live_one();
	fake_find("wgpeer4")->link.group = 0;
}

static void altname_on_another_name(void)
{
	a_live_one();
	strcpy(fake_find("wgpeer4")->link.name, "wgpeer04");
}

static void give_altname_away(void)
{
	add_key(fake_add("other"), NODE);
}

static void altname_lost_to_another(void)
{
	fake_before("add", 1, give_altname_away);
}

static void drop_key(void)
{
	fake_find("wgpeer4")->altnames[0][0] = '\0';
}

static void a_live_one_that_is_released(void)
{
	a_live_one();
	fake_before("find", 2, drop_key);
}

static void make_again(void)
{
	struct fake_interface *interface = fake_find("wgpeer4");

	interface->link.index = 0;
	shake(add_peer(2, NODE), 10);
}

static void a_live_one_that_is_made_again(void)
{
	a_live_one();
	fake_before("find", 2, make_again);
}

static void a_live_one_not_seen_again(void)
{
	a_live_one();
	fake_fail("find", 2, -ERR_FAILURE);
}

static void be_faster(void)
{
	shake(add_peer(2, NODE), 10);
}

static void another_handler_that_is_faster(void)
{
	fake_before("find", 3, be_faster);
}

static void lose_peer(void)
{
	fake_find("wgpeer4")->device.has_peer = false;
}

static void a_peer_that_is_left_out(void)
{
	fake_before("get", 1, lose_peer);
}

static void lose_interface(void)
{
	memset(fake_find("wgpeer4"), 0, sizeof(struct fake_interface));
}

static void one_that_is_deleted(void)
{
	a_stale_one();
	fake_before("get", 3, lose_interface);
}

static void own_key_half_made(void)
{
	struct fake_interface *interface = fake_add("wgpeer2");

	interface->link.group = GROUP;
	add_key(interface, PUBLIC);
}

static void own_key_left(void)
{
	own_key_half_made();
	fake_key(fake_find("wgpeer2")->device.public_key, PUBLIC);
}

static void bad_secret(void)
{
	static char path[] = "/dev/null";

	config.private_key = path;
}

static void a_live_one_without_a_port(void)
{
	a_live_one();
	fake_find("wgpeer4")->device.listen_port = 0;
}

static void no_secret(void)
{
	config.private_key = nowhere;
}

static void no_secret_but_a_live_one(void)
{
	a_live_one();
	config.private_key = nowhere;
}

/* What each path begins with: a look, and one with the lock held. */
#define MARK1 "list, find wgpeer-full-5, alias wgpeer1, add wgpeer1 wgpeer-full-5"
#define MARK1_ALONE "find wgpeer-full-5, alias wgpeer1, add wgpeer1 wgpeer-full-5"
#define MARK2_ALONE "find wgpeer-full-5, alias wgpeer2, add wgpeer2 wgpeer-full-5"
#define WALK                                                                                       \
	LOOKS_NEW "create wgpeer4, find wgpeer-full-5, create wgpeer3, create wgpeer2, "           \
		  "create wgpeer1, create wgpeer5, "
#define TAKE2                                                                                      \
	"list, find wgpeer2, get wgpeer2, drop wgpeer2 key52, get wgpeer2, add wgpeer2 key7, "     \
	"set wgpeer2 41001 replace, " CONFIGURE2 ", "
#define TAKE1                                                                                      \
	"find wgpeer1, get wgpeer1, drop wgpeer1 key51, get wgpeer1, add wgpeer1 key7, "           \
	"set wgpeer1 41000 replace, " CONFIGURE1 ", "
/* The names of the source that from_a_source() sets. */
#define SRC "wgpeer-src-9e48fa0a1dad135c"
#define SRC6 "wgpeer-src-30a36c72b807b659"
#define LOOKS_SOURCE "find key7, find wgpeer-full-5, find " SRC "-3, find key7, "
#define SEEN3 "find " SRC "-1, get wgpeer1, find " SRC "-2, find " SRC "-3, "
#define LOOKS_NEW "find key7, find wgpeer-full-5, find key7, find wgpeer-limit, "
#define LOOKS_KNOWN "find key7, get wgpeer4, find key7, get wgpeer4, "

/* What brings slot 4 to its end. */
#define CONFIGURE4 "get wgpeer4, address wgpeer4 fe80::4, up wgpeer4"
#define CONFIGURE1 "get wgpeer1, address wgpeer1 fe80::1, up wgpeer1"
#define CONFIGURE2 "get wgpeer2, address wgpeer2 fe80::2, up wgpeer2"
#define CONFIGURE3 "get wgpeer3, address wgpeer3 fe80::3, up wgpeer3"

#define HOLDS_PORT(port, ifname)                                                                   \
	"4 another program holds UDP port " port ": " ifname " is left out\n"
#define NOT_OURS(ifname)                                                                           \
	"3 " ifname " has a peer's key as its altname, but is not an interface of ours\n"

static void another_limit(void)
{
	set_known_limit(4);
	add_peer(5, NEIGHBOR);
}

static void no_limit_known(void)
{
	memset(fake_find("bearer"), 0, sizeof(struct fake_interface));
	add_peer(5, NEIGHBOR);
}

static void no_limit_known_and_nothing_there(void)
{
	memset(fake_find("bearer"), 0, sizeof(struct fake_interface));
}

/* So many peers, of a time when the limit was higher. */
static void add_beyond(unsigned int count)
{
	set_known_limit(10);
	for (unsigned int slot = 6; slot < 6 + count; slot++)
		add_peer(slot, (uint8_t)(NEIGHBOR + slot));
}

static void five_beyond_the_limit(void)
{
	add_beyond(5);
}

static void four_beyond_the_limit(void)
{
	add_beyond(4);
}

static void no_slots(void)
{
	config.slots = 0;
}

static void no_slots_and_a_live_one(void)
{
	config.slots = 0;
	a_live_one();
}

static void no_slots_and_a_stale_one(void)
{
	config.slots = 0;
	a_stale_one();
}

static void no_slots_and_one_without_port(void)
{
	config.slots = 0;
	one_beyond_without_port();
}

static void full_once_but_one_is_free(void)
{
	all_taken();
	memset(fake_find("wgpeer3"), 0, sizeof(struct fake_interface));
	mark_ago(30);
}

static void set_since(unsigned int slot, int64_t since)
{
	const struct note note = { .asked = since ? since : 1, .since = since };
	char name[IFNAMSIZ];

	slot_ifname(name, &config, slot);
	note_format(fake_find(name)->link.alias, &note);
}

/* None ever had a handshake: two of them for just 30 seconds and just less. */
static void all_pending(void)
{
	static const int64_t since[] = { 4960, 4950, 4970, 4971, 4990 };

	all_taken();
	for (unsigned int slot = 1; slot <= config.slots; slot++)
		set_since(slot, since[slot - 1]);
}

static void all_pending_again(void)
{
	const struct note note = { .asked = 4960, .since = 4960, .full = fake_moment.boot };

	all_pending();
	fake_add_altname(fake_find("wgpeer1"), "wgpeer-full-5");
	note_format(fake_find("wgpeer1")->link.alias, &note);
}

static void all_pending_but_the_oldest(void)
{
	all_pending();
	shake(fake_find("wgpeer2"), 1);
}

static void shake2(void)
{
	shake(fake_find("wgpeer2"), 0);
}

static void all_pending_and_a_handshake(void)
{
	all_pending();
	fake_before("get", 2, shake2);
}

static void release2(void)
{
	fake_find("wgpeer2")->altnames[0][0] = '\0';
}

static void all_pending_and_one_released(void)
{
	all_pending();
	fake_before("find", 6, release2);
}

static void lose2(void)
{
	memset(fake_find("wgpeer2"), 0, sizeof(struct fake_interface));
	fake_find("wgpeer1")->link.group = 0;
}

static void all_pending_and_two_gone(void)
{
	all_pending();
	fake_before("find", 6, lose2);
}

static void all_pending_and_an_alias(void)
{
	all_pending();
	strcpy(fake_find("wgpeer2")->link.alias, "node of the town hall");
}

static void all_pending_and_one_half_made(void)
{
	all_pending();
	fake_find("wgpeer5")->link.up = false;
	fake_find("wgpeer5")->link.alias[0] = '\0';
}

static void all_pending_but_young(void)
{
	all_pending();
	fake_moment.boot = 4979;
}

static void all_pending_and_one_counted(void)
{
	all_pending();
	fake_add_altname(fake_find("wgpeer2"), "wgpeer-src-00-1");
}

static void all_pending_and_a_held_port(void)
{
	all_pending();
	fake_hold_port(41001);
}

static void from_a_source(void)
{
	config.max_pending = 3;
	memcpy(&request.source, "\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\7", 16);
}

/* An interface of the source, in the slot of that number. */
static void add_pending(unsigned int number)
{
	struct fake_interface *interface = add_peer(number, (uint8_t)(NEIGHBOR + number));
	char name[WGIF_ALTNAME_SIZE];

	snprintf(name, sizeof(name), SRC "-%u", number);
	fake_add_altname(interface, name);
}

static void from_a_source_with_one(void)
{
	from_a_source();
	add_pending(1);
}

static void from_a_source_with_a_live_one(void)
{
	from_a_source_with_one();
	shake(fake_find("wgpeer1"), 1);
}

static void from_a_source_with_all(void)
{
	from_a_source();
	for (unsigned int number = 1; number <= 3; number++)
		add_pending(number);
}

static void from_a_source_with_all_but_one(void)
{
	from_a_source_with_all();
	shake(fake_find("wgpeer2"), 1);
}

static void found_ago(int64_t seconds)
{
	const struct note note = { .asked = 4000, .quota = fake_moment.boot + 5 - seconds };

	from_a_source_with_all();
	note_format(fake_find("wgpeer3")->link.alias, &note);
}

static void from_a_source_known_to_have_all(void)
{
	found_ago(4);
}

static void from_a_source_that_had_all(void)
{
	found_ago(5);
}

static void from_a_source_with_all_and_an_alias(void)
{
	from_a_source_with_all();
	strcpy(fake_find("wgpeer3")->link.alias, "node of the town hall");
}

static void from_a_source_without_quota(void)
{
	from_a_source();
	config.max_pending = 0;
}

static void from_a_source_with_all_that_is_known(void)
{
	from_a_source_with_all();
}

static void full_and_from_a_source(void)
{
	from_a_source();
	all_pending();
}

static void full_and_from_a_source_with_one(void)
{
	full_and_from_a_source();
	fake_add_altname(fake_find("wgpeer1"), SRC "-1");
}

static void full_again_and_from_a_source_with_one(void)
{
	from_a_source();
	all_pending_again();
	fake_add_altname(fake_find("wgpeer1"), SRC "-1");
}

static void all_pending_and_a_note_of_a_handshake(void)
{
	const struct note note = {
		.asked = 4950, .since = 4950, .handshake = 4951, .stamp = 1795369951
	};

	all_pending();
	note_format(fake_find("wgpeer2")->link.alias, &note);
}

/* Its node came back after a while, and has shaken no hands since. */
static void note_renewed(const char *name)
{
	const struct note note = { .asked = 4950, .since = 4950, .handshake = 4700 };

	note_format(fake_find(name)->link.alias, &note);
}

static void all_pending_and_one_renewed(void)
{
	all_pending();
	note_renewed("wgpeer2");
}

static void from_a_source_with_a_renewed_one(void)
{
	from_a_source_with_one();
	note_renewed("wgpeer1");
}

/* The first slot is free, but another program holds its port. */
static void all_pending_and_one_free_but_held(void)
{
	all_pending();
	memset(fake_find("wgpeer4"), 0, sizeof(struct fake_interface));
	fake_hold_port(41003);
}

static void all_pending_again_and_one_free_but_held(void)
{
	all_pending_again();
	memset(fake_find("wgpeer4"), 0, sizeof(struct fake_interface));
	fake_hold_port(41003);
}

static void from_nowhere(void)
{
	config.max_pending = 3;
}

static void from_this_machine(void)
{
	from_a_source();
	request.source.s6_addr[12] = 127;
}

/* That byte has no meaning in IPv6. */
static void from_ipv6(void)
{
	config.max_pending = 3;
	memcpy(&request.source, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\x7f\0\0", 16);
}

static int say_no(void *argument)
{
	(void)argument;
	fake_record("asked");
	return -ERR_DENIED;
}

static void denied(void)
{
	request.permit = say_no;
}

static void denied_stale(void)
{
	denied();
	a_stale_one();
}

static void denied_live(void)
{
	denied();
	a_live_one();
}

static void denied_and_over_its_quota(void)
{
	denied();
	from_a_source_known_to_have_all();
}

static void denied_full(void)
{
	denied();
	known_to_be_full();
}

static const struct admit_row {
	const char *name;
	void (*arrange)(void);
	uint8_t key; /* byte of it, if it is not NODE's */
	int want;
	enum peer_result result;
	const char *ifname;
	unsigned int port;
	const char *calls, *log;
} admits[] = {
	{ "a new key", nothing, .result = PEER_NEW, .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "a live one", a_live_one, .result = PEER_KNOWN, .ifname = "wgpeer4", .port = 41003,
	  .calls = "find key7, get wgpeer4, find key7" },
	{ "a fresh one", a_fresh_one, .result = PEER_KNOWN, .ifname = "wgpeer4", .port = 41003,
	  .calls = "find key7, get wgpeer4, find key7" },
	{ "one that was fresh", one_that_was_fresh, .result = PEER_RENEWED, .ifname = "wgpeer4",
	  .port = 41003, .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },
	{ "a waiting one", a_waiting_one, .result = PEER_RENEWED, .ifname = "wgpeer4",
	  .port = 41003, .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },
	{ "a stale one", a_stale_one, .result = PEER_RENEWED, .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },

	{ "a fresh one that is down", a_fresh_one_that_is_down, .result = PEER_RENEWED,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },
	{ "a live one that is down keeps its session", a_live_one_that_is_down,
	  .result = PEER_RENEWED, .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_KNOWN "set wgpeer4 41003, " CONFIGURE4 },
	{ "a live one without a note", a_live_one_without_a_note, .result = PEER_KNOWN,
	  .ifname = "wgpeer4", .port = 41003, .calls = "find key7, get wgpeer4, find key7" },
	{ "a live one with an operator's alias, and another port",
	  a_live_one_with_an_alias_and_another_port, .result = PEER_KNOWN, .ifname = "wgpeer4",
	  .port = 42000, .calls = "find key7, get wgpeer4, find key7" },
	{ "one without a device", one_without_a_device, .result = PEER_RENEWED, .ifname = "wgpeer4",
	  .port = 41003, .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },

	{ "a slot beyond the limit keeps its port", one_beyond_the_limit, .result = PEER_RENEWED,
	  .ifname = "wgpeer9", .port = 41008,
	  .calls = "find key7, get wgpeer9, find key7, get wgpeer9, set wgpeer9 41008 replace, "
		   "get wgpeer9, address wgpeer9 fe80::9, up wgpeer9" },
	{ "and moves to one below if it has none", one_beyond_without_port, .result = PEER_RENEWED,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = "find key7, get wgpeer9, find key7, get wgpeer9, find wgpeer-limit, "
		   "rename wgpeer9 wgpeer4, "
		   "set wgpeer4 41003 replace, " CONFIGURE4 },

	{ "also if as many are beyond", one_of_five_beyond_without_port, .result = PEER_RENEWED,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = "find key7, get wgpeer9, find key7, get wgpeer9, find wgpeer-limit, list, "
		   "find wgpeer-full-5, alias wgpeer10, add wgpeer10 wgpeer-full-5, "
		   "rename wgpeer9 wgpeer4, set wgpeer4 41003 replace, " CONFIGURE4 },

	{ "all slots are taken", all_taken, .want = -ERR_FULL,
	  .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5, create wgpeer3, create wgpeer2, "
			     "create wgpeer1, create wgpeer5, " MARK1 },
	{ "all slots are taken, as they were", full_again, .want = -ERR_FULL,
	  .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5, list, find wgpeer-full-5, "
			     "drop wgpeer1 wgpeer-full-5, alias wgpeer1, "
			     "add wgpeer1 wgpeer-full-5" },
	{ "all were, but one is free now", full_once_but_one_is_free, .result = PEER_NEW,
	  .ifname = "wgpeer3", .port = 41002,
	  .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5, list, create wgpeer3, "
			     "add wgpeer3 key7, set wgpeer3 41002, " CONFIGURE3 },
	{ "one with an operator's alias, or none, is not marked",
	  all_taken_and_the_first_with_an_alias, .want = -ERR_FULL,
	  .calls = WALK "list, find wgpeer-full-5, alias wgpeer3, add wgpeer3 wgpeer-full-5" },
	{ "the first of ours is marked", all_taken_by_others_too, .want = -ERR_FULL,
	  .calls = WALK MARK1 },
	{ "of others nothing is marked", all_taken_by_others, .want = -ERR_FULL,
	  .calls = WALK "list, find wgpeer-full-5" },

	{ "the oldest that never had a handshake gives way", all_pending, .result = PEER_TAKEN,
	  .ifname = "wgpeer2", .port = 41001, .calls = WALK TAKE2 MARK1_ALONE },
	{ "without a walk, if they were taken before", all_pending_again, .result = PEER_TAKEN,
	  .ifname = "wgpeer2", .port = 41001,
	  .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5, " TAKE2
			     "find wgpeer-full-5, drop wgpeer1 wgpeer-full-5, alias wgpeer1, "
			     "add wgpeer1 wgpeer-full-5" },
	{ "one that has had its handshake stays", all_pending_but_the_oldest, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000,
	  .calls = WALK "list, find wgpeer2, get wgpeer2, alias wgpeer2, " TAKE1 MARK2_ALONE },
	{ "also in this very moment", all_pending_and_a_handshake, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000,
	  .calls = WALK "list, find wgpeer2, get wgpeer2, drop wgpeer2 key52, get wgpeer2, "
			"add wgpeer2 key52, " TAKE1 MARK2_ALONE },
	{ "or had it by its note", all_pending_and_a_note_of_a_handshake, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000, .calls = WALK "list, " TAKE1 MARK2_ALONE },
	{ "or had it before it was set up anew", all_pending_and_one_renewed, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000, .calls = WALK "list, " TAKE1 MARK2_ALONE },
	{ "none if a port is held", all_pending_and_one_free_but_held, .want = -ERR_FULL,
	  .log = HOLDS_PORT("41003", "wgpeer4"),
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4
			     ", unaddress wgpeer4 fe80::4, rename wgpeer4 wgpeer3, "
			     "find wgpeer-full-5, rename wgpeer4 wgpeer2, rename wgpeer4 wgpeer1, "
			     "rename wgpeer4 wgpeer5, " MARK1
			     ", drop wgpeer4 key7, delete wgpeer4" },
	{ "nor if all were taken before", all_pending_again_and_one_free_but_held,
	  .want = -ERR_FULL, .log = HOLDS_PORT("41003", "wgpeer4"),
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4
			     ", unaddress wgpeer4 fe80::4, rename wgpeer4 wgpeer3, "
			     "find wgpeer-full-5, rename wgpeer4 wgpeer2, rename wgpeer4 wgpeer1, "
			     "rename wgpeer4 wgpeer5, list, find wgpeer-full-5, "
			     "drop wgpeer1 wgpeer-full-5, alias wgpeer1, "
			     "add wgpeer1 wgpeer-full-5, drop wgpeer4 key7, delete wgpeer4" },
	{ "one that is being removed stays", all_pending_and_one_released, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000,
	  .calls = WALK "list, find wgpeer2, get wgpeer2, " TAKE1 MARK2_ALONE },
	{ "one that has gone, or is another's now", all_pending_and_two_gone, .result = PEER_TAKEN,
	  .ifname = "wgpeer3", .port = 41002,
	  .calls = WALK "list, find wgpeer2, find wgpeer1, find wgpeer3, get wgpeer3, "
			"drop wgpeer3 key53, get wgpeer3, add wgpeer3 key7, "
			"set wgpeer3 41002 replace, " CONFIGURE3 ", " MARK1_ALONE },
	{ "one with an operator's alias stays", all_pending_and_an_alias, .result = PEER_TAKEN,
	  .ifname = "wgpeer1", .port = 41000,
	  .calls = WALK "list, " TAKE1 "find wgpeer-full-5, "
			"alias wgpeer3, "
			"add wgpeer3 wgpeer-full-5" },
	{ "one that is half-made goes first", all_pending_and_one_half_made, .result = PEER_TAKEN,
	  .ifname = "wgpeer5", .port = 41004,
	  .calls = WALK "list, find wgpeer5, get wgpeer5, drop wgpeer5 key55, get wgpeer5, "
			"add wgpeer5 key7, set wgpeer5 41004 replace, get wgpeer5, "
			"address wgpeer5 fe80::5, up wgpeer5, " MARK1_ALONE },
	{ "none of them for 30 seconds", all_pending_but_young, .want = -ERR_FULL,
	  .calls = WALK MARK1 },
	{ "one that counted for a source does so no more", all_pending_and_one_counted,
	  .result = PEER_TAKEN, .ifname = "wgpeer2", .port = 41001,
	  .calls = WALK "list, find wgpeer2, get wgpeer2, drop wgpeer2 key52, get wgpeer2, "
			"drop wgpeer2 wgpeer-src-00-1, add wgpeer2 key7, "
			"set wgpeer2 41001 replace, " CONFIGURE2 ", " MARK1_ALONE },
	{ "its port is held", all_pending_and_a_held_port, .want = -ERR_FULL,
	  .log = "4 another program holds the UDP port of wgpeer2\n",
	  .calls = WALK "list, find wgpeer2, get wgpeer2, drop wgpeer2 key52, get wgpeer2, "
			"add wgpeer2 key7, set wgpeer2 41001 replace, " MARK1_ALONE },

	{ "a quota, but no source", from_nowhere, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "a source on this machine", from_this_machine, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "one of IPv6", from_ipv6, .result = PEER_NEW, .ifname = "wgpeer4", .port = 41003,
	  .calls = "find key7, find wgpeer-full-5, find " SRC6 "-3, find key7, find " SRC6
		   "-1, find wgpeer-limit, create wgpeer4, add wgpeer4 key7, add wgpeer4 " SRC6
		   "-1, set wgpeer4 41003, " CONFIGURE4 },
	{ "a source's first", from_a_source, .result = PEER_NEW, .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_SOURCE "find " SRC "-1, find wgpeer-limit, create wgpeer4, "
				"add wgpeer4 key7, add wgpeer4 " SRC
				"-1, set wgpeer4 41003, " CONFIGURE4 },
	{ "a source's second", from_a_source_with_one, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_SOURCE "find " SRC "-1, get wgpeer1, find " SRC "-2, find wgpeer-limit, "
				"create wgpeer4, add wgpeer4 key7, add wgpeer4 " SRC
				"-2, set wgpeer4 41003, " CONFIGURE4 },
	{ "after the first had its handshake", from_a_source_with_a_live_one, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_SOURCE "find " SRC "-1, get wgpeer1, drop wgpeer1 " SRC
				"-1, find wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
				"add wgpeer4 " SRC "-1, set wgpeer4 41003, " CONFIGURE4 },
	{ "or before it was set up anew", from_a_source_with_a_renewed_one, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_SOURCE "find " SRC "-1, get wgpeer1, drop wgpeer1 " SRC
				"-1, find wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
				"add wgpeer4 " SRC "-1, set wgpeer4 41003, " CONFIGURE4 },
	{ "a source has all that it may", from_a_source_with_all, .want = -ERR_QUOTA,
	  .calls = LOOKS_SOURCE SEEN3 "find " SRC "-1, get wgpeer1, find " SRC
				      "-2, get wgpeer2, find " SRC "-3, get wgpeer3, find " SRC
				      "-3, alias wgpeer3" },
	{ "one of them had its handshake", from_a_source_with_all_but_one, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_SOURCE SEEN3 "find " SRC "-1, get wgpeer1, find " SRC
				      "-2, get wgpeer2, drop wgpeer2 " SRC
				      "-2, find wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
				      "add wgpeer4 " SRC "-2, set wgpeer4 41003, " CONFIGURE4 },
	{ "that was found four seconds ago", from_a_source_known_to_have_all, .want = -ERR_QUOTA,
	  .calls = "find key7, find wgpeer-full-5, find " SRC "-3" },
	{ "that was found five seconds ago", from_a_source_that_had_all, .want = -ERR_QUOTA,
	  .calls = LOOKS_SOURCE SEEN3 "find " SRC "-1, get wgpeer1, find " SRC
				      "-2, get wgpeer2, find " SRC "-3, get wgpeer3, find " SRC
				      "-3, alias wgpeer3" },
	{ "the last one has an operator's alias", from_a_source_with_all_and_an_alias,
	  .want = -ERR_QUOTA,
	  .calls = LOOKS_SOURCE SEEN3 "find " SRC "-1, get wgpeer1, find " SRC
				      "-2, get wgpeer2, find " SRC "-3, get wgpeer3, find " SRC
				      "-3" },
	{ "no quota", from_a_source_without_quota, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "a source with all renews one", from_a_source_with_all_that_is_known,
	  .result = PEER_RENEWED, .ifname = "wgpeer1", .port = 41000, .key = NEIGHBOR + 1,
	  .calls = "find key51, get wgpeer1, find key51, get wgpeer1, "
		   "set wgpeer1 41000 replace, " CONFIGURE1 },
	{ "a source with one takes no other's place", full_and_from_a_source_with_one,
	  .want = -ERR_FULL,
	  .calls = LOOKS_SOURCE
	  "find " SRC "-1, get wgpeer1, find " SRC "-2, find wgpeer-limit, "
	  "create wgpeer4, find wgpeer-full-5, create wgpeer3, create wgpeer2, "
	  "create wgpeer1, create wgpeer5, " MARK1 },
	{ "nor if they were taken before", full_again_and_from_a_source_with_one, .want = -ERR_FULL,
	  .calls = LOOKS_SOURCE "find " SRC "-1, get wgpeer1, find " SRC "-2, find wgpeer-limit, "
				"create wgpeer4, find wgpeer-full-5" },
	{ "a source without takes one", full_and_from_a_source, .result = PEER_TAKEN,
	  .ifname = "wgpeer2", .port = 41001,
	  .calls = LOOKS_SOURCE
	  "find " SRC "-1, find wgpeer-limit, create wgpeer4, "
	  "find wgpeer-full-5, create wgpeer3, create wgpeer2, create wgpeer1, "
	  "create wgpeer5, list, find wgpeer2, get wgpeer2, drop wgpeer2 key52, "
	  "get wgpeer2, add wgpeer2 key7, add wgpeer2 " SRC
	  "-1, set wgpeer2 41001 replace, " CONFIGURE2 ", " MARK1_ALONE },
	{ "the operator says no", denied, .want = -ERR_DENIED,
	  .calls = "find key7, find wgpeer-full-5, asked" },
	{ "he says no to a stale one", denied_stale, .want = -ERR_DENIED,
	  .calls = "find key7, get wgpeer4, asked" },
	{ "a live one is not asked about", denied_live, .result = PEER_KNOWN, .ifname = "wgpeer4",
	  .port = 41003, .calls = "find key7, get wgpeer4, find key7" },
	{ "nor one over its quota", denied_and_over_its_quota, .want = -ERR_QUOTA,
	  .calls = "find key7, find wgpeer-full-5, find " SRC "-3" },
	{ "nor is a full gateway", denied_full, .want = -ERR_FULL,
	  .calls = "find key7, find wgpeer-full-5" },
	{ "another limit was found to hold", another_limit, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_NEW "list, find wgpeer-limit, drop bearer wgpeer-limit, alias wgpeer5, "
			     "add wgpeer5 wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
			     "set wgpeer4 41003, " CONFIGURE4 },
	{ "no limit was found to hold", no_limit_known, .result = PEER_NEW, .ifname = "wgpeer4",
	  .port = 41003,
	  .calls = LOOKS_NEW "list, find wgpeer-limit, alias wgpeer5, "
			     "add wgpeer5 wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
			     "set wgpeer4 41003, " CONFIGURE4 },
	{ "and nothing is there", no_limit_known_and_nothing_there, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "list, find wgpeer-limit, create wgpeer4, add wgpeer4 key7, "
			     "set wgpeer4 41003, " CONFIGURE4 },
	{ "as many as may be are beyond the limit", five_beyond_the_limit, .want = -ERR_FULL,
	  .calls = LOOKS_NEW "list, find wgpeer-full-5, alias wgpeer6, "
			     "add wgpeer6 wgpeer-full-5" },
	{ "one less", four_beyond_the_limit, .result = PEER_NEW, .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "list, create wgpeer4, add wgpeer4 key7, "
			     "set wgpeer4 41003, " CONFIGURE4 },

	{ "no slots", no_slots, .want = -ERR_FULL, .calls = "find key7" },
	{ "no slots, and a live one", no_slots_and_a_live_one, .result = PEER_KNOWN,
	  .ifname = "wgpeer4", .port = 41003, .calls = "find key7, get wgpeer4, find key7" },
	{ "no slots, and a stale one", no_slots_and_a_stale_one, .result = PEER_RENEWED,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, " CONFIGURE4 },
	{ "no slots, and one that has no port", no_slots_and_one_without_port, .want = -ERR_FULL,
	  .calls = "find key7, get wgpeer9, find key7, get wgpeer9" },

	{ "known to be full", known_to_be_full, .want = -ERR_FULL,
	  .calls = "find key7, find wgpeer-full-5" },
	{ "known to be full before the limit was raised", full_of_another_limit, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "known to have been full half a minute ago", known_to_have_been_full, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "known to be full in the future", full_in_the_future, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "a marker that does not say when", marked_without_a_time, .result = PEER_NEW,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4 },
	{ "somebody else finds all full meanwhile", all_taken_and_marked_meanwhile,
	  .want = -ERR_FULL, .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5" },
	{ "the last slot", all_but_one_taken, .result = PEER_NEW, .ifname = "wgpeer5",
	  .port = 41004,
	  .calls = LOOKS_NEW "create wgpeer4, find wgpeer-full-5, create wgpeer3, create wgpeer2, "
			     "create wgpeer1, create wgpeer5, add wgpeer5 key7, "
			     "set wgpeer5 41004, get wgpeer5, address wgpeer5 fe80::5, "
			     "up wgpeer5" },

	{ "a held port costs its slot", a_held_port, .result = PEER_NEW, .ifname = "wgpeer3",
	  .port = 41002, .log = HOLDS_PORT("41003", "wgpeer4"),
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4
			     ", unaddress wgpeer4 fe80::4, rename wgpeer4 wgpeer3, "
			     "set wgpeer3 41002, " CONFIGURE3 },
	{ "a held port, and the next slot taken", a_held_port_and_the_next_taken,
	  .result = PEER_NEW, .ifname = "wgpeer2", .port = 41001,
	  .log = HOLDS_PORT("41003", "wgpeer4"),
	  .calls = LOOKS_NEW
	  "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, " CONFIGURE4
	  ", unaddress wgpeer4 fe80::4, rename wgpeer4 wgpeer3, find wgpeer-full-5, "
	  "rename wgpeer4 wgpeer2, set wgpeer2 41001, get wgpeer2, "
	  "address wgpeer2 fe80::2, up wgpeer2" },
	{ "the only port is held", one_slot_with_a_held_port, .want = -ERR_FULL,
	  .log = HOLDS_PORT("41000", "wgpeer1"),
	  .calls = "find key7, find wgpeer-full-1, find key7, find wgpeer-limit, create wgpeer1, "
		   "add wgpeer1 key7, set wgpeer1 41000, get wgpeer1, "
		   "address wgpeer1 fe80::1, up wgpeer1, unaddress wgpeer1 fe80::1, "
		   "list, find wgpeer-full-1, drop wgpeer1 key7, delete wgpeer1" },
	{ "one that lost its port moves", one_that_lost_its_port, .result = PEER_RENEWED,
	  .ifname = "wgpeer3", .port = 41002, .log = HOLDS_PORT("41003", "wgpeer4"),
	  .calls = LOOKS_KNOWN
	  "set wgpeer4 41003, " CONFIGURE4 ", unaddress wgpeer4 fe80::4, "
	  "find wgpeer-limit, rename wgpeer4 wgpeer4, set wgpeer4 41003, " CONFIGURE4
	  ", unaddress wgpeer4 fe80::4, rename wgpeer4 wgpeer3, "
	  "set wgpeer3 41002, " CONFIGURE3 },
	{ "one whose device is busy", one_whose_device_is_busy, .result = PEER_RENEWED,
	  .ifname = "wgpeer4", .port = 41003,
	  .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, find wgpeer-limit, "
			       "rename wgpeer4 wgpeer4, "
			       "set wgpeer4 41003 replace, " CONFIGURE4 },

	{ "the altname is on another kind", altname_on_another_kind, .want = -ERR_FAILURE,
	  .log = NOT_OURS("wgpeer4"), .calls = "find key7" },
	{ "on another group", altname_on_another_group, .want = -ERR_FAILURE,
	  .log = NOT_OURS("wgpeer4"), .calls = "find key7" },
	{ "on another name", altname_on_another_name, .want = -ERR_FAILURE,
	  .log = NOT_OURS("wgpeer04"), .calls = "find key7, get wgpeer04" },
	{ "the altname is lost to another", altname_lost_to_another, .want = -ERR_FAILURE,
	  .log = "3 another interface has got the key of wgpeer4 as its altname\n",
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, delete wgpeer4, "
			     "find wgpeer-full-5" },

	{ "a live one that is released", a_live_one_that_is_released, .result = PEER_NEW,
	  .ifname = "wgpeer3", .port = 41002,
	  .calls =
		  "find key7, get wgpeer4, find key7, find key7, find wgpeer-limit, create wgpeer4, "
		  "find wgpeer-full-5, create wgpeer3, add wgpeer3 key7, "
		  "set wgpeer3 41002, " CONFIGURE3 },
	{ "a live one that is made again", a_live_one_that_is_made_again, .result = PEER_KNOWN,
	  .ifname = "wgpeer2", .port = 41001,
	  .calls = "find key7, get wgpeer4, find key7, find key7, get wgpeer2" },
	{ "a live one that cannot be looked at again", a_live_one_not_seen_again,
	  .result = PEER_KNOWN, .ifname = "wgpeer4", .port = 41003,
	  .log = "3 unable to find key7\n",
	  .calls = "find key7, get wgpeer4, find key7, find key7, get wgpeer4" },
	{ "another handler is faster", another_handler_that_is_faster, .result = PEER_KNOWN,
	  .ifname = "wgpeer2", .port = 41001,
	  .calls = "find key7, find wgpeer-full-5, find key7, get wgpeer2" },

	{ "the gateway's own key", nothing, PUBLIC, .want = -ERR_KEY,
	  .calls = "find key9, find wgpeer-full-5, find key9, find wgpeer-limit, create wgpeer2, "
		   "add wgpeer2 key9, set wgpeer2 41001, get wgpeer2" },
	{ "the gateway's own key, once more", own_key_left, PUBLIC, .want = -ERR_KEY,
	  .calls = "find key9, get wgpeer2" },
	{ "the gateway's own key, killed in between", own_key_half_made, PUBLIC, .want = -ERR_KEY,
	  .calls = "find key9, get wgpeer2, find key9, get wgpeer2, set wgpeer2 41001 replace, "
		   "get wgpeer2" },
	{ "the kernel leaves the peer out", a_peer_that_is_left_out, .want = -ERR_FAILURE,
	  .log = "3 unable to add the peer to wgpeer4: the kernel left it out\n",
	  .calls = LOOKS_NEW "create wgpeer4, add wgpeer4 key7, set wgpeer4 41003, get wgpeer4, "
			     "drop wgpeer4 key7, delete wgpeer4, find wgpeer-full-5" },
	{ "it is deleted meanwhile", one_that_is_deleted, .want = -ERR_FAILURE,
	  .log = "3 wgpeer4 was deleted while it was set up\n",
	  .calls = LOOKS_KNOWN "set wgpeer4 41003 replace, get wgpeer4" },

	{ "no private key", no_secret, .want = -ERR_CONFIG,
	  .calls = "find key7, find wgpeer-full-5" },
	{ "a private key that is none", bad_secret, .want = -ERR_CONFIG,
	  .log = "3 unable to read the private key /dev/null: it is not a regular file\n",
	  .calls = "find key7, find wgpeer-full-5" },
	{ "one that is up, with no port", a_live_one_without_a_port, .want = -ERR_FAILURE,
	  .log = "3 wgpeer4 has no UDP port\n", .calls = "find key7, get wgpeer4, find key7" },
	{ "a live one does not need it", no_secret_but_a_live_one, .result = PEER_KNOWN,
	  .ifname = "wgpeer4", .port = 41003, .calls = "find key7, get wgpeer4, find key7" },
};

/* With the lock as it is in the configuration. */
static int admit(const uint8_t key[static KEY_LEN], struct peer *peer)
{
	const int fd = open(config.private_key, O_RDONLY | O_CLOEXEC);
	int ret;

	memcpy(request.pubkey, key, KEY_LEN);
	ret = peer_admit(kernel, &config, fd < 0 ? -ERR_CONFIG : fd, &request, peer);
	if (fd >= 0)
		close(fd);
	return ret;
}

static void test_admit(void **state)
{
	const struct admit_row *row = *state;
	uint8_t key[KEY_LEN];
	struct peer peer;

	begin();
	row->arrange();
	fake_key(key, row->key ? row->key : NODE);
	unit_is_int("result", admit(key, &peer), row->want);
	unit_is_text("calls", fake_calls(), row->calls);
	unit_is_text("log", unit_log(), row->log ? row->log : "");
	if (row->want < 0)
		return;
	unit_is_int("what it came to", peer.result, row->result);
	unit_is_text("interface", peer.ifname, row->ifname);
	unit_is_int("port", peer.port, row->port);
}

/* A verb fails: what was made by this request is undone, and nothing else. */
static const struct failure_row {
	const char *name, *verb;
	int nth;
	void (*arrange)(void);
	bool is_deleted;
} failures[] = {
	{ "new: the first look", "find", 1, nothing, false },
	{ "new: whether all is full", "find", 2, nothing, false },
	{ "new: the second look", "find", 3, nothing, false },
	{ "new: create", "create", 1, nothing, false },
	{ "new: altname", "add", 1, nothing, true },
	{ "new: device", "set", 1, nothing, true },
	{ "new: read back", "get", 1, nothing, true },
	{ "new: address", "address", 1, nothing, true },
	{ "new: up", "up", 1, nothing, true },
	{ "new: rename", "rename", 1, a_held_port, true },
	{ "new: whether the limit holds", "find", 4, nothing, false },
	{ "new: the list", "list", 1, another_limit, false },
	{ "new: whether all is full, in the walk", "find", 5, all_taken_and_marked_meanwhile,
	  false },
	{ "stale: the first look", "get", 1, a_stale_one, false },
	{ "stale: the second look", "find", 2, a_stale_one, false },
	{ "stale: the device, in the second look", "get", 2, a_stale_one, false },
	{ "stale: device", "set", 1, a_stale_one, false },
	{ "stale: read back", "get", 3, a_stale_one, false },
	{ "stale: address", "address", 1, a_stale_one, false },
	{ "stale: up", "up", 1, a_stale_one, false },
};

static void test_failure(void **state)
{
	const struct failure_row *row = *state;
	const char *calls, *log, *end;
	uint8_t key[KEY_LEN];
	struct peer peer;
	char last[32];

	begin();
	row->arrange();
	fake_fail(row->verb, row->nth, -ERR_FAILURE);
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), -ERR_FAILURE);
	calls = fake_calls();
	snprintf(last, sizeof(last), "%s", strrchr(calls, ',') ? strrchr(calls, ',') + 2 : calls);
	if (row->is_deleted)
		unit_is_text("the last calls", strstr(calls, "delete "),
			     "delete wgpeer4, find wgpeer-full-5");
	else
		unit_is_int("the last call is the one that fails",
			    strncmp(last, row->verb, strlen(row->verb)), 0);
	log = strstr(unit_log(), "3 unable to ");
	end = log ? strchr(log, '\n') : NULL;
	unit_is_int("an error in the log", end && end[1] == '\0', true);
}

/* All that a new interface has. */
static void test_complete(void **state)
{
	const struct in6_addr address = slot_address(4);
	const struct fake_interface *interface;
	uint8_t key[KEY_LEN], secret_key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	fake_key(key, NODE);
	fake_key(secret_key, PRIVATE);
	unit_is_int("result", admit(key, &peer), 0);
	interface = fake_find("wgpeerBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
	assert_non_null(interface);
	unit_is_text("name", interface->link.name, "wgpeer4");
	unit_is_int("group", interface->link.group, GROUP);
	unit_is_int("mtu", interface->link.mtu, 1374);
	unit_is_int("up", interface->link.up, true);
	unit_is_text(
		"alias", interface->link.alias,
		"wg-broker asked=5000 since=5000 looked=5000 handshake=0 stamp=0 clock=1795365000");
	unit_is_int("address", fake_has_address(interface, &address), true);
	unit_is_int("peer", interface->device.has_peer, true);
	assert_memory_equal(interface->peer_key, key, KEY_LEN);
	assert_memory_equal(interface->private_key, secret_key, KEY_LEN);
}

/* Of an interface that is completed, with a live session: the note tells of both. */
static void test_note(void **state)
{
	const struct fake_interface *interface;
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	a_live_one_that_is_down();
	fake_find("wgpeer4")->link.mtu = 1280;
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	interface = fake_find("wgpeer4");
	unit_is_text("alias", interface->link.alias,
		     "wg-broker asked=5000 since=5000 looked=5000 handshake=4821 stamp=1795369821 "
		     "clock=1795365000");
	unit_is_int("handshake", interface->device.handshake, fake_moment.wall - 179);
	unit_is_int("mtu", interface->link.mtu, 1374);
}

static const struct since_row {
	const char *name;
	int64_t now, since, want;
} sinces[] = {
	{ "renewing is no new beginning", 5000, 4701, 4701 },
	{ "but after five minutes it is", 5000, 4700, 5000 },
	{ "and if nothing tells, also right after the boot", 299, 0, 299 },
};

static void test_since(void **state)
{
	const struct since_row *row = *state;
	char want[NOTE_SIZE];
	uint8_t key[KEY_LEN];
	struct peer peer;

	begin();
	fake_moment = (struct moment){ .boot = row->now, .wall = 1795370000 };
	a_waiting_one();
	set_since(4, row->since);
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	note_format(want, &(struct note){ .asked = row->now,
					  .since = row->want,
					  .looked = row->now,
					  .clock = 1795370000 - row->now });
	unit_is_text("alias", fake_find("wgpeer4")->link.alias, want);
}

/* What was another's has nothing of the other's but the markers; the next one knows its turn. */
static void test_taken(void **state)
{
	const struct note note = {
		.asked = 4955, .since = 4950, .full = 4999, .limit = 5, .quota = 5001
	};
	const struct fake_interface *interface;
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	all_pending();
	note_format(fake_find("wgpeer2")->link.alias, &note);
	set_since(1, 4971);
	set_since(3, 4972);
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	interface = fake_find("wgpeer2");
	unit_is_text("alias", interface->link.alias,
		     "wg-broker asked=5000 since=5000 looked=5000 handshake=0 stamp=0 "
		     "clock=1795365000 full=4999 limit=5 quota=0 failed=0");
	assert_memory_equal(interface->peer_key, key, KEY_LEN);
	unit_is_text("alias of the marker's bearer", fake_find("wgpeer-full-5")->link.alias,
		     "wg-broker asked=4971 since=4971 looked=0 handshake=0 stamp=0 clock=0 "
		     "full=5001 limit=0 quota=0 failed=0");
}

/* Of an interface that an operator has labelled: his words stay. */
static void test_foreign_alias(void **state)
{
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	a_stale_one();
	strcpy(fake_find("wgpeer4")->link.alias, "node of the town hall");
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	unit_is_int("what it came to", peer.result, PEER_RENEWED);
	unit_is_int("up", fake_find("wgpeer4")->link.up, true);
	unit_is_text("alias", fake_find("wgpeer4")->link.alias, "node of the town hall");
}

/* A request that others have taken for the last slot, and that fails, leaves no marker behind. */
static void mark_first(void)
{
	fake_add_altname(fake_find("wgpeer1"), "wgpeer-full-5");
}

static void test_marker_undone(void **state)
{
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	add_peer(1, 1);
	fake_fail("up", 1, -ERR_FAILURE);
	fake_before("delete", 1, mark_first);
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), -ERR_FAILURE);
	unit_is_int("marked", fake_find("wgpeer-full-5") != NULL, false);
}

/* A held port leaves no address behind. */
static void test_moved(void **state)
{
	const struct in6_addr old = slot_address(4), new = slot_address(3);
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	one_that_lost_its_port();
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	unit_is_int("old address", fake_has_address(fake_find("wgpeer3"), &old), false);
	unit_is_int("new address", fake_has_address(fake_find("wgpeer3"), &new), true);
	unit_is_int("old name", fake_find("wgpeer4") != NULL, false);
}

static const struct marker_row {
	const char *name;
	void (*arrange)(void);
} markers[] = {
	{ "after a walk in vain", all_taken },
	{ "after a look at those beyond the limit", five_beyond_the_limit },
	{ "after a look at those that may give way", all_pending_but_young },
};

/* The next one is spared. */
static void test_marker(void **state)
{
	const struct marker_row *row = *state;
	uint8_t key[KEY_LEN];
	struct peer peer;

	begin();
	row->arrange();
	for (int i = 0; i < 2; i++) {
		fake_calls();
		fake_key(key, (uint8_t)(NODE + i));
		unit_is_int("result", admit(key, &peer), -ERR_FULL);
	}
	unit_is_text("calls", fake_calls(), "find key8, find wgpeer-full-5");
}

/* Whoever has found that the limit holds spares the next one that look. */
static void test_limit_marker(void **state)
{
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	no_limit_known();
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), 0);
	fake_calls();
	fake_key(key, NODE + 1);
	unit_is_int("result", admit(key, &peer), 0);
	unit_is_int("a list", strstr(fake_calls(), "list") != NULL, false);
}

/* The same of a source that has all that it may. */
static void test_quota_marker(void **state)
{
	uint8_t key[KEY_LEN];
	struct peer peer;

	(void)state;
	begin();
	from_a_source_with_all();
	for (int i = 0; i < 2; i++) {
		fake_calls();
		fake_key(key, (uint8_t)(NODE + i));
		unit_is_int("result", admit(key, &peer), -ERR_QUOTA);
	}
	unit_is_text("calls", fake_calls(), "find key8, find wgpeer-full-5, find " SRC "-3");
}

static void three_taken(void)
{
	for (unsigned int slot = 2; slot <= 4; slot++)
		add_peer(slot, (uint8_t)(NEIGHBOR + slot));
}

/* As far as the slots go that exist, whoever has them. */
static void beyond_the_range(void)
{
	three_taken();
	add_peer(6, NEIGHBOR + 6);
}

/* There are ports for ten; nobody knows whether there is one beyond the fifth. */
static void one_beyond(void)
{
	beyond_the_range();
	config.end_port = 41009;
	set_known_limit(10);
}

static void three_beyond(void)
{
	one_beyond();
	add_peer(8, NEIGHBOR + 8);
	add_peer(10, NEIGHBOR + 10);
}

static void none_beyond(void)
{
	one_beyond();
	set_known_limit(5);
}

static void one_beyond_and_a_failure(void)
{
	one_beyond();
	fake_fail("find", 7, -ERR_FAILURE);
}

/* 66 of them, of which 32 are looked at. */
static void many_taken(void)
{
	config.slots = 66;
	config.end_port = 41065;
	all_taken();
}

static void three_taken_and_a_failure(void)
{
	three_taken();
	fake_fail("find", 4, -ERR_FAILURE);
}

static void a_failure_at_once(void)
{
	fake_fail("find", 1, -ERR_FAILURE);
}

static const struct usage_row {
	const char *name;
	void (*arrange)(void);
	int want, looks; /* looks at the kernel */
} usages[] = {
	{ "empty", nothing, 0, 6 },
	{ "three of five", three_taken, 60, 6 },
	{ "and one beyond the ports", beyond_the_range, 60, 6 },
	{ "and one beyond the limit", one_beyond, 80, 12 },
	{ "and three", three_beyond, 100, 12 },
	{ "where none is known to be", none_beyond, 60, 7 },
	{ "a failure to know", one_beyond_and_a_failure, -ERR_FAILURE, 7 },
	{ "all", all_taken, 100, 6 },
	{ "known to be full", known_to_be_full, 100, 1 },
	{ "known to have been full", full_again, 100, 6 },
	{ "which it is no more", known_to_have_been_full, 20, 6 },
	{ "no slots", no_slots, 100, 0 },
	{ "many", many_taken, 100, 33 },
	{ "a failure", three_taken_and_a_failure, -ERR_FAILURE, 4 },
	{ "a failure at once", a_failure_at_once, -ERR_FAILURE, 1 },
};

static void test_usage(void **state)
{
	const struct usage_row *row = *state;
	const char *calls;
	int looks = 0;

	begin();
	row->arrange();
	fake_calls();
	unit_is_int("percent", room_usage(kernel, &config), row->want);
	for (calls = strstr(fake_calls(), "find"); calls; calls = strstr(calls + 1, "find"))
		looks++;
	unit_is_int("looks", looks, row->looks);
}

static int open_secret(void)
{
	const int fd = open(secret, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_locked;

/* Another process would not get the lock now, whichever kind it takes. */
static void look_at_lock(void)
{
	const int fd = open_secret();

	is_locked = flock(fd, LOCK_SH | LOCK_NB) < 0;
	close(fd);
}

static const struct locked_row {
	const char *name, *verb; /* when to look */
	int nth;
	void (*arrange)(void);
	const char *failing;
	bool want;
} locked[] = {
	{ "not at the first look", "find", 1, nothing, NULL, false },
	{ "at the second look", "find", 3, nothing, NULL, true },
	{ "while it is made", "up", 1, nothing, NULL, true },
	{ "while a stale one is renewed", "set", 1, a_stale_one, NULL, true },
	{ "while all is marked full", "add", 1, all_taken, NULL, true },
	{ "while a failed one gives its key up", "drop", 1, nothing, "up", true },
	{ "not while it is deleted", "delete", 1, nothing, "up", false },
	{ "while the marker is looked for", "find", 5, nothing, "up", true },
};

static void test_locked(void **state)
{
	const struct locked_row *row = *state;
	uint8_t key[KEY_LEN];
	struct peer peer;

	begin();
	row->arrange();
	if (row->failing)
		fake_fail(row->failing, 1, -ERR_FAILURE);
	fake_before(row->verb, row->nth, look_at_lock);
	fake_key(key, NODE);
	is_locked = !row->want;
	(void)admit(key, &peer);
	unit_is_int("locked", is_locked, row->want);
	look_at_lock();
	unit_is_int("locked afterwards", is_locked, false);
}

static void ignore(int signal)
{
	(void)signal;
}

/* Somebody else has the lock, and a signal ends the wait. It is sent again and again. */
static void test_waiting(void **state)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 20000000,
					 .it_interval.tv_nsec = 20000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = ignore };
	char want[128];
	uint8_t key[KEY_LEN];
	struct peer peer;
	timer_t timer;
	int fd;

	(void)state;
	begin();
	fd = open_secret();
	assert_int_equal(flock(fd, LOCK_EX), 0);
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	timer_settime(timer, 0, &soon, NULL);
	fake_key(key, NODE);
	unit_is_int("result", admit(key, &peer), -ERR_LOCKED);
	timer_delete(timer);
	close(fd);
	unit_is_text("calls", fake_calls(), "find key7, find wgpeer-full-5");
	snprintf(want, sizeof(want), "3 unable to lock %s: another process holds it\n", secret);
	unit_is_text("log", unit_log(), want);
}

static void test_lock(void **state)
{
	char want[128];
	int fd;

	(void)state;
	begin();
	fd = open_secret();
	unit_is_int("lock", peer_lock(&config, fd), 0);
	look_at_lock();
	unit_is_int("locked", is_locked, true);
	peer_unlock(fd);
	look_at_lock();
	unit_is_int("locked afterwards", is_locked, false);
	close(fd);
	unit_is_int("no file", peer_lock(&config, fd), -ERR_LOCKED);
	snprintf(want, sizeof(want), "3 unable to lock %s: Bad file descriptor\n", secret);
	unit_is_text("log", unit_log(), want);
}

int main(void)
{
	UNIT_TABLE(test_admit, admits);
	UNIT_TABLE(test_failure, failures);
	unit_add("all that a new one has", test_complete, NULL);
	unit_add("a note", test_note, NULL);
	unit_add("an operator's alias", test_foreign_alias, NULL);
	unit_add("one that has moved", test_moved, NULL);
	unit_add("a marker beside one that is undone", test_marker_undone, NULL);
	UNIT_TABLE(test_marker, markers);
	unit_add("the limit is marked", test_limit_marker, NULL);
	unit_add("a quota is marked", test_quota_marker, NULL);
	UNIT_TABLE(test_usage, usages);
	UNIT_TABLE(test_since, sinces);
	unit_add("one in the place of another", test_taken, NULL);
	UNIT_TABLE(test_locked, locked);
	unit_add("a wait for the lock", test_waiting, NULL);
	unit_add("the lock", test_lock, NULL);
	return unit_run();
}
