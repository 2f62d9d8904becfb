// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the routing daemons are told, by way of a fake one on a Unix socket: that they get the right
 * lines, and that nothing they answer, or do not answer, delays us beyond the deadlines.
 *
 * The fake daemon plays its part whenever mesh.c looks at the clock, and time passes only where its
 * part says so, or where mesh.c waits for it in vain. So no test depends on how fast the machine
 * is.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "unit.h"

#include "config.h"
#include "error.h"
#include "fake-clock.h"
#include "mesh.h"

enum {
	IN_VAIN = 100000, /* milliseconds: more than mesh.c waits for anything */
	MAX_STEPS = 16,
	HEARD_SIZE = 4096,
};

/* What the fake daemon does, step by step. At the end it does nothing more. */
struct step {
	enum { END, ACCEPT, SAY, HEAR, WAIT, CLOSE } what;
	const char *text; /* to say */
	/* How often to say it; how many bytes to hear, or 0 for a line; or milliseconds to wait. */
	int number;
};

/* What became of a step: it has to wait, it is done, or mesh.c must now see what was done. */
enum outcome { BLOCKED, DONE, SEEN };

#define BANNER "BABEL 1.0\nversion babeld-1.12.1\nhost gateway\nmy-id 02:00:00:00:00:00:00:01\nok\n"

static struct fake {
	char path[108];
	int listener, client; /* the client is -1 if there is none */
	const struct step *step;
	char *words; /* that the step is about to say, or NULL */
	size_t words_len, said;
	char heard[HEARD_SIZE];
	size_t heard_len, heard_before; /* before is where the step began */
} fake;

static enum outcome accept_client(void)
{
	fake.client = accept4(fake.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fake.client < 0 ? BLOCKED : DONE;
}

static void prepare_words(const struct step *step)
{
	const size_t len = strlen(step->text), times = step->number ? (size_t)step->number : 1;

	fake.said = 0;
	fake.words_len = len * times;
	fake.words = malloc(fake.words_len);
	assert_non_null(fake.words);
	for (size_t i = 0; i < times; i++)
		memcpy(fake.words + i * len, step->text, len);
}

/* Says as much as fits into the socket; the step ends once all is said. */
static enum outcome say(const struct step *step)
{
	ssize_t len;

	if (!fake.words)
		prepare_words(step);
	len = send(fake.client, fake.words + fake.said, fake.words_len - fake.said, MSG_NOSIGNAL);
	if (len < 0)
		return BLOCKED;
	fake.said += (size_t)len;
	if (fake.said < fake.words_len)
		return BLOCKED;
	free(fake.words);
	fake.words = NULL;
	return SEEN;
}

static enum outcome hear_byte(void)
{
	ssize_t len;

	assert_true(fake.heard_len < HEARD_SIZE - 1);
	len = recv(fake.client, &fake.heard[fake.heard_len], 1, 0);
	if (len != 1)
		return BLOCKED;
	fake.heard_len++;
	return DONE;
}

/* Whether a step has heard its line, or its number of bytes. */
static bool is_complete(const struct step *step)
{
	const size_t len = fake.heard_len - fake.heard_before;

	if (step->number)
		return len == (size_t)step->number;
	return len && fake.heard[fake.heard_len - 1] == '\n';
}

static enum outcome hear(const struct step *step)
{
	enum outcome outcome = DONE;

	while (outcome == DONE && !is_complete(step))
		outcome = hear_byte();
	return outcome;
}

static enum outcome play_step(const struct step *step)
{
	switch (step->what) {
	case ACCEPT:
		return accept_client();
	case SAY:
		return say(step);
	case HEAR:
		return hear(step);
	case WAIT:
		fake_ms += step->number;
		return DONE;
	case CLOSE:
		close(fake.client);
		fake.client = -1;
		return SEEN;
	default:
		return BLOCKED;
	}
}

static bool has_unread(void)
{
	int bytes = 0;

	if (fake.client >= 0)
		assert_int_equal(ioctl(fake.client, SIOCOUTQ, &bytes), 0);
	return bytes > 0;
}

/* Plays on, up to where it is mesh.c's turn. */
static void play(void)
{
	enum outcome outcome = DONE;

	while (outcome == DONE && !has_unread()) {
		outcome = play_step(fake.step);
		if (outcome == BLOCKED)
			break;
		fake.step++;
		fake.heard_before = fake.heard_len;
	}
	if (outcome == BLOCKED && !has_unread())
		fake_ms += IN_VAIN;
}

static int listen_on(const struct sockaddr *address, socklen_t size, int backlog)
{
	const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, address, size), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static struct sockaddr_un fake_address(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, fake.path, sizeof(address.sun_path));
	return address;
}

