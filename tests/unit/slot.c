// SPDX-License-Identifier: GPL-2.0-or-later
/* Slots: their names, ports, addresses and marker, and the order in which a key visits them. */
#include <arpa/inet.h>

#include "unit.h"

#include "config.h"
#include "slot.h"

static char usual[] = "wgpeer", longest[] = "wgpeer-678", with_digit[] = "wg1";

static const struct name_row {
	const char *ifname; /* also the row's name */
	char *prefix;
	unsigned int want;
} names[] = {
	{ "wgpeer1", usual, 1 },
	{ "wgpeer10", usual, 10 },
	{ "wgpeer65535", usual, 65535 },
	{ "wgpeer-67865535", longest, 65535 },
	{ "wg12", with_digit, 2 },
	{ "wg111", with_digit, 11 },
	{ "wgpeer65536", usual, 0 },
	{ "wgpeer99999", usual, 0 },
	{ "wgpeer4294967297", usual, 0 },
	{ "wgpeer0", usual, 0 },
	{ "wgpeer01", usual, 0 },
	{ "wgpeer", usual, 0 },
	{ "wgpeer1x", usual, 0 },
	{ "wgpeer1 ", usual, 0 },
	{ "wgpeer-1", usual, 0 },
	{ "wgpeer+1", usual, 0 },
	{ "wgpeerx", usual, 0 },
	{ "wgpeer-full-150", usual, 0 },
	{ "xwgpeer1", usual, 0 },
	{ "WGPEER1", usual, 0 },
	{ "wgpee", usual, 0 },
	{ "wgpee1", usual, 0 },
	{ "1", usual, 0 },
	{ "eth0", usual, 0 },
	{ "", usual, 0 },
	{ "wg1", with_digit, 0 },
	{ "wg10", with_digit, 0 },
};

static void test_name(void **state)
{
	const struct name_row *row = *state;
	const struct config config = { .prefix = row->prefix };
	char ifname[IFNAMSIZ];

	unit_is_int("slot", slot_from_ifname(&config, row->ifname), row->want);
	if (!row->want)
		return;
	slot_ifname(ifname, &config, row->want);
	unit_is_text("name", ifname, row->ifname);
}

static void test_each_name(void **state)
{
	const struct config config = { .prefix = longest };
	char ifname[IFNAMSIZ];

	(void)state;
	for (unsigned int slot = 1; slot < SLOT_END; slot++) {
		slot_ifname(ifname, &config, slot);
		unit_is_int(ifname, slot_from_ifname(&config, ifname), slot);
	}
}

static const struct port_row {
	const char *name;
	unsigned int slots, slot, want;
} ports[] = {
	{ "the first", 150, 1, 40000 },	    { "the second", 150, 2, 40001 },
	{ "the last", 150, 150, 40149 },    { "one more", 150, 151, 0 },
	{ "the highest", 150, 65535, 0 },   { "the only one", 1, 1, 40000 },
	{ "beyond the only one", 1, 2, 0 },
};

static void test_port(void **state)
{
	const struct port_row *row = *state;
	const struct config config = { .slots = row->slots, .start_port = 40000 };

	unit_is_int("port", slot_port(&config, row->slot), row->want);
}

static const struct address_row {
	const char *want; /* also the row's name */
	unsigned int slot;
} addresses[] = {
	{ "fe80::1", 1 },
	{ "fe80::ff", 255 },
	{ "fe80::100", 256 },
	{ "fe80::ffff", 65535 },
};

static void test_address(void **state)
{
	const struct address_row *row = *state;
	const struct in6_addr address = slot_address(row->slot);
	char text[INET6_ADDRSTRLEN];

	unit_is_text("address", inet_ntop(AF_INET6, &address, text, sizeof(text)), row->want);
}

static const struct marker_row {
	const char *want; /* also the row's name */
	char *prefix;
	unsigned int slots;
} markers[] = {
	{ "wgpeer-full-150", usual, 150 },
	{ "wgpeer-full-151", usual, 151 },
	{ "wg1-full-150", with_digit, 150 },
	{ "wgpeer-678-full-65535", longest, 65535 },
};

static void test_marker(void **state)
{
	const struct marker_row *row = *state;
	const struct config config = { .prefix = row->prefix, .slots = row->slots };
	char marker[SLOT_MARKER_SIZE];

	slot_marker(marker, &config);
	unit_is_text("marker", marker, row->want);
	unit_is_int("a slot by that name", slot_from_ifname(&config, marker), 0);
}

