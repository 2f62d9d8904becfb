// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the routing daemons are told, by way of fakes on a Unix socket: that they get the right
 * lines, and that nothing they answer, or do not answer, holds us up for longer than the deadlines.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "unit.h"

enum {
	PATIENCE = 500,	      /* of mesh.c, in milliseconds: one step */
	LIST_PATIENCE = 5000, /* a list */
	SLACK = 3000,	      /* of a busy machine */
	MAX_STEPS = 16,
	RECEIVED_SIZE = 4096,
};

/* What a fake does, step by step; at the end it waits to be killed. */
struct step {
	enum { END, ACCEPT, SAY, HEAR, WAIT, CLOSE } what;
	const char *text; /* to say */
	int number;	  /* how often; or how many milliseconds */
};

#define BANNER "BABEL 1.0\nversion babeld-1.12.1\nhost gateway\nmy-id 02:00:00:00:00:00:00:01\nok\n"

static char path[108];
static int listener, output;
static pid_t fake;

/* All at once: under valgrind, hundreds of writes take longer than mesh.c is patient. */
static void say(int client, const struct step *step)
{
	const size_t len = strlen(step->text), times = step->number ? (size_t)step->number : 1;
	char *all = malloc(len * times + 1);

	if (!all)
		abort();
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * len, step->text, len);
	/* A reader that has had enough goes; nothing follows that it would hear. */
	(void)!send(client, all, len * times, MSG_NOSIGNAL);
	free(all);
}

/* Hears one line, and passes it on to the test. */
static void hear(int client)
{
	char byte;

	while (read(client, &byte, 1) == 1 && write(output, &byte, 1) == 1 && byte != '\n')
		;
}

static void play(const struct step *steps)
{
	int client = -1;

	for (; steps->what != END; steps++) {
		if (steps->what == ACCEPT)
			client = accept(listener, NULL, NULL);
		else if (steps->what == SAY)
			say(client, steps);
		else if (steps->what == HEAR)
			hear(client);
		else if (steps->what == WAIT)
			usleep((useconds_t)steps->number * 1000);
		else
			close(client);
	}
}

/* Starts a fake that is ready when this returns. What it hears can be read from the descriptor. */
static int start(const struct step *steps)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int ends[2] = { -1, -1 };

	snprintf(path, sizeof(path), "%s", unit_path("socket"));
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 5) < 0 || pipe(ends) < 0)
		fail();
	fake = fork();
	if (fake == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		output = ends[1];
		play(steps);
		for (;;)
			pause();
	}
	close(listener);
	close(ends[1]);
	return ends[0];
}