static void start_fake(const struct step *steps)
{
	struct sockaddr_un address;

	fake = (struct fake){ .client = -1, .step = steps };
	snprintf(fake.path, sizeof(fake.path), "%s", unit_path("socket"));
	unlink(fake.path);
	address = fake_address();
	fake.listener = listen_on((struct sockaddr *)&address, sizeof(address), 5);
	fake_on_ms = play;
}

static void hear_rest(void)
{
	enum outcome outcome = fake.client < 0 ? BLOCKED : DONE;

	while (outcome == DONE)
		outcome = hear_byte();
	if (fake.client >= 0)
		close(fake.client);
	fake.client = -1;
}

/* Ends the fake, and checks all that it was sent, whether its part was to hear it or not. */
static void end_fake(const char *want)
{
	enum outcome outcome = DONE;

	fake_on_ms = NULL;
	while (outcome == DONE) {
		hear_rest();
		outcome = accept_client();
	}
	close(fake.listener);
	free(fake.words);
	fake.words = NULL;
	unit_is_text("received", fake.heard, want);
}

/* A configuration with one daemon. */
static struct config config_of(const char *daemon, char *address)
{
	static char empty[] = "", options[] = "hello-interval 1", prefix[] = "wgpeer";
	struct config config = {
		.babel = empty,
		.babel_options = options,
		.l3roamd = empty,
		.mmfd = empty,
		.prefix = prefix,
	};

	if (strcmp(daemon, "babeld") == 0)
		config.babel = address;
	else if (strcmp(daemon, "l3roamd") == 0)
		config.l3roamd = address;
	else
		config.mmfd = address;
	return config;
}

/* Checks that the log has one line with this reason, or nothing for an empty one. */
static void check_log(const char *daemon, const char *address, const char *reason)
{
	char want[1024] = "";

	if (*reason)
		snprintf(want, sizeof(want), "4 unable to talk to %s at %s: %s\n", daemon, address,
			 reason);
	unit_is_text("log", unit_log(), want);
}

/*
 * What is done, and of which interfaces: 5 is announced, or 5 and 7 are withdrawn; or of the one
 * "mesh", which has no slot.
 */
enum act { ANNOUNCE, WITHDRAW, ANNOUNCE_MISSING, WITHDRAW_ONE };

struct tell_row {
	const char *name;
	const char *daemon;
	enum act act;
	struct step steps[MAX_STEPS];
	const char *received;
	const char *reason; /* of the one line in the log; empty if there is none */
};

#define ACCEPTS                                                                                    \
	{                                                                                          \
		ACCEPT, "", 0                                                                      \
	}
#define SAYS(words)                                                                                \
	{                                                                                          \
		SAY, words, 0                                                                      \
	}
#define HEARS                                                                                      \
	{                                                                                          \
		HEAR, "", 0                                                                        \
	}
#define WAITS(ms)                                                                                  \
	{                                                                                          \
		WAIT, "", ms                                                                       \
	}
#define CLOSES                                                                                     \
	{                                                                                          \
		CLOSE, "", 0                                                                       \
	}
#define HELLO ACCEPTS, SAYS(BANNER)
#define ANSWER(text) HEARS, SAYS(text)
#define MESHIF ACCEPTS, HEARS, CLOSES
#define REFUSED(answer)                                                                            \
	"it answered \"" answer "\"; does it run with -G, and does it know the BABELOPTIONS?"
/* To 511 characters: a hundred times "no ", and seventy times, and one character. */
#define TIMES_10(text) text text text text text text text text text text
#define ADD5 "interface wgpeer5 hello-interval 1\n"

