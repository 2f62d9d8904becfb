// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the command line of broker-connect. Opens no file but those of public keys. */
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "allowed_ips.h"
#include "error.h"
#include "log.h"
#include "number.h"
#include "node/options.h"
#include "text.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#ifndef NODE_KEY_FILE
#define NODE_KEY_FILE "/etc/wg-broker/node.key"
#endif

#define USAGE                                                                                      \
	"usage: broker-connect [-ghlnotV] [-A addresses] [-a address | -m mac] [-B babeld]\n"      \
	"                      [-F mmfd] [-f mark] [-i interface] [-k file] [-L l3roamd]\n"        \
	"                      [-M mtu] [-p key] [-T seconds] [-w seconds] [--json]\n"             \
	"                      host[:port][,key] ...\n"                                            \
	"       broker-connect status [-i interface] [--json]\n"                                   \
	"       broker-connect down [-B babeld] [-F mmfd] [-i interface] [-k file] [-L l3roamd]\n"

#define HELP                                                                                        \
	"\n"                                                                                        \
	"Joins a mesh: asks one gateway after the other for a port, and makes a WireGuard\n"        \
	"interface towards the first that accepts and shakes hands. Keeps a live session.\n"        \
	"\n"                                                                                        \
	"  status         tells what state the interface is in\n"                                   \
	"  down           deletes it, after the routing daemons that are given were told\n"         \
	"\n"                                                                                        \
	"  -A addresses   what may pass through the tunnel: ::/0, 0.0.0.0/0 or both (::/0)\n"       \
	"  -a address     the interface's address in fe80::/64 (made from the public key)\n"        \
	"  -B babeld      tells babeld, by its local port or the path of its socket (nobody)\n"     \
	"  -F mmfd        tells mmfd, by the path of its socket (nobody)\n"                         \
	"  -f mark        firewall mark of the packets to gateways (off)\n"                         \
	"  -g             makes the private key if there is none\n"                                 \
	"  -i interface   the interface's name (wgmesh)\n"                                          \
	"  -k file        the private key (" NODE_KEY_FILE ")\n"                                    \
	"  -L l3roamd     tells l3roamd, by the path of its socket (nobody)\n"                      \
	"  -l             stays, and does one run after the other\n"                                \
	"  -M mtu         the interface's MTU in bytes (1374)\n"                                    \
	"  -m mac         makes the address from this MAC address, or that of this interface\n"     \
	"  -n             only asks, and prints the reply\n"                                        \
	"  -o             asks in the order given (at random, the emptier of two first)\n"          \
	"  -p key         the public key of all gateways that name none (none)\n"                   \
	"  -T seconds     ends a run after this time (no limit)\n"                                  \
	"  -t             sets the clock forward if it must be wrong; -tt also back\n"              \
	"  -w seconds     first waits, at random up to this time (0)\n"                             \
	"  --json         prints a report, or the state, for programs\n"                            \
	"  -h, --help     prints this text\n"                                                       \
	"  -V, --version  prints the version and the date of the sources\n"                         \
	"\n"                                                                                        \
	"A gateway's port is its TCP port (40000); its key is its public key, or the path of a\n"   \
	"file with it.\n"                                                                           \
	"\n"                                                                                        \
	"Example: broker-connect -g gw1.example.net,xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n" \
	"See broker-connect(8).\n"

enum {
	DEFAULT_MTU = 1374,
	MIN_MTU = 1280, /* of IPv6 */
	MAX_MTU = 65455,
	MAX_TIME = 86400,      /* seconds */
	MAX_SOCKET_PATH = 107, /* see unix(7) */
};

static int misuse(const char *what, const char *value)
{
	log_line(LOG_ERR, "%s: %s; see --help", what, value);
	return -ERR_CONFIG;
}

/* With the date of the sources, which -t goes by. */
static void print_version(void)
{
	const time_t date = (time_t)walltime_first;
	const struct tm *parts = gmtime(&date);
	char text[32] = "";

	if (parts)
		strftime(text, sizeof(text), "%Y-%m-%d", parts);
	printf("broker-connect %s (%s)\n", VERSION, text);
}

/* Whether the text can be an interface's name that needs no quotes anywhere. */
static bool is_ifname(const char *text)
{
	const size_t len = strlen(text);

	return len > 0 && len < IFNAMSIZ && *text != '-' && *text != '.' &&
	       strspn(text, TEXT_ALPHANUMERIC "._-") == len;
}

/* Reads a firewall mark as ip(8) and wg(8) do: 0x and hex digits, a number, or "off". */
static int read_mark(uint32_t *mark, const char *text)
{
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : "";
	unsigned int number = 0;
	int ret = 0;

	if (*digits && strlen(digits) <= 8 &&
	    strspn(digits, TEXT_DIGITS "abcdefABCDEF") == strlen(digits))
		number = (unsigned int)strtoul(digits, NULL, 16);
	else if (strcmp(text, "off") != 0)
		ret = number_parse(text, 0, UINT32_MAX, &number);
	if (ret < 0)
		return misuse("the mark must be a number such as 51820 or 0xca6c, or off", text);
	*mark = number;
	return 0;
}

/*
 * Takes a routing daemon's socket: its path, or if it may have one a port. Returns 0, or
 * -ERR_CONFIG after it has logged why.
 */
static int take_socket(char **address, bool may_be_port)
{
	unsigned int port;
	const bool is_port = may_be_port && number_parse(optarg, 1, UINT16_MAX, &port) == 0;

	*address = optarg;
	if (is_port || (*optarg == '/' && strlen(optarg) <= MAX_SOCKET_PATH))
		return 0;
	return misuse(may_be_port ? "neither a port nor the absolute path of a socket" :
				    "not the absolute path of a socket",
		      optarg);
}