/* Ends the fake. What it heard is in the text. */
static void end(int input, char text[static RECEIVED_SIZE])
{
	size_t len = 0;
	ssize_t more;

	kill(fake, SIGKILL);
	waitpid(fake, NULL, 0);
	while ((more = read(input, text + len, RECEIVED_SIZE - 1 - len)) > 0)
		len += (size_t)more;
	text[len] = '\0';
	close(input);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A configuration with one daemon, whose socket is the fake's. */
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

/* Whether the log is what was wanted, with a daemon's name and its socket in front of the reason.
 */
static void check_log(const char *daemon, const char *reason)
{
	char want[256] = "";

	if (*reason)
		snprintf(want, sizeof(want), "4 unable to talk to %s at %s: %s\n", daemon, path,
			 reason);
	unit_is_text("log", unit_log(), want);
}

static void check_time(int64_t took, int least)
{
	/* The clock is cut to milliseconds. */
	if (took < least - 1)
		unit_is_int("milliseconds, too few", took, least);
	if (took > least + SLACK)
		unit_is_int("milliseconds, too many", took, least);
}

/* What is done, and of which interfaces: 5 is announced, or 5 and 7 are withdrawn. */
enum act { ANNOUNCE, WITHDRAW };

struct tell_row {
	const char *name;
	const char *daemon;
	enum act act;
	struct step steps[MAX_STEPS];
	const char *received;
	const char *reason;
	int least; /* milliseconds that it must take */
};

#define HELLO                                                                                      \
	{ ACCEPT, "", 0 },                                                                         \
	{                                                                                          \
		SAY, BANNER, 0                                                                     \
	}
#define ANSWER(text)                                                                               \
	{ HEAR, "", 0 },                                                                           \
	{                                                                                          \
		SAY, text, 0                                                                       \
	}
#define REFUSED(answer)                                                                            \
	"it answered \"" answer "\"; does it run with -G, and know the BABELOPTIONS?"
#define ADD5 "interface wgpeer5 hello-interval 1\n"

static const struct tell_row tells[] = {
	{ "add", "babeld", ANNOUNCE, { HELLO, ANSWER("ok\n") }, ADD5, "", 0 },
	{ "a slow banner, in pieces",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 },
	    { SAY, "BABEL 1.0\no", 0 },
	    { WAIT, "", 100 },
	    { SAY, "k", 0 },
	    { WAIT, "", 100 },
	    { SAY, "\n", 0 },
	    ANSWER("ok\n") },
	  ADD5,
	  "",
	  0 },
	{ "other lines before the answer",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("add interface wgpeer5 up false\nokay\n ok\nnot\nok\n") },
	  ADD5,
	  "",
	  0 },
	{ "a line that is longer than ours",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 }, { SAY, "no ", 500 }, { SAY, "\nok\n", 0 }, ANSWER("ok\n") },
	  "",
	  NULL,
	  0 },
	{ "a long line that is not an answer",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 }, { SAY, "id ", 5000 }, { SAY, "\nok\n", 0 }, ANSWER("ok\n") },
	  ADD5,
	  "",
	  0 },
	{ "no", "babeld", ANNOUNCE, { HELLO, ANSWER("no\n") }, ADD5, REFUSED("no"), 0 },
	{ "no with words",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, ANSWER("no Read-only\n") },
	  ADD5,
	  REFUSED("no Read-only"),
	  0 },
	{ "bad", "babeld", ANNOUNCE, { HELLO, ANSWER("bad\n") }, ADD5, REFUSED("bad"), 0 },
	{ "no banner",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 } },
	  "",
	  "no answer in time",
	  PATIENCE },
	{ "nobody accepts", "babeld", ANNOUNCE, { { 0 } }, "", "no answer in time", PATIENCE },
	{ "a banner without an end",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 }, { SAY, "BABEL 1.0\nok", 0 } },
	  "",
	  "no answer in time",
	  PATIENCE },
	{ "no answer",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, { HEAR, "", 0 } },
	  ADD5,
	  "no answer in time",
	  PATIENCE },
	{ "lines for ever",
	  "babeld",
	  ANNOUNCE,
	  { HELLO,
	    { HEAR, "", 0 },
	    { SAY, "a\n", 100000 },
	    { WAIT, "", 300 },
	    { SAY, "b\n", 0 },
	    { WAIT, "", 300 },
	    { SAY, "ok\n", 0 } },
	  ADD5,
	  "no answer in time",
	  PATIENCE },
	{ "a line without an end",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 }, { SAY, "0123456789abcdef", 100000 } },
	  "",
	  "its answer is too long",
	  0 },
	{ "it closes at once",
	  "babeld",
	  ANNOUNCE,
	  { { ACCEPT, "", 0 }, { CLOSE, "", 0 } },
	  "",
	  "it closed the connection",
	  0 },
	{ "it closes instead of an answer",
	  "babeld",
	  ANNOUNCE,
	  { HELLO, { HEAR, "", 0 }, { CLOSE, "", 0 } },
	  ADD5,
	  "it closed the connection",
	  0 },
	{ "flush",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("ok\n"), ANSWER("ok\n") },
	  "flush interface wgpeer5\nflush interface wgpeer7\n",
	  "",
	  0 },
	{ "flush of what it does not know",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("no No such interface\n"), ANSWER("ok\n") },
	  "flush interface wgpeer5\nflush interface wgpeer7\n",
	  "",
	  0 },
	{ "flush, bad",
	  "babeld",
	  WITHDRAW,
	  { HELLO, ANSWER("bad\n") },
	  "flush interface wgpeer5\n",
	  REFUSED("bad"),
	  0 },
	{ "a stuck one is asked once",
	  "babeld",
	  WITHDRAW,
	  { HELLO, { HEAR, "", 0 } },
	  "flush interface wgpeer5\n",
	  "no answer in time",
	  PATIENCE },

