// SPDX-License-Identifier: GPL-2.0-or-later
/* A node's interface, on a kernel in memory, and how its address is chosen. */
#include <arpa/inet.h>

#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "node/tunnel.h"
#include "session.h"
#include "unit.h"

enum { PRIVATE = 246, PUBLIC = 9, GATEWAY = 7 /* bytes of the keys */ };

static struct wgif_kernel *kernel;
static struct tunnel tunnel;
static uint8_t gateway_key[KEY_LEN];
static union endpoint endpoint;

static void begin(void)
{
	kernel = fake_reset();
	fake_moment = (struct moment){ .boot = 5000, .wall = 1795370000 };
	tunnel = (struct tunnel){ .ifname = "wgmesh", .mtu = 1374, .mark = 5, .ipv6 = true };
	fake_key(tunnel.private_key, PRIVATE);
	fake_key(tunnel.public_key, PUBLIC);
	fake_key(gateway_key, GATEWAY);
	assert_int_equal(inet_pton(AF_INET6, "fe80::5", &tunnel.address), 1);
	endpoint = (union endpoint){ .in = { .sin_family = AF_INET, .sin_port = htons(41000) } };
	(void)unit_log();
}

static const struct choice_row {
	const char *name, *address, *mac;
	const char *want, *log; /* want is NULL if there is none */
} choices[] = {
	{ "of the key", NULL, NULL, "fe80::1013:1415:1617:1819", NULL },
	{ "given", "fe80::1234", NULL, "fe80::1234", NULL },
	{ "of another prefix", "2001:db8::1", NULL, NULL,
	  "3 2001:db8::1 is not an address in fe80::/64\n" },
	{ "link-local, but beyond /64", "fe80:0:0:1::1", NULL, NULL,
	  "3 fe80:0:0:1::1 is not an address in fe80::/64\n" },
	{ "no address", "gw1", NULL, NULL, "3 gw1 is not an address in fe80::/64\n" },
	{ "of a MAC address", NULL, "02:11:22:33:44:FF", "fe80::11:22ff:fe33:44ff", NULL },
	{ "of another MAC address", NULL, "00:11:22:33:44:55", "fe80::211:22ff:fe33:4455", NULL },
	{ "a MAC address that is too short", NULL, "02:11:22:33:44", NULL,
	  "3 02:11:22:33:44 is neither a MAC address nor an Ethernet interface\n" },
	{ "one that is too long", NULL, "02:11:22:33:44:55:66", NULL,
	  "3 02:11:22:33:44:55:66 is neither a MAC address nor an Ethernet interface\n" },
	{ "a very long name", NULL, "0123456789012345678901234567890123456789012345678901234567890",
	  NULL,
	  "3 0123456789012345678901234567890123456789012345678901234567890 is neither a MAC address "
	  "nor an Ethernet interface\n" },
	{ "the loopback", NULL, "lo", NULL,
	  "3 lo is neither a MAC address nor an Ethernet interface\n" },
};

static void test_choice(void **state)
{
	const struct choice_row *row = *state;
	char text[INET6_ADDRSTRLEN];

	begin();
	/* The first byte has the bit that says "assigned by a manufacturer". */
	for (uint8_t i = 0; i < 8; i++)
		tunnel.public_key[i] = i + 0x12;
	unit_is_int("result", tunnel_choose_address(&tunnel, row->address, row->mac),
		    row->want ? 0 : -ERR_CONFIG);
	unit_is_text("log", unit_log(), row->log ? row->log : "");
	if (row->want)
		unit_is_text("address", inet_ntop(AF_INET6, &tunnel.address, text, sizeof(text)),
			     row->want);
}

/* An interface that is not there may come: that is no mistake in the options. */
static void test_absent(void **state)
{
	(void)state;
	begin();
	unit_is_int("result", tunnel_choose_address(&tunnel, NULL, "nowhere"), -ERR_ABSENT);
	unit_is_text("log", unit_log(),
		     "3 there is no interface nowhere to take the address from\n");
}

