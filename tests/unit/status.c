// SPDX-License-Identifier: GPL-2.0-or-later
/* The three forms in which interfaces are shown, to the letter. */
#include <arpa/inet.h>

#include "admin/status.h"
#include "config.h"
#include "error.h"
#include "fake-clock.h"
#include "fake-wgif.h"
#include "mesh.h"
#include "note.h"
#include "turn.h"
#include "unit.h"

enum { GROUP = 40000, NEVER = -1 };

static char prefix[] = "wgpeer";
static const struct config config = {
	.prefix = prefix, .group = GROUP, .slots = 5, .max_peers = 7
};
static struct wgif_kernel *kernel;

/* The routing daemons, as they are played here. */
static struct mesh_state daemons[3];
static unsigned int daemon_count, turns;

bool mesh_is_configured(const struct config *same)
{
	(void)same;
	return daemon_count > 0;
}

bool mesh_get_state(const struct config *same, unsigned int number, struct mesh_state *state)
{
	(void)same;
	if (number >= daemon_count)
		return false;
	*state = daemons[number];
	return true;
}

void turn_wait(struct turn *turn, unsigned int seconds)
{
	(void)seconds;
	turn->fd = -1;
	turns++;
}

void turn_end(struct turn *turn)
{
	(void)turn;
	turns--;
}

static void begin(void)
{
	kernel = fake_reset();
	fake_moment = (struct moment){ .boot = 1000000, .wall = 1795370000 };
	(void)unit_log();
}

/* A complete interface, with a key of one byte only. */
static struct fake_interface *add(const char *name, uint8_t byte, int64_t age)
{
	struct fake_interface *interface = fake_add(name);
	char altname[KEY_ALTNAME_SIZE];

	fake_key(interface->peer_key, byte);
	key_to_altname(altname, "wgpeer", interface->peer_key);
	fake_add_altname(interface, altname);
	interface->link.group = GROUP;
	interface->link.up = true;
	interface->device.has_peer = true;
	interface->device.listen_port = 41000;
	if (age != NEVER)
		interface->device.handshake = fake_moment.wall - age;
	return interface;
}

static void set_ipv4(struct fake_interface *interface, const char *address, uint16_t port)
{
	struct sockaddr_in *in = &interface->device.endpoint.in;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
}

static void set_ipv6(struct fake_interface *interface, const char *address, uint16_t port,
		     unsigned int zone)
{
	struct sockaddr_in6 *in6 = &interface->device.endpoint.in6;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	in6->sin6_scope_id = zone;
	assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
}

/* What there is to show. */

static void nothing(void)
{
	add("wgpeer1", 7, 10)->link.group = 0;
}

/* One of each state; one is beyond the limit of five. */
static void some(void)
{
	const struct note asked = { .asked = 999960, .looked = 999960 };
	struct fake_interface *interface;

	interface = add("wgpeer200", 7, 10);
	interface->device.listen_port = 41199;
	interface->device.rx_bytes = 1536;
	interface->device.tx_bytes = 1;
	set_ipv4(interface, "198.51.100.7", 51820);
	note_format(add("wgpeer2", 0xfb, NEVER)->link.alias, &asked);
	interface = add("wgpeer3", 8, 7200);
	interface->device.rx_bytes = UINT64_C(5) << 30;
	interface->device.tx_bytes = 1000;
	set_ipv6(interface, "2001:db8::1", 40000, 0);
	interface = add("wgpeer1", 9, NEVER);
	interface->altnames[0][0] = '\0';
	interface->device.listen_port = 0;
	interface->link.up = false;
}

/* The limit was lowered. */
static void more_than_slots(void)
{
	char name[IFNAMSIZ];

	for (uint8_t i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "wgpeer%d", 5 + i);
		add(name, (uint8_t)(7 + i), 10);
	}
}

/* One of them by a later boot, or by somebody else. */
static void left_out(void)
{
	static const int64_t looked[] = { 999900, 993000, 1000001 };
	char name[IFNAMSIZ];

	for (int i = 0; i < 3; i++) {
		const struct note note = { .looked = looked[i] };

		snprintf(name, sizeof(name), "wgpeer%d", i + 1);
		note_format(add(name, (uint8_t)(7 + i), 10)->link.alias, &note);
	}
}