static const struct tell_row tells[] = {
	{ "add", "babeld", ANNOUNCE, { HELLO, ANSWER("ok\n") }, ADD5, "" },
	{ "a slow banner, in pieces",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, SAYS("BABEL 1.0\no"), WAITS(100), SAYS("k"), WAITS(100), SAYS("\n"),
	    ANSWER("ok\n") },
	  ADD5,
	  "" },
	{ "other lines before the answer",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("add interface wgpeer5 up false\nokay\n ok\nnot\nok\n") },
	  ADD5,
	  "" },
	{ "an answer that is longer than our line",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, { SAY, "no ", 500 }, SAYS("\nok\n") },
	  "",
	  REFUSED(TIMES_10(TIMES_10("no ")) TIMES_10("no no no no no no no ") "n") },
	{ "a long line that is not an answer",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, { SAY, "id ", 5000 }, SAYS("\nok\n"), ANSWER("ok\n") },
	  ADD5,
	  "" },
	{ "okay, but no",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("okay\nno\n") },
	  ADD5,
	  REFUSED("no") },
	{ "no", "babeld", ANNOUNCE, { HELLO, ANSWER("no\n") }, ADD5, REFUSED("no") },
	{ "no with words",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("no Read-only\n") },
	  ADD5,
	  REFUSED("no Read-only") },
	{ "bad", "babeld", ANNOUNCE, { HELLO, ANSWER("bad\n") }, ADD5, REFUSED("bad") },
	{ "bad with words",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("bad Unknown command\n") },
	  ADD5,
	  REFUSED("bad Unknown command") },
	{ "a banner and an answer in time",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, WAITS(4999), SAYS(BANNER), HEARS, WAITS(4999), SAYS("ok\n") },
	  ADD5,
	  "" },
	{ "a banner too late",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, WAITS(5000), SAYS(BANNER) },
	  "",
	  "no answer in time" },
	{ "an answer too late",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, HEARS, WAITS(5000), SAYS("ok\n") },
	  ADD5,
	  "no answer in time" },
	{ "no banner", "babeld", ANNOUNCE, { ACCEPTS }, "", "no answer in time" },
	{ "nobody accepts", "babeld", ANNOUNCE, { { 0 } }, "", "no answer in time" },
	{ "a banner without an end",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, SAYS("BABEL 1.0\nok") },
	  "",
	  "no answer in time" },
	{ "no answer", "babeld", ANNOUNCE, { HELLO, HEARS }, ADD5, "no answer in time" },
	{ "lines for ever",
	  "babeld",
	  ANNOUNCE,
	  { HELLO,
	    HEARS,
	    { SAY, "a\n", 100000 },
	    WAITS(3000),
	    SAYS("b\n"),
	    WAITS(2000),
	    SAYS("ok\n") },
	  ADD5,
	  "no answer in time" },
	{ "a line without an end",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, { SAY, "0123456789abcdef", 100000 } },
	  "",
	  "its answer is too long" },
	{ "it closes at once",
	  "babeld",
	  ANNOUNCE,
	  { ACCEPTS, CLOSES },
	  "",
	  "it closed the connection" },
	{ "it closes instead of an answer",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, HEARS, CLOSES },
	  ADD5,
	  "it closed the connection" },
	{ "flush",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("ok\n"), ANSWER("ok\n") },
	  "flush interface wgpeer5\nflush interface wgpeer7\n",
	  "" },
	{ "flush of what it does not know",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("no No such interface\n"), ANSWER("ok\n") },
	  "flush interface wgpeer5\nflush interface wgpeer7\n",
	  "" },
	{ "flush, bad",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("bad\n") },
	  "flush interface wgpeer5\n",
	  REFUSED("bad") },
	{ "a stuck one is asked once",
	  "babeld",
	  WITHDRAW,
	  { HELLO, HEARS },
	  "flush interface wgpeer5\n",
	  "no answer in time" },
	{ "del, then add",
	  "l3roamd",
	  ANNOUNCE,
	  { MESHIF, MESHIF },
	  "del_meshif wgpeer5\nadd_meshif wgpeer5\n",
	  "" },
	{ "del, then add",
	  "mmfd",
	  ANNOUNCE,
	  { MESHIF, MESHIF },
	  "del_meshif wgpeer5\nadd_meshif wgpeer5\n",
	  "" },
	{ "del",
	  "mmfd",
	  WITHDRAW,
	  { MESHIF, MESHIF },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  "" },
	{ "an answer that is none of our business",
	  "l3roamd",
	  WITHDRAW,
	  { ACCEPTS, HEARS, SAYS("OK"), CLOSES, MESHIF },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  "" },
	{ "it closes before we send", "babeld", ANNOUNCE, { HELLO, CLOSES }, "", "Broken pipe" },
	{ "it closes before we send", "l3roamd", WITHDRAW, { ACCEPTS, CLOSES }, "", "Broken pipe" },
	{ "it closes before it has read all",
	  "l3roamd",
	  WITHDRAW,
	  { ACCEPTS, { HEAR, "", 1 }, CLOSES },
	  "d",
	  "Connection reset by peer" },
	{ "an answer in time, in pieces",
	  "l3roamd",
	  WITHDRAW,
	  { ACCEPTS, HEARS, WAITS(3000), SAYS("O"), WAITS(1999), CLOSES, MESHIF },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  "" },
	{ "an answer too late, in pieces",
	  "l3roamd",
	  WITHDRAW,
	  { ACCEPTS, HEARS, WAITS(3000), SAYS("O"), WAITS(2000), CLOSES },
	  "del_meshif wgpeer5\n",
	  "no answer in time" },
	{ "it lacks one",
	  "babeld",
	  ANNOUNCE_MISSING,
	  { HELLO, ANSWER("add interface mesh0 up true\nadd interface wgmesh up true\nok\n"),
	    ANSWER("ok\n") },
	  "dump\ninterface mesh hello-interval 1\n",
	  "" },
	{ "it has it",
	  "babeld",
	  ANNOUNCE_MISSING,
	  { HELLO, ANSWER("add interface mesh up true\nadd interface mesh0 up true\nok\n") },
	  "dump\n",
	  "" },
	{ "it does not tell whether it has it",
	  "babeld",
	  ANNOUNCE_MISSING,
	  { HELLO, HEARS },
	  "dump\n",
	  "no answer in time" },
	{ "it lacks one",
	  "mmfd",
	  ANNOUNCE_MISSING,
	  { ACCEPTS, HEARS, SAYS("{ \"mesh_interfaces\": [ \"mesh0\" ] }"), CLOSES, MESHIF,
	    MESHIF },
	  "get_meshifs\ndel_meshif mesh\nadd_meshif mesh\n",
	  "" },
	{ "it has it",
	  "l3roamd",
	  ANNOUNCE_MISSING,
	  { ACCEPTS, HEARS, SAYS("{ \"mesh_interfaces\": [ \"mesh\", \"mesh0\" ] }"), CLOSES },
	  "get_meshifs\n",
	  "" },
	{ "flush of one",
	  "babeld",
	  WITHDRAW_ONE,
	  { HELLO, ANSWER("no No such interface\n") },
	  "flush interface mesh\n",
	  "" },
	{ "del of one", "l3roamd", WITHDRAW_ONE, { MESHIF }, "del_meshif mesh\n", "" },
	{ "a stuck one",
	  "mmfd",
	  WITHDRAW_ONE,
	  { ACCEPTS, HEARS },
	  "del_meshif mesh\n",
	  "no answer in time" },
	{ "a stuck one is asked once",
	  "mmfd",
	  WITHDRAW,
	  { ACCEPTS, HEARS },
	  "del_meshif wgpeer5\n",
	  "no answer in time" },
};