/* An interface as a run leaves it, with a handshake so many seconds ago. */
static struct fake_interface *add(int64_t age)
{
	struct fake_interface *interface = fake_add("wgmesh");

	interface->link.group = TUNNEL_GROUP;
	interface->link.up = true;
	memcpy(interface->peer_key, gateway_key, KEY_LEN);
	memcpy(interface->device.public_key, tunnel.public_key, KEY_LEN);
	interface->device.has_peer = true;
	interface->device.handshake = fake_moment.wall - age;
	return interface;
}

static void live(void)
{
	add(179);
}

static void stale(void)
{
	add(180);
}

static void down(void)
{
	add(10)->link.up = false;
}

static void of_another_key(void)
{
	add(10)->device.public_key[0]++;
}

static void to_another_peer(void)
{
	add(10)->peer_key[0]++;
}

static void of_another_group(void)
{
	add(10)->link.group = 0;
}

static void of_another_kind(void)
{
	add(10)->link.wireguard = false;
}

static void nothing(void)
{
}

#define FOREIGN "3 wgmesh is not an interface of ours: name another one with -i\n"

static const struct live_row {
	const char *name;
	void (*arrange)(void);
	int want;
	const char *log;
} lives[] = {
	{ "live", live, 1, "" },
	{ "stale", stale, 0, "" },
	{ "down", down, 0, "" },
	{ "with another key of ours", of_another_key, 0, "" },
	{ "towards another gateway", to_another_peer, 0, "" },
	{ "of another group", of_another_group, -ERR_FOREIGN, FOREIGN },
	{ "of another kind", of_another_kind, -ERR_FOREIGN, FOREIGN },
	{ "none", nothing, -ERR_ABSENT, "" },
};

static void test_live(void **state)
{
	const struct live_row *row = *state;
	struct session session = { .link.index = 0 };

	begin();
	row->arrange();
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), row->want);
	unit_is_text("log", unit_log(), row->log);
	fake_calls();
	if (row->want < 0)
		return;
	/* The link is not read again for the next gateway. */
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), row->want);
	unit_is_text("calls", fake_calls(), "get wgmesh");
}

static void be_faster(void)
{
	add(10);
}

static void another_run_is_faster(void)
{
	fake_before("create", 1, be_faster);
}

static void remove_it(void)
{
	memset(fake_find("wgmesh"), 0, sizeof(struct fake_interface));
}

static void one_that_goes(void)
{
	stale();
	fake_before("get", 2, remove_it);
}

static void lose_its_peer(void)
{
	live();
	fake_find("wgmesh")->device.has_peer = false;
}

static void lose_peer(void)
{
	fake_find("wgmesh")->device.has_peer = false;
}

static void one_that_is_left_out(void)
{
	stale();
	fake_before("get", 2, lose_peer);
}

static void one_without_a_port(void)
{
	down();
	fake_fail("up", 1, -ERR_BUSY);
}

#define STEPS(port_and_more) "set wgmesh " port_and_more ", keep wgmesh fe80::5, get wgmesh"
#define CONFIGURE STEPS("0 new replace keepalive mark=5") ", up wgmesh"