static void link_local(void)
{
	set_ipv6(add("wgpeer1", 7, 10), "fe80::1", 5, if_nametoindex("lo"));
}

static void link_local_of_none(void)
{
	set_ipv6(add("wgpeer1", 7, 10), "fe80::1", 65535, 1000000);
}

static void remove_it(void)
{
	memset(fake_find("wgpeer1"), 0, sizeof(struct fake_interface));
}

static void one_that_goes(void)
{
	add("wgpeer1", 7, 10);
	add("wgpeer2", 8, 0);
	fake_before("get", 1, remove_it);
}

/* Stepped a year ahead since; the note knows better. */
static void a_stepped_clock(void)
{
	const struct note note = {
		.looked = 999990, .handshake = 999900, .stamp = 1763834000, .clock = 1762834100
	};
	struct fake_interface *interface = add("wgpeer1", 7, NEVER);

	note_format(interface->link.alias, &note);
	interface->device.handshake = note.stamp;
}

#define KEY7 "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
#define KEY8 "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="
#define KEYFB "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s="

#define HEAD                                                                                         \
	"INTERFACE        PORT  STATE    PEER                                          HANDSHAKE   " \
	"    RECEIVED        SENT  ENDPOINT\n"
#define PEER7(age, sizes, endpoint)                                                                \
	"wgpeer1         41000  live     " KEY7 "  " age "  " sizes "  " endpoint "\n"
#define NO_SIZES "       0 B         0 B"

#define GAUGE(name, help, value)                                                                   \
	"# HELP wg_broker_" name " " help "\n# TYPE wg_broker_" name " gauge\nwg_broker_" name     \
	" " value "\n"
#define INFO_HEAD                                                                                  \
	"# HELP wg_broker_info The version of the broker; always 1.\n"                             \
	"# TYPE wg_broker_info gauge\n"
#define PROMETHEUS(total, free, live, waiting, stale, broken, looked, received, sent)                   \
	INFO_HEAD "wg_broker_info{version=\"" VERSION "\"} 1\n" GAUGE(                                  \
		"slots", "Interfaces that there may be.", total)                                        \
		GAUGE("slots_free", "Slots that a new peer can have.",                                  \
		      free) "# HELP wg_broker_peers Interfaces of peers, by the state of the peer.\n"   \
			    "# TYPE wg_broker_peers gauge\n"                                            \
			    "wg_broker_peers{state=\"live\"} " live "\n"                                \
			    "wg_broker_peers{state=\"waiting\"} " waiting "\n"                          \
			    "wg_broker_peers{state=\"stale\"} " stale "\n"                              \
			    "wg_broker_peers{state=\"broken\"} " broken                                 \
			    "\n" GAUGE("prune_age_seconds",                                             \
				       "Longest time since prune last looked at an interface.",         \
				       looked)                                                          \
				    GAUGE("received_bytes",                                             \
					  "Received from the peers that there are, since they came.",   \
					  received)                                                     \
					    GAUGE("sent_bytes",                                         \
						  "Sent to the peers that there are, since they came.", \
						  sent)

#define JSON(total, used, free, states, received, sent, peers)                                     \
	"{\"version\":1,\"time\":1795370000,\"max_connections\":7,\"slots\":{\"total\":" total     \
	",\"used\":" used ",\"free\":" free "},\"states\":{" states                                \
	"},\"received_bytes\":" received ",\"sent_bytes\":" sent ",\"peers\":[" peers              \
	"],\"daemons\":[]}\n"
#define STATES(live, waiting, stale, broken)                                                       \
	"\"live\":" live ",\"waiting\":" waiting ",\"stale\":" stale ",\"broken\":" broken
#define JSON_ONE(peer) JSON("5", "1", "4", STATES("1", "0", "0", "0"), "0", "0", peer)
#define JSON_PEER(name, key, endpoint, state, slot, port, asked, handshake, age, received, sent)   \
	"{\"interface\":\"" name "\",\"public_key\":" key ",\"endpoint\":" endpoint                \
	",\"state\":\"" state "\",\"slot\":" slot ",\"port\":" port ",\"asked_age\":" asked        \
	",\"last_handshake\":" handshake ",\"handshake_age\":" age ",\"received_bytes\":" received \
	",\"sent_bytes\":" sent "}"

