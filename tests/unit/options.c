// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of broker-connect: what is taken, what is misuse, and what it says then. */
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "unit.h"

#include "error.h"
#include "node/options.h"

#define KEY "BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ="
#define OTHER_KEY "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

#define TIMES_10(text) text text text text text text text text text text
#define TIMES_100(text) TIMES_10(TIMES_10(text))

enum { MAX_WORDS = 128 };

/* Splits a command line at its spaces, and reads it; what it prints is lost. */
static int read_line(struct options *options, const char *line)
{
	static char text[4096];
	char *words[MAX_WORDS] = { text };
	int argc = 1, out, err, null, ret;

	snprintf(text, sizeof(text), "broker-connect %s", line);
	for (char *c = text; *c; c++) {
		if (*c != ' ')
			continue;
		*c = '\0';
		if (c[1])
			words[argc++] = c + 1;
	}
	for (int i = 1; i < argc; i++)
		if (strcmp(words[i], "''") == 0)
			words[i] += 2;
	fflush(stdout);
	out = dup(STDOUT_FILENO);
	err = dup(STDERR_FILENO);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	optind = 0;
	ret = options_read(options, argc, words);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(null);
	close(out);
	close(err);
	return ret;
}

static const struct misuse_row {
	const char *name, *line;
	const char *log; /* the beginning of what is logged */
} misuses[] = {
	{ "no gateway", "", "3 from 1 to 64 gateways are expected: none given" },
	{ "an unknown option", "-x gw1," KEY, "" },
	{ "an unknown long option", "--xml gw1," KEY, "" },
	{ "no argument", "gw1," KEY " -k", "" },
	{ "a low MTU", "-M 1279 gw1," KEY, "3 the MTU must be a number from 1280 to 65455: 1279" },
	{ "a high MTU", "-M 65456 gw1," KEY, "3 the MTU must be a number from 1280 to 65455" },
	{ "letters in the MTU", "-M 1400x gw1," KEY, "3 the MTU must be a number" },
	{ "a sign in the MTU", "-M +1400 gw1," KEY, "3 the MTU must be a number" },
	{ "a slash in the interface", "-i a/b gw1," KEY, "3 not an interface's name: a/b" },
	{ "a quote in the interface", "-i a\"b gw1," KEY, "3 not an interface's name: a\"b" },
	{ "a % in the interface", "-i wg%d gw1," KEY, "3 not an interface's name: wg%d" },
	{ "an empty interface", "-i '' gw1," KEY, "3 not an interface's name: ; see --help\n" },
	{ "a dot first", "-i .a gw1," KEY, "3 not an interface's name: .a" },
	{ "a dash first", "-i -a gw1," KEY, "3 not an interface's name: -a" },
	{ "16 characters", "-i 0123456789abcdef gw1," KEY, "3 not an interface's name" },
	{ "-a and -m", "-a fe80::1 -m eth0 gw1," KEY, "3 -a and -m exclude each other" },
	{ "no key", "gw1", "3 no public key after a comma or with -p for the gateway: gw1" },
	{ "one without a key", "-o gw1," KEY " gw2",
	  "3 no public key after a comma or with -p for the gateway: gw2" },
	{ "some of IPv4", "-A 10.0.0.0/8 gw1," KEY,
	  "3 allowed are 0.0.0.0/0, ::/0, or both with a blank or a comma between: 10.0.0.0/8" },
	{ "no addresses", "-A '' gw1," KEY, "3 allowed are 0.0.0.0/0, ::/0, or both" },
	{ "a gateway behind down", "down gw1", "3 no gateway is expected behind a command: gw1" },
	{ "one behind status", "status down", "3 no gateway is expected behind a command: down" },
	{ "down -n", "-n down", "3 neither -l nor -n goes with a command: down" },
	{ "status -l", "status -l", "3 neither -l nor -n goes with a command: status" },
	{ "-l -n", "-l -n gw1," KEY, "3 neither -n nor --json goes with: -l" },
	{ "-l --json", "-l --json gw1," KEY, "3 neither -n nor --json goes with: -l" },
	{ "neither port nor path", "-B babeld gw1," KEY,
	  "3 neither a port nor the absolute path of a socket: babeld" },
	{ "no port", "-B 65536 gw1," KEY, "3 neither a port nor the absolute path of a socket" },
	{ "no path", "-L '' gw1," KEY, "3 not the absolute path of a socket: ; see --help\n" },
	{ "a port of mmfd", "-F 33123 gw1," KEY, "3 not the absolute path of a socket: 33123" },
	{ "108 characters", "-F /" TIMES_100("x") "xxxxxxx gw1," KEY,
	  "3 not the absolute path of a socket: /xxx" },
	{ "no mark", "-f '' gw1," KEY,
	  "3 the mark must be a number such as 51820 or 0xca6c, or off: ; see --help\n" },
	{ "0x alone", "-f 0x gw1," KEY, "3 the mark must be a number such as 51820" },
	{ "letters in the mark", "-f 0xg gw1," KEY, "3 the mark must be a number such as 51820" },
	{ "hex digits without 0x", "-f ca6c gw1," KEY, "3 the mark must be a number such as" },
	{ "a sign in the mark", "-f 0x-1 gw1," KEY, "3 the mark must be a number such as 51820" },
	{ "33 bits", "-f 4294967296 gw1," KEY, "3 the mark must be a number such as 51820" },
	{ "36 bits", "-f 0x100000000 gw1," KEY, "3 the mark must be a number such as 51820" },
	{ "no time", "-T 0 gw1," KEY, "3 the time must be a number from 1 to 86400: 0" },
	{ "too much time", "-T 86401 gw1," KEY, "3 the time must be a number from 1 to 86400" },
	{ "too long a wait", "-w 86401 gw1," KEY, "3 the wait must be a number from 0 to 86400" },
	{ "-ttt", "-ttt gw1," KEY, "3 too many of: -t" },
	{ "a bad key", "-p nokey gw1", "3 nokey is not a public key" },
	{ "a bad port", "gw1:0," KEY, "3 unable to understand the gateway gw1:0: the port" },
};