static const struct configure_row {
	const char *name;
	void (*arrange)(void);
	const char *failing; /* a verb */
	int want;
	const char *calls, *log;
} configures[] = {
	{ "a new one", nothing, NULL, 1, "find wgmesh, create wgmesh, " CONFIGURE, "" },
	{ "a stale one", stale, NULL, 0, "find wgmesh, get wgmesh, " CONFIGURE, "" },
	{ "one that is down", down, NULL, 0, "find wgmesh, get wgmesh, " CONFIGURE, "" },
	{ "another run is faster", another_run_is_faster, NULL, 0,
	  "find wgmesh, create wgmesh, find wgmesh, get wgmesh, " CONFIGURE, "" },
	{ "one of another group", of_another_group, NULL, -ERR_FOREIGN, "find wgmesh", FOREIGN },
	{ "it goes meanwhile", one_that_goes, NULL, -ERR_ABSENT,
	  "find wgmesh, get wgmesh, " STEPS("0 new replace keepalive mark=5"),
	  "3 unable to configure wgmesh: it was deleted meanwhile\n" },
	{ "the kernel leaves the peer out", one_that_is_left_out, NULL, -ERR_FAILURE,
	  "find wgmesh, get wgmesh, " STEPS("0 new replace keepalive mark=5"),
	  "3 unable to add the peer to wgmesh: the kernel left it out\n" },
	{ "create fails", nothing, "create", -ERR_FAILURE, "find wgmesh, create wgmesh",
	  "3 unable to create wgmesh\n" },
	{ "set fails", nothing, "set", -ERR_FAILURE,
	  "find wgmesh, create wgmesh, set wgmesh 0 new replace keepalive mark=5",
	  "3 unable to set wgmesh 0 new replace keepalive mark=5\n" },
	{ "keep fails", nothing, "keep", -ERR_FAILURE,
	  "find wgmesh, create wgmesh, set wgmesh 0 new replace keepalive mark=5, keep wgmesh fe80::5",
	  "3 unable to keep wgmesh fe80::5\n" },
	{ "up fails", nothing, "up", -ERR_FAILURE, "find wgmesh, create wgmesh, " CONFIGURE,
	  "3 unable to up wgmesh\n" },
	{ "no port is free", one_without_a_port, NULL, -ERR_BUSY,
	  "find wgmesh, get wgmesh, " CONFIGURE,
	  "3 unable to bring up wgmesh: no UDP port is free\n" },
};

static void test_configure(void **state)
{
	const struct configure_row *row = *state;

	begin();
	row->arrange();
	if (row->failing)
		fake_fail(row->failing, 1, -ERR_FAILURE);
	unit_is_int("result", tunnel_configure(kernel, &tunnel, gateway_key, &endpoint), row->want);
	unit_is_text("calls", fake_calls(), row->calls);
	unit_is_text("log", unit_log(), row->log);
}

/* All that a new one has. */
static void test_complete(void **state)
{
	const struct fake_interface *interface;
	char want[WGIF_ALIAS_SIZE];

	(void)state;
	begin();
	unit_is_int("result", tunnel_configure(kernel, &tunnel, gateway_key, &endpoint), 1);
	interface = fake_find("wgmesh");
	unit_is_int("group", interface->link.group, TUNNEL_GROUP);
	unit_is_int("mtu", interface->link.mtu, 1374);
	unit_is_int("up", interface->link.up, true);
	unit_is_int("address", fake_has_address(interface, &tunnel.address), true);
	unit_is_int("port of the endpoint", interface->device.endpoint.in.sin_port, htons(41000));
	assert_memory_equal(interface->peer_key, gateway_key, KEY_LEN);
	snprintf(
		want, sizeof(want),
		"wg-broker asked=5000 since=0 looked=5000 handshake=0 stamp=0 clock=1795365000 full=0 "
		"limit=0 quota=0 failed=%lld",
		(long long)tunnel_address_bit(&endpoint));
	unit_is_text("alias", interface->link.alias, want);
}

/* An address has one bit, whatever its port, and other addresses have others. */
static void test_bits(void **state)
{
	union endpoint other = endpoint, ipv6 = { .in6 = { .sin6_family = AF_INET6 } };
	int64_t bit, seen = 0, seen_ipv6 = 0;

	(void)state;
	begin();
	bit = tunnel_address_bit(&endpoint);
	other.in.sin_port++;
	unit_is_int("another port", tunnel_address_bit(&other), bit);
	for (uint8_t i = 1; i < 200; i++) {
		other.in.sin_addr.s_addr = htonl(i);
		ipv6.in6.sin6_addr.s6_addr[15] = i;
		seen |= tunnel_address_bit(&other);
		bit = tunnel_address_bit(&ipv6);
		seen_ipv6 |= bit;
		if (bit <= 0 || bit & (bit - 1))
			unit_is_int("one bit", bit, 0);
	}
	/* What a note can hold. */
	unit_is_int("all bits", seen, ((int64_t)1 << 47) - 1);
	unit_is_int("all bits by IPv6", seen_ipv6, seen);
}