#define SOME_PEERS                                                                                 \
	JSON_PEER("wgpeer1", "null", "null", "broken", "1", "0", "null", "null", "null", "0", "0") \
	"," JSON_PEER("wgpeer2", "\"" KEYFB "\"", "null", "waiting", "2", "41000", "40", "null",   \
		      "null", "0",                                                                 \
		      "0") "," JSON_PEER("wgpeer3", "\"" KEY8 "\"", "\"[2001:db8::1]:40000\"",     \
					 "stale", "3", "41000", "null", "1795362800", "7200",      \
					 "5368709120",                                             \
					 "1000") "," JSON_PEER("wgpeer200", "\"" KEY7 "\"",        \
							       "\"198.51.100.7:51820\"", "live",   \
							       "200", "41199", "null",             \
							       "1795369990", "10", "1536", "1")

static const struct form_row {
	const char *name;
	enum status_form form;
	void (*arrange)(void);
	const char *want;
} forms[] = {
	{ "nothing", STATUS_TABLE, nothing,
	  "0 of 5 slots used, 5 free: 0 live, 0 waiting, 0 stale, 0 broken\n" },
	{ "nothing, as JSON", STATUS_JSON, nothing,
	  JSON("5", "0", "5", STATES("0", "0", "0", "0"), "0", "0", "") },
	{ "nothing, for Prometheus", STATUS_PROMETHEUS, nothing,
	  PROMETHEUS("5", "5", "0", "0", "0", "0", "0", "0", "0") },

	{ "some", STATUS_TABLE, some,
	  HEAD
	  "wgpeer1             0  broken   -                                             never       "
	  "         0 B         0 B  -\n"
	  "wgpeer2         41000  waiting  " KEYFB "  never                0 B         0 B  -\n"
	  "wgpeer3         41000  stale    " KEY8 "  2 h ago          5.0 GiB      1000 B  "
	  "[2001:db8::1]:40000\n"
	  "wgpeer200       41199  live     " KEY7 "  10 s ago         1.5 KiB         1 B  "
	  "198.51.100.7:51820\n"
	  "4 of 5 slots used, 1 free: 1 live, 1 waiting, 1 stale, 1 broken\n" },
	{ "some, as JSON", STATUS_JSON, some,
	  JSON("5", "4", "1", STATES("1", "1", "1", "1"), "5368710656", "1001", SOME_PEERS) },
	{ "some, for Prometheus", STATUS_PROMETHEUS, some,
	  PROMETHEUS("5", "1", "1", "1", "1", "1", "40", "5368710656", "1001") },

	{ "more than slots", STATUS_PROMETHEUS, more_than_slots,
	  PROMETHEUS("5", "0", "6", "0", "0", "0", "0", "0", "0") },
	{ "several that prune left out", STATUS_PROMETHEUS, left_out,
	  PROMETHEUS("5", "2", "3", "0", "0", "0", "7000", "0", "0") },

	{ "a link-local address", STATUS_TABLE, link_local,
	  HEAD PEER7(
		  "10 s ago    ", NO_SIZES,
		  "[fe80::1%lo]:5") "1 of 5 slots used, 4 free: 1 live, 0 waiting, 0 stale, 0 broken\n" },
	{ "a link-local address, as JSON", STATUS_JSON, link_local,
	  JSON_ONE(JSON_PEER("wgpeer1", "\"" KEY7 "\"", "\"[fe80::1%lo]:5\"", "live", "1", "41000",
			     "null", "1795369990", "10", "0", "0")) },
	{ "one of an interface that is gone", STATUS_TABLE, link_local_of_none,
	  HEAD PEER7(
		  "10 s ago    ", NO_SIZES,
		  "[fe80::1%1000000]:65535") "1 of 5 slots used, 4 free: 1 live, 0 waiting, 0 stale, 0 broken\n" },
	{ "one goes meanwhile", STATUS_JSON, one_that_goes,
	  JSON_ONE(JSON_PEER("wgpeer2", "\"" KEY8 "\"", "null", "live", "2", "41000", "null",
			     "1795370000", "0", "0", "0")) },
	{ "a stepped clock", STATUS_JSON, a_stepped_clock,
	  JSON_ONE(JSON_PEER("wgpeer1", "\"" KEY7 "\"", "null", "live", "1", "41000", "null",
			     "1763834000", "100", "0", "0")) },
};