static void test_misuse(void **state)
{
	const struct misuse_row *row = *state;
	struct options options;
	char start[256];

	unit_is_int("options_read", read_line(&options, row->line), -ERR_CONFIG);
	snprintf(start, sizeof(start), "%.*s", (int)strlen(row->log), unit_log());
	unit_is_text("log", start, row->log);
}

static void test_defaults(void **state)
{
	struct options options;

	(void)state;
	unit_is_int("options_read", read_line(&options, "gw1," KEY), 1);
	unit_is_text("interface", options.ifname, "wgmesh");
	unit_is_text("private key", options.key_path, "/etc/wg-broker/node.key");
	unit_is_int("MTU", options.mtu, 1374);
	unit_is_int("mark", options.mark, 0);
	unit_is_int("IPv4 and IPv6", options.ipv4 * 10 + options.ipv6, 1);
	unit_is_int("address", options.address != NULL, false);
	unit_is_int("MAC address", options.mac != NULL, false);
	unit_is_int("switches",
		    options.generate || options.in_order || options.ask_only || options.json,
		    false);
	unit_is_int("clock_rule", options.clock_rule, WALLTIME_NEVER);
	unit_is_int("time_limit", options.time_limit, 0);
	unit_is_int("wait", options.wait, 0);
	unit_is_int("gateways", (long long)options.count, 1);
	unit_is_text("gateway", options.gateways[0].host, "gw1");
	unit_is_text("log", unit_log(), "");
}

static void test_all(void **state)
{
	struct options options;

	(void)state;
	unit_is_int(
		"options_read",
		read_line(&options, "-gnot -a fe80::1 -i a_Z.9-x -k /key -M 65455 --json gw1," KEY),
		1);
	unit_is_text("interface", options.ifname, "a_Z.9-x");
	unit_is_text("private key", options.key_path, "/key");
	unit_is_int("MTU", options.mtu, 65455);
	unit_is_text("address", options.address, "fe80::1");
	unit_is_int("generate", options.generate, true);
	unit_is_int("ask_only", options.ask_only, true);
	unit_is_int("in_order", options.in_order, true);
	unit_is_int("clock_rule", options.clock_rule, WALLTIME_FORWARD);
	unit_is_int("json", options.json, true);
	unit_is_int("with -m", read_line(&options, "-m eth0 -M 1280 gw1," KEY), 1);
	unit_is_text("MAC address", options.mac, "eth0");
	unit_is_int("MTU", options.mtu, 1280);
	unit_is_int("-tt", read_line(&options, "-t -t gw1," KEY), 1);
	unit_is_int("clock_rule", options.clock_rule, WALLTIME_ALWAYS);
	unit_is_int("-T and -w", read_line(&options, "-T 86400 -w 86400 gw1," KEY), 1);
	unit_is_int("time_limit", options.time_limit, 86400);
	unit_is_int("wait", options.wait, 86400);
	unit_is_int("-A", read_line(&options, "-A 0.0.0.0/0 gw1," KEY), 1);
	unit_is_int("IPv4 and IPv6", options.ipv4 * 10 + options.ipv6, 10);
	unit_is_int("-A, both", read_line(&options, "-A ::/0,0.0.0.0/0 gw1," KEY), 1);
	unit_is_int("IPv4 and IPv6", options.ipv4 * 10 + options.ipv6, 11);
	unit_is_text("babeld", options.daemons.babel, "");
	unit_is_int("-B -L -F",
		    read_line(&options, "-B 65535 -L /l -F /" TIMES_100("x") "xxxxxx gw1," KEY), 1);
	unit_is_text("babeld", options.daemons.babel, "65535");
	unit_is_text("l3roamd", options.daemons.l3roamd, "/l");
	unit_is_int("mmfd", (long long)strlen(options.daemons.mmfd), 107);
	unit_is_int("-B", read_line(&options, "-B /b gw1," KEY), 1);
	unit_is_text("babeld", options.daemons.babel, "/b");
	unit_is_text("others",
		     options.daemons.l3roamd[0] || options.daemons.mmfd[0] ? "some" : "none",
		     "none");
	unit_is_int("-f", read_line(&options, "-f 0xFfffFFFe gw1," KEY), 1);
	unit_is_int("mark", options.mark, 0xfffffffe);
	unit_is_int("-f, decimal", read_line(&options, "-f 4294967295 gw1," KEY), 1);
	unit_is_int("mark", options.mark, 4294967295);
	unit_is_int("-f off", read_line(&options, "-f 1 -f off gw1," KEY), 1);
	unit_is_int("mark", options.mark, 0);
	unit_is_int("-V", read_line(&options, "-V"), 0);
	unit_is_int("-h", read_line(&options, "-n -h -x"), 0);
	unit_is_text("log", unit_log(), "");
}