/* Where an option goes that is only given or not. Returns NULL for all others. */
static bool *find_switch(struct options *options, int option)
{
	switch (option) {
	case 'g':
		return &options->generate;
	case 'j':
		return &options->json;
	case 'l':
		return &options->loop;
	case 'n':
		return &options->ask_only;
	case 'o':
		return &options->in_order;
	default:
		return NULL;
	}
}

/* Where the text behind an option goes that others look at. Returns NULL for all others. */
static const char **find_text(struct options *options, int option)
{
	switch (option) {
	case 'a':
		return &options->address;
	case 'k':
		return &options->key_path;
	case 'm':
		return &options->mac;
	case 'p':
		return &options->shared_key;
	default:
		return NULL;
	}
}

/* Takes any other option. Returns 0, or -ERR_CONFIG after it has logged why. */
static int take_value(struct options *options, int option)
{
	int ret;

	switch (option) {
	case 'A':
		ret = allowed_ips_parse(optarg, &options->ipv4, &options->ipv6);
		return ret < 0 ? misuse("allowed are " ALLOWED_IPS_WORDS, optarg) : 0;
	case 'B':
		return take_socket(&options->daemons.babel, true);
	case 'F':
		return take_socket(&options->daemons.mmfd, false);
	case 'f':
		return read_mark(&options->mark, optarg);
	case 'i':
		options->ifname = optarg;
		return is_ifname(optarg) ? 0 : misuse("not an interface's name", optarg);
	case 'L':
		return take_socket(&options->daemons.l3roamd, false);
	case 'M':
		ret = number_parse(optarg, MIN_MTU, MAX_MTU, &options->mtu);
		return ret < 0 ? misuse("the MTU must be a number from 1280 to 65455", optarg) : 0;
	case 'T':
		ret = number_parse(optarg, 1, MAX_TIME, &options->time_limit);
		return ret < 0 ? misuse("the time must be a number from 1 to 86400", optarg) : 0;
	case 'w':
		ret = number_parse(optarg, 0, MAX_TIME, &options->wait);
		return ret < 0 ? misuse("the wait must be a number from 0 to 86400", optarg) : 0;
	case 't':
		options->clock_rule++;
		return options->clock_rule > WALLTIME_ALWAYS ? misuse("too many of", "-t") : 0;
	default:
		/* getopt(3) has said what is wrong. */
		log_line(LOG_ERR, "see --help");
		return -ERR_CONFIG;
	}
}

/* Takes one option. Returns 0, or -ERR_CONFIG after it has logged why. */
static int take_option(struct options *options, int option)
{
	bool *is_given = find_switch(options, option);
	const char **text = find_text(options, option);

	if (is_given)
		*is_given = true;
	else if (text)
		*text = optarg;
	else
		return take_value(options, option);
	return 0;
}

/* Takes the gateways and their keys. Returns 0, or -ERR_CONFIG after it has logged why. */
static int take_gateways(struct options *options, char **texts, int count)
{
	uint8_t key[KEY_LEN];
	int ret = 0;

	if (count < 1)
		return misuse("from 1 to 64 gateways are expected", "none given");
	if (count > OPTIONS_MAX_GATEWAYS)
		return misuse("from 1 to 64 gateways are expected", "too many given");
	if (options->shared_key)
		ret = gateway_read_key(key, options->shared_key);
	if (ret < 0)
		return ret;
	for (int i = 0; i < count; i++) {
		struct gateway *gateway = &options->gateways[i];

		ret = gateway_parse(gateway, texts[i]);
		if (ret < 0)
			return ret;
		if (!gateway->has_key && options->shared_key) {
			memcpy(gateway->key, key, KEY_LEN);
			gateway->has_key = true;
		}
		if (!gateway->has_key && !options->ask_only)
			return misuse("no public key after a comma or with -p for the gateway",
				      gateway->host);
	}
	options->count = (size_t)count;
	if (!options->in_order)
		gateway_shuffle(options->gateways, options->count, sizeof(options->gateways[0]));
	return 0;
}

/* Takes what follows the options: a command, or else gateways. */
static int take_words(struct options *options, char **words, int count)
{
	if (count > 0 && strcmp(words[0], "down") == 0)
		options->verb = DOWN;
	if (count > 0 && strcmp(words[0], "status") == 0)
		options->verb = STATUS;
	if (options->verb == CONNECT)
		return take_gateways(options, words, count);
	if (count > 1)
		return misuse("no gateway is expected behind a command", words[1]);
	if (options->ask_only || options->loop)
		return misuse("neither -l nor -n goes with a command", words[0]);
	return 0;
}

int options_read(struct options *options, int argc, char **argv)
{
	static char none[] = "";
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option, ret;

	*options = (struct options){
		.key_path = NODE_KEY_FILE,
		.mtu = DEFAULT_MTU,
		.ipv6 = true,
		.ifname = "wgmesh",
		.daemons = { .babel = none,
			     .babel_options = none,
			     .l3roamd = none,
			     .mmfd = none,
			     .prefix = none },
	};
	for (;;) {
		option = getopt_long(argc, argv, "A:a:B:F:f:ghi:k:L:lM:m:nop:T:tVw:", long_options,
				     NULL);
		if (option == -1)
			break;
		if (option == 'h')
			fputs(USAGE HELP, stdout);
		if (option == 'V')
			print_version();
		if (option == 'h' || option == 'V')
			return 0;
		ret = take_option(options, option);
		if (ret < 0)
			return ret;
	}
	if (options->address && options->mac)
		return misuse("-a and -m exclude each other", options->mac);
	if (options->loop && (options->ask_only || options->json))
		return misuse("neither -n nor --json goes with", "-l");
	ret = take_words(options, argv + optind, argc - optind);
	return ret < 0 ? ret : 1;
}