/* A key of the same bytes all over: its numbers do not depend on the order of bytes. */
static void fill_key(uint8_t key[static KEY_LEN], uint8_t start, uint8_t stride)
{
	memset(key, 0, KEY_LEN);
	memset(key, start, 4);
	memset(key + 4, stride, 4);
}

/* Walks over all slots. Each must come once, and the distance from one to the next never change. */
static void check_walk(unsigned int slots, const uint8_t key[static KEY_LEN])
{
	static bool visited[SLOT_END];
	struct slot_walk walk;
	unsigned int slot, last = 0, stride = 0;
	char what[64];

	snprintf(what, sizeof(what), "of %u slots, %02x %02x", slots, key[0], key[4]);
	memset(visited, 0, slots + 1);
	slot_begin(&walk, slots, key);
	for (unsigned int step = 0; step < slots; step++) {
		slot = slot_next(&walk);
		if (slot < 1 || slot > slots || visited[slot]) {
			unit_is_int(what, slot, 0);
			return;
		}
		visited[slot] = true;
		if (step == 1)
			stride = (slot + slots - last) % slots;
		if (step > 1)
			unit_is_int(what, (slot + slots - last) % slots, stride);
		last = slot;
	}
	unit_is_int("the end", slot_next(&walk), 0);
	unit_is_int("still the end", slot_next(&walk), 0);
}

static void test_walk(void **state)
{
	static const unsigned int more[] = { 997, 1000, 1001, 1024, 30030, 32768, 65521, 65535 };
	static const uint8_t bytes[] = { 0x00, 0x55, 0xff };
	uint8_t key[KEY_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bytes) * ARRAY_SIZE(bytes); i++) {
		fill_key(key, bytes[i % ARRAY_SIZE(bytes)], bytes[i / ARRAY_SIZE(bytes)]);
		for (unsigned int slots = 1; slots <= 300; slots++)
			check_walk(slots, key);
		for (size_t j = 0; j < ARRAY_SIZE(more); j++)
			check_walk(more[j], key);
	}
}

/* The first slot and the second, from the first eight bytes of the key. */
static const struct order_row {
	const char *name;
	unsigned int slots;
	uint8_t start, stride;
	unsigned int first, second;
} orders[] = {
	{ "zero", 150, 0, 0, 1, 2 },
	/* 0x01010101 is 109 more than a multiple of 150, and 49 more than one of 60. */
	{ "another start", 150, 1, 0, 110, 111 },
	{ "another stride: 110, and 113 is the next coprime", 150, 0, 1, 1, 114 },
	{ "another stride: 50, and 53 is the next coprime", 60, 0, 1, 1, 54 },
	{ "the highest numbers", 65534, 0xff, 0xff, 4, 9 },
	{ "one slot", 1, 0xff, 0xff, 1, 0 },
	{ "two slots", 2, 1, 1, 2, 1 },
};

static void test_order(void **state)
{
	const struct order_row *row = *state;
	uint8_t key[KEY_LEN];
	struct slot_walk walk;

	fill_key(key, row->start, row->stride);
	slot_begin(&walk, row->slots, key);
	unit_is_int("first", slot_next(&walk), row->first);
	unit_is_int("second", slot_next(&walk), row->second);
}

static void test_pending_name(void **state)
{
	static char prefix[] = "babel-wg-";
	const struct config config = { .prefix = prefix };
	char name[SLOT_MARKER_SIZE];

	(void)state;
	slot_pending_name(name, &config, 0x0123456789abcdef, 1000);
	unit_is_text("name", name, "babel-wg--src-0123456789abcdef-1000");
	unit_is_int("recognized", slot_is_pending_name(&config, name), true);
	unit_is_int("another prefix", slot_is_pending_name(&config, "babel-wh--src-01-1"), false);
	unit_is_int("another marker", slot_is_pending_name(&config, "babel-wg--full-150"), false);
	unit_is_int("a slot", slot_is_pending_name(&config, "babel-wg-17"), false);
	unit_is_int("a slot by that name", slot_from_ifname(&config, name), 0);
}

int main(void)
{
	UNIT_TABLE(test_name, names);
	unit_add("the name of each slot", test_each_name, NULL);
	UNIT_TABLE(test_port, ports);
	UNIT_TABLE(test_address, addresses);
	UNIT_TABLE(test_marker, markers);
	unit_add("what an interface counts by", test_pending_name, NULL);
	unit_add("a walk visits each slot once", test_walk, NULL);
	UNIT_TABLE(test_order, orders);
	return unit_run();
}