static int act(const struct config *config, enum act act)
{
	static const bool withdrawn[SLOT_END] = { [5] = true, [7] = true };

	if (act == ANNOUNCE)
		return mesh_announce(config, "wgpeer5");
	if (act == ANNOUNCE_MISSING)
		return mesh_announce_missing(config, "mesh");
	if (act == WITHDRAW_ONE)
		return mesh_withdraw_one(config, "mesh");
	return mesh_withdraw(config, withdrawn);
}

/* Whether it is worth to try again is told by what is returned. */
static int wanted_return(const char *reason)
{
	if (!*reason || strstr(reason, "it answered"))
		return 0;
	if (strcmp(reason, "Connection refused") == 0 ||
	    strcmp(reason, "No such file or directory") == 0)
		return -ERR_ABSENT;
	return -ERR_FAILURE;
}

static void test_tell(void **state)
{
	const struct tell_row *row = *state;
	const int before = unit_count_fds();
	struct config config;

	start_fake(row->steps);
	config = config_of(row->daemon, fake.path);
	unit_is_int("returned", act(&config, row->act), wanted_return(row->reason));
	end_fake(row->received);
	unit_is_int("open descriptors", unit_count_fds(), before);
	check_log(row->daemon, fake.path, row->reason);
}

/* Nobody listens. */
static void test_absent(void **state)
{
	const struct config config = config_of("mmfd", fake.path);

	(void)state;
	start_fake((const struct step[]){ { 0 } });
	end_fake("");
	unit_is_int("returned", act(&config, WITHDRAW), -ERR_ABSENT);
	check_log("mmfd", fake.path, "Connection refused");
	unlink(fake.path);
	unit_is_int("returned", act(&config, WITHDRAW), -ERR_ABSENT);
	check_log("mmfd", fake.path, "No such file or directory");
}

/* Nobody accepts, and the queue has no room. */
static void test_queue_full(void **state)
{
	const struct config config = config_of("l3roamd", fake.path);
	struct sockaddr_un address;
	int clients[8];

	(void)state;
	start_fake((const struct step[]){ { 0 } });
	address = fake_address();
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(clients[i], (struct sockaddr *)&address, sizeof(address));
	}
	unit_is_int("returned", act(&config, WITHDRAW), -ERR_FAILURE);
	check_log("l3roamd", fake.path, "Resource temporarily unavailable");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	end_fake("");
}

static int port_listener, port_client;

/* Once mesh.c has connected, which it has not before its second look at the clock. */
static void play_on_port(void)
{
	static const char words[] = BANNER "ok\n";

	if (port_client == -1) {
		port_client = accept(port_listener, NULL, NULL);
		assert_int_equal(write(port_client, words, strlen(words)), strlen(words));
	}
	if (port_client == -2)
		port_client = -1;
}

