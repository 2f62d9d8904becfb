// SPDX-License-Identifier: GPL-2.0-or-later
/* Which of two gateways is asked first, with gateways that this test plays. */
#include <arpa/inet.h>
#include <sys/mman.h>

#include "node/choice.h"
#include "node/gateway.h"
#include "node/options.h"
#include "node/tunnel.h"
#include "unit.h"

enum {
	GATEWAYS = 3,
	ADDRESSES = 4, /* of each at most */
	NONE = GATEWAY_USAGE_NONE,
	UNKNOWN = GATEWAY_USAGE_UNKNOWN,
	DIES = -1, /* in place of a usage */
	DEADLINE = 12345,
	MARK = 0xca6c,
};

/* What is played: for each gateway its addresses, and how full they are. */
static const struct row {
	const char *name;
	size_t count; /* of gateways */
	struct {
		const char *addresses[ADDRESSES];
		int usages[ADDRESSES];
	} gateways[GATEWAYS];
	const char *failed;   /* an address that failed before, or NULL */
	const char *want;     /* the address that is chosen, or NULL */
	const char *asked;    /* the addresses that are asked how full they are */
	const char *fails[2]; /* the addresses that fail now */
} rows[] = {
	{ "the first is emptier",
	  2,
	  { { { "192.0.2.1" }, { 3 } }, { { "192.0.2.2" }, { 4 } } },
	  NULL,
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "the second is emptier",
	  2,
	  { { { "192.0.2.1" }, { 4 } }, { { "192.0.2.2" }, { 3 } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "both alike",
	  2,
	  { { { "192.0.2.1" }, { 4 } }, { { "192.0.2.2" }, { 4 } } },
	  NULL,
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "an empty third is not asked",
	  3,
	  { { { "192.0.2.1" }, { 9 } }, { { "192.0.2.2" }, { 8 } }, { { "192.0.2.3" }, { 0 } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "unknown before rather full",
	  2,
	  { { { "192.0.2.1" }, { 51 } }, { { "192.0.2.2" }, { UNKNOWN } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "unknown after rather empty",
	  2,
	  { { { "192.0.2.1" }, { UNKNOWN } }, { { "192.0.2.2" }, { 49 } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "full before none",
	  2,
	  { { { "192.0.2.1" }, { NONE } }, { { "192.0.2.2" }, { 100 } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { "192.0.2.1" } },
	{ "none after full",
	  2,
	  { { { "192.0.2.1" }, { 100 } }, { { "192.0.2.2" }, { NONE } } },
	  NULL,
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { "192.0.2.2" } },
	{ "none at all",
	  2,
	  { { { "192.0.2.1" }, { NONE } }, { { "192.0.2.2" }, { NONE } } },
	  NULL,
	  NULL,
	  " 192.0.2.1 192.0.2.2",
	  { "192.0.2.1", "192.0.2.2" } },
	{ "the process of the second dies",
	  2,
	  { { { "192.0.2.1" }, { 51 } }, { { "192.0.2.2" }, { DIES } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "which counts as unknown",
	  2,
	  { { { "192.0.2.1" }, { 49 } }, { { "192.0.2.2" }, { DIES } } },
	  NULL,
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "the first failed before",
	  3,
	  { { { "192.0.2.1" }, { 0 } }, { { "192.0.2.2" }, { 8 } }, { { "192.0.2.3" }, { 7 } } },
	  "192.0.2.1",
	  "192.0.2.3",
	  " 192.0.2.2 192.0.2.3",
	  { NULL } },
	{ "one of two failed before",
	  2,
	  { { { "192.0.2.1" }, { 0 } }, { { "192.0.2.2" }, { 8 } } },
	  "192.0.2.2",
	  NULL,
	  "",
	  { NULL } },
	{ "one address of the first failed before",
	  2,
	  { { { "2001:db8::1", "192.0.2.1" }, { 0, 5 } }, { { "192.0.2.2" }, { 8 } } },
	  "2001:db8::1",
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "of several only the first address of each",
	  2,
	  { { { "192.0.2.1", "192.0.2.11" }, { 6, 0 } },
	    { { "192.0.2.2", "192.0.2.12" }, { 5, 0 } } },
	  NULL,
	  "192.0.2.2",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
	{ "the first has no address",
	  3,
	  { { { NULL }, { 0 } }, { { "192.0.2.2" }, { 5 } }, { { "192.0.2.3" }, { 5 } } },
	  NULL,
	  NULL,
	  "",
	  { NULL } },
	{ "the second has no address",
	  3,
	  { { { "192.0.2.1" }, { 5 } }, { { NULL }, { 0 } }, { { "192.0.2.3" }, { 5 } } },
	  NULL,
	  NULL,
	  "",
	  { NULL } },
	{ "only one", 1, { { { "192.0.2.1" }, { 5 } } }, NULL, NULL, "", { NULL } },
	{ "only one, of two families",
	  1,
	  { { { "2001:db8::1", "192.0.2.1" }, { 5, 5 } } },
	  NULL,
	  NULL,
	  "",
	  { NULL } },
	{ "only one name, for two of each family",
	  1,
	  { { { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2" }, { 9, 8, 0, 0 } } },
	  NULL,
	  "2001:db8::2",
	  " 2001:db8::1 2001:db8::2",
	  { NULL } },
	{ "only one name, and one family failed",
	  1,
	  { { { "2001:db8::1", "192.0.2.1", "192.0.2.2" }, { 0, 7, 8 } } },
	  "2001:db8::1",
	  "192.0.2.1",
	  " 192.0.2.1 192.0.2.2",
	  { NULL } },
};

static const struct row *played;
static struct options options = { .mark = MARK };
/* Which addresses were asked; a process of its own asks one of them. */
static bool (*asked)[ADDRESSES];

static union endpoint parse(const char *text)
{
	union endpoint endpoint = { .any.sa_family = AF_INET };
	void *address = &endpoint.in.sin_addr;

	if (strchr(text, ':')) {
		endpoint.any.sa_family = AF_INET6;
		address = &endpoint.in6.sin6_addr;
	}
	assert_int_equal(inet_pton(endpoint.any.sa_family, text, address), 1);
	return endpoint;
}

size_t gateway_resolve(const struct gateway *gateway, bool in_order,
		       union endpoint addresses[static GATEWAY_MAX_ADDRESSES], const char **why)
{
	const char *const *texts = played->gateways[gateway - options.gateways].addresses;
	size_t count = 0;

	unit_is_int("in order", in_order, false);
	for (; count < ADDRESSES && texts[count]; count++)
		addresses[count] = parse(texts[count]);
	*why = "it has no address";
	return count;
}

int gateway_ask_usage(const union endpoint *address, uint32_t mark, int64_t deadline)
{
	const bool is_ipv4 = address->any.sa_family == AF_INET;
	const void *bytes = is_ipv4 ? (const void *)&address->in.sin_addr : &address->in6.sin6_addr;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(address->any.sa_family, bytes, text, sizeof(text));
	for (size_t i = 0; i < GATEWAYS * ADDRESSES; i++) {
		const size_t gateway = i / ADDRESSES, number = i % ADDRESSES;
		const char *other = played->gateways[gateway].addresses[number];

		if (!other || strcmp(text, other) != 0)
			continue;
		asked[gateway][number] = deadline == DEADLINE && mark == MARK;
		if (played->gateways[gateway].usages[number] == DIES)
			abort();
		return played->gateways[gateway].usages[number];
	}
	abort();
}

/* The addresses that were asked, each with a blank in front. */
static const char *list_asked(void)
{
	static char list[256];

	*list = '\0';
	for (size_t i = 0; i < GATEWAYS * ADDRESSES; i++)
		if (asked[i / ADDRESSES][i % ADDRESSES])
			strcat(strcat(list, " "),
			       played->gateways[i / ADDRESSES].addresses[i % ADDRESSES]);
	return list;
}

static int64_t bit_of(const char *text)
{
	union endpoint endpoint;

	if (!text)
		return 0;
	endpoint = parse(text);
	return tunnel_address_bit(&endpoint);
}

/* Of all the addresses there are, only the wanted one is the one that was chosen. */
static void check_choice(const struct choice *choice)
{
	for (size_t i = 0; i < GATEWAYS * ADDRESSES; i++) {
		const char *text = played->gateways[i / ADDRESSES].addresses[i % ADDRESSES];
		union endpoint endpoint;

		if (!text)
			continue;
		endpoint = parse(text);
		unit_is_int(text, choice_is(choice, &options.gateways[i / ADDRESSES], &endpoint),
			    played->want && strcmp(played->want, text) == 0);
		unit_is_int("of another gateway",
			    choice_is(choice, &options.gateways[(i / ADDRESSES + 1) % GATEWAYS],
				      &endpoint),
			    false);
	}
}

static void test_choice(void **state)
{
	const struct row *row = *state;
	int64_t failed = bit_of(row->failed);
	struct choice choice;

	played = row;
	memset(asked, 0, GATEWAYS * sizeof(*asked));
	options.count = row->count;
	choice_make(&choice, &options, DEADLINE, &failed);
	check_choice(&choice);
	unit_is_text("asked", list_asked(), row->asked);
	unit_is_int("failed", failed,
		    bit_of(row->failed) | bit_of(row->fails[0]) | bit_of(row->fails[1]));
}

static void test_in_order(void **state)
{
	struct choice choice;
	int64_t failed = 0;

	(void)state;
	played = &rows[0];
	options.count = 2;
	options.in_order = true;
	memset(asked, 0, GATEWAYS * sizeof(*asked));
	choice_make(&choice, &options, DEADLINE, &failed);
	options.in_order = false;
	unit_is_int("chosen", choice.gateway != NULL, false);
	unit_is_text("asked", list_asked(), "");
}

int main(void)
{
	asked = mmap(NULL, GATEWAYS * sizeof(*asked), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(asked != MAP_FAILED);
	UNIT_TABLE(test_choice, rows);
	unit_add("in the order given", test_in_order, NULL);
	return unit_run();
}