#define ROAM                                                                                       \
	{ ACCEPT, "", 0 }, { HEAR, "", 0 },                                                        \
	{                                                                                          \
		CLOSE, "", 0                                                                       \
	}
	{ "del, then add",
	  "l3roamd",
	  ANNOUNCE,
	  { ROAM, ROAM },
	  "del_meshif wgpeer5\nadd_meshif wgpeer5\n",
	  "",
	  0 },
	{ "del, then add",
	  "mmfd",
	  ANNOUNCE,
	  { ROAM, ROAM },
	  "del_meshif wgpeer5\nadd_meshif wgpeer5\n",
	  "",
	  0 },
	{ "del",
	  "mmfd",
	  WITHDRAW,
	  { ROAM, ROAM },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  "",
	  0 },
	{ "an answer that is none of our business",
	  "l3roamd",
	  WITHDRAW,
	  { { ACCEPT, "", 0 }, { HEAR, "", 0 }, { SAY, "OK", 0 }, { CLOSE, "", 0 }, ROAM },
	  "del_meshif wgpeer5\ndel_meshif wgpeer7\n",
	  "",
	  0 },
	{ "it closes before it reads",
	  "l3roamd",
	  WITHDRAW,
	  { { ACCEPT, "", 0 }, { CLOSE, "", 0 } },
	  "",
	  NULL,
	  0 },
	{ "a stuck one is asked once",
	  "mmfd",
	  WITHDRAW,
	  { { ACCEPT, "", 0 }, { HEAR, "", 0 } },
	  "del_meshif wgpeer5\n",
	  "no answer in time",
	  PATIENCE },
};

static void act(const struct config *config, enum act act)
{
	static const bool withdrawn[MESH_SLOTS] = { [5] = true, [7] = true };

	if (act == ANNOUNCE)
		mesh_announce(config, "wgpeer5");
	else
		mesh_withdraw(config, withdrawn);
}

static void test_tell(void **state)
{
	const struct tell_row *row = *state;
	const int input = start(row->steps);
	const struct config config = config_of(row->daemon, path);
	const int64_t began = now_ms();
	char received[RECEIVED_SIZE];
	int64_t took;

	act(&config, row->act);
	took = now_ms() - began;
	end(input, received);
	check_time(took, row->least);
	unit_is_text("received", received, row->received);
	/* NULL: it depends on who is faster, but there is one line, and no more. */
	if (row->reason)
		check_log(row->daemon, row->reason);
	else if (strchr(unit_log(), '\n') == NULL)
		unit_is_text("log", "", "one line");
}

/* Nobody listens. */
static void test_absent(void **state)
{
	const struct config config = config_of("mmfd", path);

	(void)state;
	end(start((const struct step[]){ { 0 } }), (char[RECEIVED_SIZE]){ 0 });
	act(&config, WITHDRAW);
	check_log("mmfd", "Connection refused");
	unlink(path);
	act(&config, WITHDRAW);
	check_log("mmfd", "No such file or directory");
}

/* Nobody accepts, and the queue is full: connect(2) would block. */
static void test_queue_full(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int input = start((const struct step[]){ { 0 } });
	const struct config config = config_of("l3roamd", path);
	char received[RECEIVED_SIZE];
	int clients[8];

	(void)state;
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(clients[i], (struct sockaddr *)&address, sizeof(address));
	}
	act(&config, WITHDRAW);
	check_log("l3roamd", "Resource temporarily unavailable");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	end(input, received);
}