static int64_t shake_at; /* clock_ms() of the handshake */

static void look(void)
{
	fake_ms += 500;
	if (fake_ms >= shake_at)
		fake_find("wgmesh")->device.handshake = fake_moment.wall;
}

static const struct wait_row {
	const char *name;
	int64_t shake_at; /* milliseconds from the begin */
	void (*on_look)(void);
	const char *failing; /* a verb */
	int want;
	const char *log;
} waits[] = {
	{ "at once", 0, NULL, NULL, 1, "" },
	{ "before the end", 1000, NULL, NULL, 1, "" },
	{ "too late", 3000, NULL, NULL, 0, "" },
	{ "deleted", 3000, remove_it, NULL, -ERR_ABSENT, "3 wgmesh was deleted meanwhile\n" },
	{ "cannot be read", 3000, NULL, "get", -ERR_FAILURE, "3 unable to get wgmesh\n" },
	{ "no alias", 0, NULL, "alias", -ERR_FAILURE, "3 unable to alias wgmesh\n" },
};

/* What it waits for, and that it then forgets that this address failed, and no other. */
static void test_wait(void **state)
{
	const struct wait_row *row = *state;
	struct session session = { .link.index = 0 };
	int64_t failed;

	begin();
	unit_is_int("configure", tunnel_configure(kernel, &tunnel, gateway_key, &endpoint), 1);
	snprintf(
		fake_find("wgmesh")->link.alias, WGIF_ALIAS_SIZE,
		"wg-broker asked=%lld since=0 looked=5000 handshake=0 stamp=0 clock=1795365000 full=0 "
		"limit=0 quota=0 failed=%lld",
		(long long)fake_moment.boot,
		(long long)(tunnel_address_bit(&endpoint) | (int64_t)1 << 46));
	fake_ms = 10000;
	shake_at = fake_ms + row->shake_at;
	fake_on_ms = look;
	if (row->shake_at == 0)
		look();
	if (row->on_look)
		fake_before("get", 2, row->on_look);
	if (row->failing)
		fake_fail(row->failing, 1, -ERR_FAILURE);
	unit_is_int("wait", tunnel_wait(kernel, &tunnel, gateway_key, &endpoint, 12000), row->want);
	fake_on_ms = NULL;
	unit_is_text("log", unit_log(), row->log);
	if (row->want < 0)
		return;
	tunnel_is_live(kernel, &tunnel, gateway_key, &session);
	failed = (int64_t)1 << 46 | (row->want ? 0 : tunnel_address_bit(&endpoint));
	unit_is_int("failed", tunnel_failed(&session), failed);
	fake_moment.boot += 3599;
	session.now = fake_moment;
	unit_is_int("within the hour", tunnel_failed(&session), failed);
	session.now.boot++;
	unit_is_int("an hour later", tunnel_failed(&session), 0);
	session.now.boot = session.note.asked - 1;
	unit_is_int("of another boot", tunnel_failed(&session), 0);
}

static const struct read_row {
	const char *name;
	void (*arrange)(void);
	int want;
	const char *log;
	bool has_peer;
	int age; /* seconds */
} reads[] = {
	{ "live", live, 0, "", true, 179 },
	{ "to whichever gateway", to_another_peer, 0, "", true, 10 },
	{ "without a peer", lose_its_peer, 0, "", false, -1 },
	{ "of another group", of_another_group, -ERR_FOREIGN, FOREIGN, false, 0 },
	{ "none", nothing, -ERR_ABSENT, "", false, 0 },
};