/* babeld's port is one on ::1. */
static void test_port(void **state)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	char text[8], received[sizeof(ADD5)] = "";
	socklen_t size = sizeof(address);
	struct config config;
	int ret;

	(void)state;
	port_listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ret = bind(port_listener, (struct sockaddr *)&address, size);
	if (ret < 0)
		skip(); /* this machine has no IPv6 */
	assert_int_equal(listen(port_listener, 1), 0);
	assert_int_equal(getsockname(port_listener, (struct sockaddr *)&address, &size), 0);
	snprintf(text, sizeof(text), "%hu", ntohs(address.sin6_port));
	config = config_of("babeld", text);
	port_client = -2;
	fake_on_ms = play_on_port;
	mesh_announce(&config, "wgpeer5");
	fake_on_ms = NULL;
	check_log("babeld", text, "");
	assert_int_equal(recv(port_client, received, strlen(ADD5), MSG_WAITALL), strlen(ADD5));
	unit_is_text("received", received, ADD5);
	close(port_client);
	close(port_listener);
}

/* Nearly all of the 5,000 ms that a connection may take. */
static void pass_almost_all(void)
{
	fake_ms += 4999;
}

/* The queue is full, so that the kernel tries again up to the deadline. */
static void test_port_full(void **state)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	const int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int filler = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	struct config config;
	char text[8];
	int ret;

	(void)state;
	ret = bind(listener, (struct sockaddr *)&address, size);
	if (ret < 0)
		skip(); /* this machine has no IPv6 */
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(filler, (struct sockaddr *)&address, size), 0);
	snprintf(text, sizeof(text), "%hu", ntohs(address.sin6_port));
	config = config_of("babeld", text);
	fake_on_ms = pass_almost_all;
	mesh_announce(&config, "wgpeer5");
	fake_on_ms = NULL;
	check_log("babeld", text, "no answer in time");
	close(filler);
	close(listener);
}

/* Nothing configured, nothing done. */
static void test_none(void **state)
{
	char empty[] = "";
	const struct config config = config_of("babeld", empty);

	(void)state;
	assert_false(mesh_is_configured(&config));
	act(&config, ANNOUNCE);
	act(&config, WITHDRAW);
	unit_is_text("log", unit_log(), "");
}

/*
 * What is to be known is 1 and 2. Of the others 3 and 7 are gone, 4 and 5 are there, 6 is gone when
 * we look and has been made again once we have told the daemon.
 */
static bool gone(void *argument, unsigned int slot)
{
	unsigned int *looks = argument;

	if (slot == 6)
		(*looks)++;
	return slot == 3 || slot == 7 || (slot == 6 && *looks == 1);
}

/* Returns what mesh_sync() does; of how many it told is *told. */
static int sync_with(const struct config *config, bool dry_run, unsigned int *told)
{
	static struct mesh_sync sync;
	unsigned int looks = 0;
	int ret;

	sync = (struct mesh_sync){ .wanted = { [1] = true, [2] = true },
				   .gone = gone,
				   .argument = &looks,
				   .dry_run = dry_run };
	ret = mesh_sync(config, &sync);
	*told = sync.told;
	return ret;
}

static bool all_gone(void *argument, unsigned int slot)
{
	(void)argument;
	(void)slot;
	return true;
}

/*
 * babeld reads up to 1,024 bytes at a time: it gets no more at once, and the rest once it has
 * answered. This one says no to the last of 28 lines, and so never hears of the 29th.
 */
static void test_batch(void **state)
{
	static const struct step steps[] = {
		{ ACCEPT, "", 0 }, { SAY, BANNER, 0 },	{ HEAR, "", 0 },    { SAY, "ok\n", 0 },
		{ HEAR, "", 999 }, { SAY, "ok\n", 27 }, { SAY, "no\n", 0 }, { 0 },
	};
	static struct mesh_sync sync;
	char want[HEARD_SIZE] = "dump\n";
	struct config config;

	(void)state;
	start_fake(steps);
	config = config_of("babeld", fake.path);
	sync = (struct mesh_sync){ .gone = all_gone };
	for (unsigned int slot = 1; slot <= 40; slot++)
		sync.wanted[slot] = true;
	for (unsigned int slot = 1; slot <= 28; slot++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want),
			 "interface wgpeer%u hello-interval 1\n", slot);
	unit_is_int("returned", mesh_sync(&config, &sync), 0);
	end_fake(want);
	unit_is_int("told", sync.told, 27);
	check_log("babeld", fake.path, REFUSED("no"));
}

struct sync_row {
	const char *name;
	const char *daemon;
	bool dry_run;
	struct step steps[MAX_STEPS];
	const char *received;
	const char *reason;
	unsigned int told;
};