/* babeld's port is one on ::1, where nobody listens on port 1. */
static void test_port(void **state)
{
	char port[] = "1";
	const struct config config = config_of("babeld", port);

	(void)state;
	mesh_announce(&config, "wgpeer5");
	if (!strstr(unit_log(), "unable to talk to babeld at 1: "))
		unit_is_text("log", "nothing", "unable to talk to babeld at 1");
}

/* Nothing configured, nothing done. */
static void test_none(void **state)
{
	char empty[] = "";
	const struct config config = config_of("babeld", empty);

	(void)state;
	act(&config, ANNOUNCE);
	act(&config, WITHDRAW);
	unit_is_text("log", unit_log(), "");
}

/*
 * What is to be known is 1 and 2. Of the others 3 is gone, 4 is there, 6 is gone when we look and
 * has been made again once we have told the daemon.
 */
static bool gone(void *argument, unsigned int slot)
{
	unsigned int *looks = argument;

	return slot == 3 || (slot == 6 && (*looks)++ == 0);
}

struct sync_row {
	const char *name;
	const char *daemon;
	bool try;
	struct step steps[MAX_STEPS];
	const char *received;
	const char *reason;
	unsigned int told;
	int least;
};

#define DUMP(text) ANSWER(text "add xroute ::/0-::/0 prefix ::/0 from ::/0 metric 0\nok\n")
#define OK ANSWER("ok\n")
#define UP " up true ipv6 fe80::1\n"
#define LIST(text)                                                                                 \
	{ ACCEPT, "", 0 }, { HEAR, "", 0 }, { SAY, text, 0 },                                      \
	{                                                                                          \
		CLOSE, "", 0                                                                       \
	}
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
	  0,
	  0 },
	{ "none known",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), OK, OK },
	  "dump\n" ADD("1") ADD("2"),
	  "",
	  2,
	  0 },
	{ "one gone",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP "add interface wgpeer3" UP),
	    OK },
	  "dump\n" FLUSH("3"),
	  "",
	  1,
	  0 },
	{ "one that a handler has just made",
	  "babeld",
	  false,
	  { HELLO, DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP
			"add interface wgpeer4" UP) },
	  "dump\n",
	  "",
	  0,
	  0 },
	{ "one that is made again",
	  "babeld",
	  false,
	  { HELLO,
	    DUMP("add interface wgpeer1" UP "add interface wgpeer2" UP "add interface wgpeer6" UP),
	    OK, OK },
	  "dump\n" FLUSH("6") ADD("6"),
	  "",
	  1,
	  0 },
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
	  2,
	  0 },
	{ "-n tells nothing",
	  "babeld",
	  true,
	  { HELLO, DUMP("add interface wgpeer3" UP) },
	  "dump\n",
	  "",
	  3,
	  0 },
	{ "dump refused",
	  "babeld",
	  false,
	  { HELLO, ANSWER("no\n") },
	  "dump\n",
	  REFUSED("no"),
	  0,
	  0 },
	{ "add refused",
	  "babeld",
	  false,
	  { HELLO, DUMP(""), ANSWER("no\n") },
	  "dump\n" ADD("1"),
	  REFUSED("no"),
	  0,
	  0 },
	{ "a dump of 40,000 routes",
	  "babeld",
	  false,
	  { HELLO,
	    { HEAR, "", 0 },
	    { SAY, ROUTE, 40000 },
	    { SAY, "add interface wgpeer1" UP "add interface wgpeer2" UP "ok\n", 0 } },
	  "dump\n",
	  "",
	  0,
	  0 },
	{ "a slow dump",
	  "babeld",
	  false,
	  { HELLO,
	    { HEAR, "", 0 },
	    { SAY, "add interface wgpeer1" UP, 0 },
	    { WAIT, "", 700 },
	    { SAY, "add interface wgpeer2" UP "ok\n", 0 } },
	  "dump\n",
	  "",
	  0,
	  700 },
	{ "no dump",
	  "babeld",
	  false,
	  { HELLO, { HEAR, "", 0 } },
	  "dump\n",
	  "no answer in time",
	  0,
	  LIST_PATIENCE },
	{ "all known",
	  "l3roamd",
	  false,
	  { MESHIFS("\"wgpeer1\", \"wgpeer2\", \"br-client\"") },
	  "get_meshifs\n",
	  "",
	  0,
	  0 },
	{ "none known",
	  "mmfd",
	  false,
	  { MESHIFS(""), ROAM, ROAM },
	  "get_meshifs\nadd_meshif wgpeer1\nadd_meshif wgpeer2\n",
	  "",
	  2,
	  0 },
	{ "one gone, one made again",
	  "mmfd",
	  false,
	  { MESHIFS("\"wgpeer6\", \"wgpeer3\", \"wgpeer2\", \"wgpeer1\""), ROAM, ROAM, ROAM },
	  "get_meshifs\ndel_meshif wgpeer3\ndel_meshif wgpeer6\nadd_meshif wgpeer6\n",
	  "",
	  2,
	  0 },
	{ "names that are none",
	  "l3roamd",
	  false,
	  { MESHIFS(
		  "null, 3, {}, [], \"\", \"wgpeer\", \"wgpeer99999\", \"wgpeer2\", \"wgpeer1\"") },
	  "get_meshifs\n",
	  "",
	  0,
	  0 },
	{ "another object",
	  "l3roamd",
	  false,
	  { LIST("{ \"clients\": 0 }") },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "no list",
	  "l3roamd",
	  false,
	  { LIST("{ \"mesh_interfaces\": \"wgpeer3\" }") },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "an array",
	  "l3roamd",
	  false,
	  { LIST("[ \"wgpeer3\" ]") },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "no JSON",
	  "mmfd",
	  false,
	  { LIST("Could not parse command") },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "half of it",
	  "mmfd",
	  false,
	  { LIST("{ \"mesh_interfaces\": [ \"wgpeer3\"") },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "nothing",
	  "mmfd",
	  false,
	  { ROAM },
	  "get_meshifs\n",
	  "it does not answer to get_meshifs",
	  0,
	  0 },
	{ "too much",
	  "mmfd",
	  false,
	  { { ACCEPT, "", 0 }, { HEAR, "", 0 }, { SAY, "0123456789abcdef", 100000 } },
	  "get_meshifs\n",
	  "its answer is too long",
	  0,
	  0 },
	{ "a slow list",
	  "mmfd",
	  false,
	  { { ACCEPT, "", 0 },
	    { HEAR, "", 0 },
	    { WAIT, "", 700 },
	    { SAY, "{ \"mesh_interfaces\": [ \"wgpeer1\", \"wgpeer2\" ] }", 0 },
	    { CLOSE, "", 0 } },
	  "get_meshifs\n",
	  "",
	  0,
	  700 },
};

static void test_sync(void **state)
{
	static const bool wanted[MESH_SLOTS] = { [1] = true, [2] = true };
	const struct sync_row *row = *state;
	const int input = start(row->steps);
	const struct config config = config_of(row->daemon, path);
	const int64_t began = now_ms();
	char received[RECEIVED_SIZE];
	unsigned int looks = 0, told;
	int64_t took;

	told = mesh_sync(&config, wanted, gone, &looks, row->try);
	took = now_ms() - began;
	end(input, received);
	check_time(took, row->least);
	unit_is_text("received", received, row->received);
	check_log(row->daemon, row->reason);
	unit_is_int("told", told, row->told);
}

int main(void)
{
	UNIT_TABLE(test_tell, tells);
	unit_add("nobody listens", test_absent, NULL);
	unit_add("the queue is full", test_queue_full, NULL);
	unit_add("a port", test_port, NULL);
	unit_add("nothing is configured", test_none, NULL);
	UNIT_TABLE(test_sync, syncs);
	return unit_run();
}