static void test_form(void **state)
{
	const struct form_row *row = *state;
	int ret;

	begin();
	row->arrange();
	unit_capture();
	ret = status(kernel, &config, row->form, NULL);
	unit_is_text("output", unit_captured(), row->want);
	unit_is_int("result", ret, 0);
	unit_is_text("log", unit_log(), "");
}

static const struct words_row {
	const char *want; /* also the row's name */
	int64_t age;
} words[] = {
	{ "never       ", NEVER },  { "0 s ago     ", 0 },     { "59 s ago    ", 59 },
	{ "1 min ago   ", 60 },	    { "1 min ago   ", 119 },   { "59 min ago  ", 3599 },
	{ "1 h ago     ", 3600 },   { "23 h ago    ", 86399 }, { "1 d ago     ", 86400 },
	{ "11 d ago    ", 999999 },
};

/* The table of one interface, of which only a part is looked at. */
static void check_table(const char *want)
{
	const char *output;
	int ret;

	unit_capture();
	ret = status(kernel, &config, STATUS_TABLE, NULL);
	output = unit_captured();
	unit_is_int("result", ret, 0);
	if (!strstr(output, want))
		unit_is_text("output", output, want);
}

static void test_words(void **state)
{
	const struct words_row *row = *state;
	char want[128];

	begin();
	add("wgpeer1", 7, row->age);
	snprintf(want, sizeof(want), "%s  %s  " NO_SIZES "  -\n", KEY7, row->want);
	check_table(want);
}

static const struct bytes_row {
	const char *want; /* also the row's name */
	uint64_t bytes;
} sizes[] = {
	{ "0 B", 0 },
	{ "1023 B", 1023 },
	{ "1.0 KiB", 1024 },
	{ "1.5 KiB", 1536 },
	{ "1023.9 KiB", 1023 * 1024 + 947 },
	{ "1.0 MiB", 1048575 },
	{ "1.0 MiB", 1 << 20 },
	{ "1.0 GiB", 1 << 30 },
	{ "1.0 TiB", UINT64_C(1) << 40 },
	{ "1.0 PiB", UINT64_C(1) << 50 },
	{ "1.0 EiB", UINT64_C(1) << 60 },
	{ "16.0 EiB", UINT64_MAX },
};

static void test_bytes(void **state)
{
	const struct bytes_row *row = *state;
	char want[128];

	begin();
	add("wgpeer1", 7, NEVER)->device.tx_bytes = row->bytes;
	snprintf(want, sizeof(want), "never                0 B  %10s  -\n", row->want);
	check_table(want);
}

static const struct failure_row {
	const char *verb; /* also the row's name */
	int nth;
} failures[] = { { "list", 1 }, { "get", 1 }, { "get", 2 } };

static void test_failure(void **state)
{
	const struct failure_row *row = *state;
	int ret;

	begin();
	some();
	fake_fail(row->verb, row->nth, -ERR_FAILURE);
	unit_capture();
	ret = status(kernel, &config, STATUS_TABLE, NULL);
	unit_is_text("output", unit_captured(), "");
	unit_is_int("result", ret, -ERR_FAILURE);
	unit_is_int("a line in the log", strncmp(unit_log(), "3 unable to ", 12), 0);
}

/* A few calls of the kernel, and none that changes something. */
static void test_calls(void **state)
{
	(void)state;
	begin();
	some();
	check_table("4 of 5 slots used");
	unit_is_text("calls", fake_calls(),
		     "list, get wgpeer1, get wgpeer2, get wgpeer3, get wgpeer200");
}

#define NOBODY "0 of 5 slots used, 5 free: 0 live, 0 waiting, 0 stale, 0 broken\n"