#define DUMP(text) ANSWER(text "add xroute ::/0-::/0 prefix ::/0 from ::/0 metric 0\nok\n")
#define OK ANSWER("ok\n")
#define UP " up true ipv6 fe80::1\n"
#define LIST(text) ACCEPTS, HEARS, SAYS(text), CLOSES
#define MESHIFS(names) LIST("{ \"mesh_interfaces\": [ " names " ] }")
#define ADD(number) "interface wgpeer" number " hello-interval 1\n"
#define FLUSH(number) "flush interface wgpeer" number "\n"
#define ROUTE                                                                                          \
	"add route 55d0c8a0 prefix 2001:db8:1::/64 from ::/0 installed yes id 02:00:00:00:00:00:00:11" \
	" metric 96 refmetric 0 via fe80::ff:1 if wgpeer1\n"

static const struct sync_row syncs[] = {
	{ "all known",
	  "babeld",
	  false,
	  { HELLO, DUMP("add interface wgpeer1" UP "add interface wgpeer2 up false\n") },
	  "dump\n",
	  "",
	  0 },
	{ "none known",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), OK, OK },
	  "dump\n" ADD("1") ADD("2"),
	  "",
	  2 },
	{ "one gone",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP "add interface wgpeer3" UP),
	    OK },
	  "dump\n" FLUSH("3"),
	  "",
	  1 },
	{ "one that a handler has just made",
	  "babeld",
	  false,
	  { HELLO, DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP
			"add interface wgpeer4" UP) },
	  "dump\n",
	  "",
	  0 },
	{ "one that a handler has just made, and one that is gone",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP "add interface wgpeer3" UP
		 "add interface wgpeer4" UP "add interface wgpeer5" UP "add interface wgpeer7" UP),
	    OK, OK },
	  "dump\n" FLUSH("3") FLUSH("7"),
	  "",
	  2 },
	{ "one that is made again",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP "add interface wgpeer6" UP),
	    OK, OK },
	  "dump\n" FLUSH("6") ADD("6"),
	  "",
	  1 },
	{ "others",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface eth0" UP "add interface wgpeer" UP "add interface xwgpeer3" UP
		 "add interface wgpeer03" UP "add interface wgpeer3x" UP
		 "add interface wgpeer99999" UP "add interface wgpeer3456789012345" UP),
	    OK, OK },
	  "dump\n" ADD("1") ADD("2"),
	  "",
	  2 },
	{ "-n tells nothing",
	  "babeld",
	  true,
	  { HELLO, DUMP("add interface wgpeer3" UP) },
	  "dump\n",
	  "",
	  3 },
	{ "dump refused", "babeld", false, { HELLO, ANSWER("no\n") }, "dump\n", REFUSED("no"), 0 },
	{ "add refused",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), HEARS, ANSWER("no\n") },
	  "dump\n" ADD("1") ADD("2"),
	  REFUSED("no"),
	  0 },
	{ "the second add refused",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), HEARS, ANSWER("ok\nno\n") },
	  "dump\n" ADD("1") ADD("2"),
	  REFUSED("no"),
	  1 },
	{ "adds come at once",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), HEARS, ANSWER("ok\nok\n") },
	  "dump\n" ADD("1") ADD("2"),
	  "",
	  2 },
	{ "one gone, and none known",
	  "babeld",
	  false,
	  { HELLO, DUMP("add interface wgpeer3" UP), HEARS, ANSWER("ok\nok\n"), OK },
	  "dump\n" ADD("1") ADD("2") FLUSH("3"),
	  "",
	  3 },
	{ "a dump of 40,000 routes",
	  "babeld",
	  false,
	  { HELLO,
	    HEARS,
	    { SAY, ROUTE, 40000 },
	    SAYS("add interface wgpeer1" UP "add interface wgpeer2" UP "ok\n") },
	  "dump\n",
	  "",
	  0 },
	{ "a dump in time",
	  "babeld",
	  false,
	  { HELLO, HEARS, WAITS(3000), SAYS("add interface wgpeer1" UP), WAITS(1999),
	    SAYS("add interface wgpeer2" UP "ok\n") },
	  "dump\n",
	  "",
	  0 },
	{ "a dump too late",
	  "babeld",
	  false,
	  { HELLO, HEARS, WAITS(3000), SAYS("add interface wgpeer1" UP), WAITS(2000),
	    SAYS("add interface wgpeer2" UP "ok\n") },
	  "dump\n",
	  "no answer in time",
	  0 },
	{ "no dump", "babeld", false, { HELLO, HEARS }, "dump\n", "no answer in time", 0 },
	{ "all known",
	  "l3roamd",
	  false,
	  { MESHIFS("\"wgpeer1\", \"wgpeer2\", \"br-client\"") },
	  "get_meshifs\n",
	  "",
	  0 },
	{ "none known",
	  "mmfd",
	  false,
	  { MESHIFS(""), MESHIF, MESHIF },
	  "get_meshifs\nadd_meshif wgpeer1\nadd_meshif wgpeer2\n",
	  "",
	  2 },
	{ "one gone, one made again",
	  "mmfd",
	  false,
	  { MESHIFS("\"wgpeer6\", \"wgpeer3\", \"wgpeer2\", \"wgpeer1\""), MESHIF, MESHIF, MESHIF },
	  "get_meshifs\ndel_meshif wgpeer3\ndel_meshif wgpeer6\nadd_meshif wgpeer6\n",
	  "",
	  2 },
	{ "names that are none",
	  "l3roamd",
	  false,
	  { MESHIFS(
		  "null, 3, {}, [], \"\", \"wgpeer\", \"wgpeer99999\", \"wgpeer2\", \"wgpeer1\"") },
	  "get_meshifs\n",
	  "",
	  0 },
	{ "another object",
	  "l3roamd",
	  false,
	  { LIST("{ \"clients\": 0 }") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "no list",
	  "l3roamd",
	  false,
	  { LIST("{ \"mesh_interfaces\": \"wgpeer3\" }") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "an array",
	  "l3roamd",
	  false,
	  { LIST("[ \"wgpeer3\" ]") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "no JSON",
	  "mmfd",
	  false,
	  { LIST("Could not parse command") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "half of it",
	  "mmfd",
	  false,
	  { LIST("{ \"mesh_interfaces\": [ \"wgpeer3\"") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "nothing",
	  "mmfd",
	  false,
	  { MESHIF },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "too much",
	  "mmfd",
	  false,
	  { ACCEPTS, HEARS, { SAY, "0123456789abcdef", 100000 } },
	  "get_meshifs\n",
	  "its answer is too long",
	  0 },
	{ "a list in time",
	  "mmfd",
	  false,
	  { ACCEPTS, HEARS, WAITS(4999), SAYS("{ \"mesh_interfaces\": [ \"wgpeer1\", "),
	    SAYS("\"wgpeer2\" ] }"), CLOSES },
	  "get_meshifs\n",
	  "",
	  0 },
	{ "half of the same list",
	  "mmfd",
	  false,
	  { LIST("{ \"mesh_interfaces\": [ \"wgpeer1\", ") },
	  "get_meshifs\n",
	  "its answer to get_meshifs is not a list of interfaces",
	  0 },
	{ "a list too late",
	  "mmfd",
	  false,
	  { ACCEPTS, HEARS, WAITS(5000), SAYS("{ \"mesh_interfaces\": [ ] }"), CLOSES },
	  "get_meshifs\n",
	  "no answer in time",
	  0 },
};

static void test_sync(void **state)
{
	const struct sync_row *row = *state;
	const int before = unit_count_fds();
	struct config config;
	unsigned int told;

	start_fake(row->steps);
	config = config_of(row->daemon, fake.path);
	unit_is_int("returned", sync_with(&config, row->dry_run, &told),
		    wanted_return(row->reason));
	end_fake(row->received);
	unit_is_int("open descriptors", unit_count_fds(), before);
	check_log(row->daemon, fake.path, row->reason);
	unit_is_int("told", told, row->told);
}

static unsigned int sync_all(const struct config *config)
{
	unsigned int told;

	(void)sync_with(config, false, &told);
	return told;
}

static unsigned int announce_all(const struct config *config)
{
	act(config, ANNOUNCE);
	return 0;
}

static unsigned int withdraw_all(const struct config *config)
{
	act(config, WITHDRAW);
	return 0;
}

/* babeld does not run, l3roamd is not configured: mmfd is told all the same. */
static const struct others_row {
	const char *name;
	unsigned int (*act)(const struct config *config);
	struct step steps[MAX_STEPS];
	const char *received;
	unsigned int told;
} others[] = {
	{ "announce",
	  announce_all,
	  { MESHIF, MESHIF },
	  "del_meshif wgpeer5\nadd_meshif wgpeer5\n",
	  0 },
	{ "withdraw",
	  withdraw_all,
	  { MESHIF, MESHIF },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  0 },
	{ "sync",
	  sync_all,
	  { MESHIFS("\"wgpeer1\", \"wgpeer3\""), MESHIF, MESHIF },
	  "get_meshifs\nadd_meshif wgpeer2\ndel_meshif wgpeer3\n",
	  2 },
};

static void test_others(void **state)
{
	const struct others_row *row = *state;
	const int before = unit_count_fds();
	char absent[108];
	struct config config;
	unsigned int told;

	snprintf(absent, sizeof(absent), "%s", unit_path("absent"));
	start_fake(row->steps);
	config = config_of("mmfd", fake.path);
	config.babel = absent;
	told = row->act(&config);
	end_fake(row->received);
	unit_is_int("open descriptors", unit_count_fds(), before);
	check_log("babeld", absent, "No such file or directory");
	unit_is_int("told", told, row->told);
}

/* One that does not answer: no connection stays open, and the next command is not tried. */
static void test_stuck(void **state)
{
	static const struct step steps[] = { ACCEPTS, HEARS, WAITS(5000), CLOSES, { 0 } };
	const int before = unit_count_fds();
	struct config config;

	(void)state;
	start_fake(steps);
	config = config_of("mmfd", fake.path);
	unit_is_int("returned", act(&config, ANNOUNCE), -ERR_FAILURE);
	end_fake("del_meshif wgpeer5\n");
	unit_is_int("open descriptors", unit_count_fds(), before);
	check_log("mmfd", fake.path, "no answer in time");
}

/* Two daemons, each of which lacks one interface. */
static void test_two(void **state)
{
	static const struct step steps[] = {
		MESHIFS("\"wgpeer2\""), MESHIF, MESHIFS("\"wgpeer1\""), MESHIF, { 0 },
	};
	struct config config;

	(void)state;
	start_fake(steps);
	config = config_of("l3roamd", fake.path);
	config.mmfd = fake.path;
	unit_is_int("told", sync_all(&config), 2);
	end_fake("get_meshifs\nadd_meshif wgpeer1\nget_meshifs\nadd_meshif wgpeer2\n");
	unit_is_text("log", unit_log(), "");
}

/* In place of the C library's: all exist but one. */
unsigned int if_nametoindex(const char *ifname)
{
	return strcmp(ifname, "wgpeer9") != 0;
}

/* What a daemon knows of ours, and what of that it cannot use. */
static const struct state_row {
	const char *name;
	const char *daemon;
	struct step steps[MAX_STEPS];
	const char *received, *reason;
	bool answers;
	unsigned int known, down;
} states[] = {
	{ "two, one of them down",
	  "babeld",
	  { HELLO, DUMP("add interface wgpeer1" UP "add interface wgpeer2 up false\n"
			"add interface eth0 up false\nadd interface wgpeer7\n") },
	  "dump\n",
	  "",
	  true,
	  3,
	  1 },
	{ "one twice, and down",
	  "babeld",
	  { HELLO, DUMP("add interface wgpeer2 up false\nadd interface wgpeer2 up false\n") },
	  "dump\n",
	  "",
	  true,
	  1,
	  1 },
	{ "one that is gone",
	  "babeld",
	  { HELLO, DUMP("add interface wgpeer9 up false\n") },
	  "dump\n",
	  "",
	  true,
	  1,
	  0 },
	{ "none", "babeld", { HELLO, DUMP("") }, "dump\n", "", true, 0, 0 },
	{ "stuck", "babeld", { HELLO, HEARS }, "dump\n", "no answer in time", false, 0, 0 },
	{ "twice the same",
	  "mmfd",
	  { MESHIFS("\"wgpeer6\", \"wgpeer6\", \"eth0\"") },
	  "get_meshifs\n",
	  "",
	  true,
	  1,
	  0 },
};

static void test_state(void **state)
{
	static const char *const names[] = { "babeld", "l3roamd", "mmfd" };
	const struct state_row *row = *state;
	struct mesh_state got;
	struct config config;
	bool is_row;

	start_fake(row->steps);
	config = config_of(row->daemon, fake.path);
	assert_true(mesh_is_configured(&config));
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		assert_true(mesh_get_state(&config, i, &got));
		unit_is_text("name", got.name, names[i]);
		is_row = strcmp(row->daemon, names[i]) == 0;
		unit_is_text("address", got.address, is_row ? fake.path : "");
		unit_is_int("answers", got.answers, is_row && row->answers);
		unit_is_int("known", got.known, is_row ? row->known : 0);
		unit_is_int("down", got.down, is_row ? row->down : 0);
	}
	assert_false(mesh_get_state(&config, ARRAY_SIZE(names), &got));
	end_fake(row->received);
	check_log(row->daemon, fake.path, row->reason);
}

int main(void)
{
	/* As in broker-admin: to write to a daemon that has gone must not end it. */
	signal(SIGPIPE, SIG_DFL);
	UNIT_TABLE(test_tell, tells);
	UNIT_TABLE(test_state, states);
	unit_add("nobody listens", test_absent, NULL);
	unit_add("the queue is full", test_queue_full, NULL);
	unit_add("a port", test_port, NULL);
	unit_add("a port where nobody answers", test_port_full, NULL);
	unit_add("nothing is configured", test_none, NULL);
	UNIT_TABLE(test_sync, syncs);
	UNIT_TABLE(test_others, others);
	unit_add("as much as babeld reads at once", test_batch, NULL);
	unit_add("one that is stuck", test_stuck, NULL);
	unit_add("two daemons", test_two, NULL);
	return unit_run();
}