static void test_commands(void **state)
{
	struct options options;

	(void)state;
	unit_is_int("a run", read_line(&options, "gw1," KEY), 1);
	unit_is_int("verb", options.verb, CONNECT);
	unit_is_int("loop", options.loop, false);
	unit_is_int("-l", read_line(&options, "-l gw1," KEY), 1);
	unit_is_int("loop", options.loop, true);
	unit_is_int("down", read_line(&options, "down -i wg7"), 1);
	unit_is_int("verb", options.verb, DOWN);
	unit_is_text("interface", options.ifname, "wg7");
	unit_is_int("status", read_line(&options, "-p nokey --json status"), 1);
	unit_is_int("verb", options.verb, STATUS);
	unit_is_int("json", options.json, true);
	unit_is_int("hosts", read_line(&options, "-o -p " KEY " status:40000 gw1 down"), 1);
	unit_is_int("verb", options.verb, CONNECT);
	unit_is_int("gateways", (long long)options.count, 3);
	unit_is_text("gateway", options.gateways[0].host, "status");
	unit_is_text("log", unit_log(), "");
}

static void check_key(const struct gateway *gateway, const char *want)
{
	char text[KEY_TEXT_SIZE];

	unit_is_int("has_key", gateway->has_key, want != NULL);
	if (!want)
		return;
	key_to_text(text, gateway->key);
	unit_is_text(gateway->host, text, want);
}

static void test_keys(void **state)
{
	struct options options;

	(void)state;
	unit_is_int("options_read", read_line(&options, "-o -p " KEY " gw1 gw2," OTHER_KEY), 1);
	check_key(&options.gateways[0], KEY);
	check_key(&options.gateways[1], OTHER_KEY);
	unit_is_int("-n needs none", read_line(&options, "-on gw1 gw2," OTHER_KEY), 1);
	check_key(&options.gateways[0], NULL);
	check_key(&options.gateways[1], OTHER_KEY);
	unit_is_text("log", unit_log(), "");
}

/* Reads a line with so many gateways, whose names are the numbers from 0. */
static int read_many(struct options *options, const char *switches, int count)
{
	char line[1024];
	size_t len;

	snprintf(line, sizeof(line), "%s", switches);
	for (int i = 0; i < count; i++) {
		len = strlen(line);
		snprintf(line + len, sizeof(line) - len, " %d", i);
	}
	return read_line(options, line);
}

/* All gateways are asked, with -o in their order. */
static void test_order(void **state)
{
	struct options options;
	size_t in_place = 0;
	uint64_t seen = 0;

	(void)state;
	unit_is_int("in order", read_many(&options, "-no", 64), 1);
	unit_is_int("gateways", (long long)options.count, 64);
	for (size_t i = 0; i < options.count; i++)
		unit_is_int("host", atoi(options.gateways[i].host), (long long)i);

	/* Chance leaves all in place once in 64! runs. */
	unit_is_int("shuffled", read_many(&options, "-n", 64), 1);
	for (size_t i = 0; i < options.count; i++) {
		const size_t number = strtoul(options.gateways[i].host, NULL, 10);

		seen |= 1ULL << number;
		in_place += number == i;
	}
	unit_is_int("each is there", seen == UINT64_MAX, true);
	unit_is_int("some moved", in_place < options.count, true);
	unit_is_text("log", unit_log(), "");

	unit_is_int("one more", read_many(&options, "-n", 65), -ERR_CONFIG);
	unit_is_text("log", unit_log(),
		     "3 from 1 to 64 gateways are expected: too many given; "
		     "see --help\n");
}

int main(void)
{
	UNIT_TABLE(test_misuse, misuses);
	unit_add("the defaults", test_defaults, NULL);
	unit_add("all options", test_all, NULL);
	unit_add("keys of their own and for all", test_keys, NULL);
	unit_add("the gateways' order", test_order, NULL);
	unit_add("commands", test_commands, NULL);
	return unit_run();
}