static const struct daemons_row {
	const char *name;
	enum status_form form;
	const char *want; /* the end of the output */
} daemon_rows[] = {
	{ "daemons", STATUS_TABLE,
	  NOBODY "babeld knows 380 interfaces, but cannot use 15 of them: raise "
		 "net.core.optmem_max and restart it\nmmfd does not answer\n" },
	{ "daemons, as JSON", STATUS_JSON,
	  "],\"daemons\":[{\"name\":\"babeld\",\"answers\":true,\"interfaces\":380,"
	  "\"interfaces_down\":15},{\"name\":\"mmfd\",\"answers\":false,\"interfaces\":0,"
	  "\"interfaces_down\":0}]}\n" },
	{ "daemons, for Prometheus", STATUS_PROMETHEUS,
	  "# HELP wg_broker_daemon_up Whether a routing daemon answers.\n"
	  "# TYPE wg_broker_daemon_up gauge\n"
	  "wg_broker_daemon_up{daemon=\"babeld\"} 1\nwg_broker_daemon_up{daemon=\"mmfd\"} 0\n"
	  "# HELP wg_broker_daemon_interfaces Interfaces of peers that a routing daemon knows.\n"
	  "# TYPE wg_broker_daemon_interfaces gauge\n"
	  "wg_broker_daemon_interfaces{daemon=\"babeld\"} 380\n"
	  "wg_broker_daemon_interfaces{daemon=\"mmfd\"} 0\n"
	  "# HELP wg_broker_daemon_interfaces_down Those of them that it is unable to use.\n"
	  "# TYPE wg_broker_daemon_interfaces_down gauge\n"
	  "wg_broker_daemon_interfaces_down{daemon=\"babeld\"} 15\n"
	  "wg_broker_daemon_interfaces_down{daemon=\"mmfd\"} 0\n" },
};

static void begin_with_daemons(void)
{
	begin();
	daemons[0] = (struct mesh_state){ "babeld", "33123", true, 380, 15, NULL };
	daemons[1] = (struct mesh_state){ "l3roamd", "", false, 0, 0, NULL };
	daemons[2] = (struct mesh_state){ "mmfd", "/run/mmfd", false, 0, 0, NULL };
	daemon_count = 3;
}

static void test_daemons(void **state)
{
	const struct daemons_row *row = *state;
	const char *output, *end;
	int ret;

	begin_with_daemons();
	unit_capture();
	ret = status(kernel, &config, row->form, NULL);
	output = unit_captured();
	unit_is_int("result", ret, 0);
	end = strstr(output, row->want);
	unit_is_text("end of the output", end ? end : output, row->want);
	unit_is_int("turns that did not end", turns, 0);
	daemon_count = 0;
}

static const struct label_row {
	const char *name;
	const char *want; /* a line of the output */
} labels[] = {
	{ "with another one", "\nwg_broker_info{broker=\"40100\",version=\"" VERSION "\"} 1\n" },
	{ "alone", "\nwg_broker_slots{broker=\"40100\"} 5\n" },
	{ "states", "\nwg_broker_peers{broker=\"40100\",state=\"broken\"} 0\n" },
	{ "daemons",
	  "\nwg_broker_daemon_interfaces_down{broker=\"40100\",daemon=\"babeld\"} 15\n" },
};

/* A label that tells brokers of one machine apart. */
static void test_label(void **state)
{
	const struct label_row *row = *state;
	const char *output;
	int ret;

	begin_with_daemons();
	unit_capture();
	ret = status(kernel, &config, STATUS_PROMETHEUS, "40100");
	output = unit_captured();
	unit_is_int("result", ret, 0);
	if (!strstr(output, row->want))
		unit_is_text("output", output, row->want);
	daemon_count = 0;
}

int main(void)
{
	UNIT_TABLE(test_label, labels);
	UNIT_TABLE(test_daemons, daemon_rows);
	UNIT_TABLE(test_form, forms);
	UNIT_TABLE(test_words, words);
	UNIT_TABLE(test_bytes, sizes);
	UNIT_TABLE(test_failure, failures);
	unit_add("the calls", test_calls, NULL);
	return unit_run();
}