static void test_read(void **state)
{
	const struct read_row *row = *state;
	struct session session;

	begin();
	row->arrange();
	unit_is_int("result", tunnel_read(kernel, &tunnel, &session), row->want);
	unit_is_text("log", unit_log(), row->log);
	if (row->want < 0)
		return;
	unit_is_int("peer", session.device.has_peer, row->has_peer);
	unit_is_int("age", session_age(&session), row->age);
	unit_is_int("its own key", session.device.public_key[1], PUBLIC);
}

static void test_disconnect(void **state)
{
	(void)state;
	begin();
	unit_is_int("none", tunnel_disconnect(kernel, &tunnel), 0);
	stale();
	fake_calls();
	unit_is_int("result", tunnel_disconnect(kernel, &tunnel), 0);
	unit_is_text("calls", fake_calls(),
		     "find wgmesh, get wgmesh, set wgmesh no peer 0 replace");
	unit_is_int("peer", fake_find("wgmesh")->device.has_peer, false);
	of_another_group();
	fake_find("wgmesh")->link.group = 0;
	unit_is_int("foreign", tunnel_disconnect(kernel, &tunnel), -ERR_FOREIGN);
	unit_is_text("log", unit_log(), FOREIGN);
}

/* A live session as tunnel_wait() leaves it, with all that it has. */
static struct fake_interface *add_complete(void)
{
	struct fake_interface *interface = add(179);

	interface->device.endpoint = endpoint;
	interface->device.keepalive = 25;
	interface->device.ipv6 = true;
	interface->device.mark = 5;
	interface->link.multicast = true;
	interface->link.mtu = 1374;
	interface->addresses[0] = tunnel.address;
	snprintf(interface->link.alias, WGIF_ALIAS_SIZE,
		 "wg-broker asked=4000 since=0 looked=4900 handshake=4821 stamp=1795369821 "
		 "clock=1795365000");
	return interface;
}

static void complete(void)
{
	add_complete();
}

static void with_another_mtu(void)
{
	add_complete()->link.mtu = 1280;
}

static void without_multicast(void)
{
	add_complete()->link.multicast = false;
}

static void without_keepalive(void)
{
	add_complete()->device.keepalive = 0;
}

static void with_another_mark(void)
{
	add_complete()->device.mark = 0;
}

static void with_fewer_addresses(void)
{
	add_complete()->device.ipv6 = false;
}

static void with_ipv4(void)
{
	add_complete()->device.ipv4 = true;
}

static void with_other_addresses(void)
{
	add_complete()->device.has_other_ips = true;
}

static void without_a_note(void)
{
	add_complete()->link.alias[0] = '\0';
}

static void that_failed_before(void)
{
	snprintf(add_complete()->link.alias, WGIF_ALIAS_SIZE,
		 "wg-broker asked=4000 since=0 looked=4900 handshake=4821 stamp=1795369821 "
		 "clock=1795365000 full=0 limit=0 quota=0 failed=%lld",
		 (long long)tunnel_address_bit(&endpoint));
}

static void with_a_step(void)
{
	add_complete();
	fake_moment.wall += 2;
}

static void with_a_step_back(void)
{
	add_complete();
	fake_moment.wall -= 2;
}

/* Both clocks are cut to seconds. */
static void without_a_step(void)
{
	add_complete();
	fake_moment.wall++;
}

#define SET ", set wgmesh 0 keepalive mark=5"
#define UP ", up wgmesh"

/* What is changed of a live session. Its address is looked at in any case. */
static const struct refresh_row {
	const char *name;
	void (*arrange)(void);
	const char *calls; /* behind the first */
} refreshes[] = {
	{ "one that is complete is only read", complete, "" },
	{ "the MTU", with_another_mtu, UP },
	{ "multicast", without_multicast, UP },
	{ "keepalive", without_keepalive, SET },
	{ "the mark", with_another_mark, SET },
	{ "fewer allowed IPs", with_fewer_addresses, SET },
	{ "IPv4", with_ipv4, SET },
	{ "other allowed IPs", with_other_addresses, SET },
	{ "a note that is missing", without_a_note, UP },
	{ "an address that works after all", that_failed_before, UP },
	{ "a note, once the clock was set", with_a_step, UP },
	{ "the same for a step back", with_a_step_back, UP },
	{ "not for a second", without_a_step, "" },
};

static void test_refresh(void **state)
{
	const struct refresh_row *row = *state;
	struct session session = { .link.index = 0 };
	const struct fake_interface *interface;
	char want[128];

	begin();
	row->arrange();
	interface = fake_find("wgmesh");
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), 1);
	fake_calls();
	unit_is_int("result", tunnel_refresh(kernel, &tunnel, gateway_key, &session), 0);
	snprintf(want, sizeof(want), "keep wgmesh fe80::5%s", row->calls);
	unit_is_text("calls", fake_calls(), want);
	unit_is_int("handshake", interface->device.handshake, 1795370000 - 179);
	unit_is_int("port of the endpoint", interface->device.endpoint.in.sin_port, htons(41000));
	unit_is_int("mtu", interface->link.mtu, 1374);
	unit_is_int("keepalive", interface->device.keepalive, 25);
	session.link.index = 0;
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), 1);
	unit_is_int("failed", session.written.failed, 0);
	unit_is_text("log", unit_log(), "");
}

/* With an MTU that is too low for IPv6 it takes no address, so that comes first. */
static void test_low_mtu(void **state)
{
	struct session session = { .link.index = 0 };
	struct fake_interface *interface;

	(void)state;
	begin();
	interface = add_complete();
	interface->link.mtu = 1279;
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), 1);
	fake_calls();
	unit_is_int("refresh", tunnel_refresh(kernel, &tunnel, gateway_key, &session), 0);
	unit_is_text("calls", fake_calls(), "up wgmesh, keep wgmesh fe80::5, up wgmesh");
	unit_is_int("mtu", interface->link.mtu, 1374);
	interface->link.mtu = 1279;
	unit_is_int("configure", tunnel_configure(kernel, &tunnel, gateway_key, &endpoint), 0);
	unit_is_text("calls", fake_calls(),
		     "find wgmesh, get wgmesh, set wgmesh 0 new replace keepalive mark=5, "
		     "up wgmesh, keep wgmesh fe80::5, get wgmesh, up wgmesh");
	unit_is_int("mtu", interface->link.mtu, 1374);
	unit_is_text("log", unit_log(), "");
}

/* The note goes on from what it was. */
static void test_note(void **state)
{
	struct session session = { .link.index = 0 };

	(void)state;
	begin();
	with_a_step();
	unit_is_int("live", tunnel_is_live(kernel, &tunnel, gateway_key, &session), 1);
	unit_is_int("result", tunnel_refresh(kernel, &tunnel, gateway_key, &session), 0);
	unit_is_text("alias", fake_find("wgmesh")->link.alias,
		     "wg-broker asked=4000 since=0 looked=5000 handshake=4821 stamp=1795369821 "
		     "clock=1795365002");
}

int main(void)
{
	UNIT_TABLE(test_choice, choices);
	unit_add("the address of an interface that is not there", test_absent, NULL);
	UNIT_TABLE(test_live, lives);
	UNIT_TABLE(test_configure, configures);
	unit_add("all that a new one has", test_complete, NULL);
	UNIT_TABLE(test_wait, waits);
	unit_add("an address's bit", test_bits, NULL);
	UNIT_TABLE(test_read, reads);
	unit_add("without a peer", test_disconnect, NULL);
	UNIT_TABLE(test_refresh, refreshes);
	unit_add("an MTU too low for IPv6", test_low_mtu, NULL);
	unit_add("the note of a live one", test_note, NULL);
	return unit_run();
}
