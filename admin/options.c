// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the command line of broker-admin. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/options.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "number.h"
#include "text.h"

#define USAGE                                                                                      \
	"usage: broker-admin [-c file] check\n"                                                    \
	"       broker-admin [-c file] status [--json | --prometheus[=broker] | "                  \
	"--watch[=seconds]]\n"                                                                     \
	"       broker-admin [-c file] show key ...\n"                                             \
	"       broker-admin [-c file] prune [-n]\n"                                               \
	"       broker-admin [-c file] flush\n"                                                    \
	"       broker-admin [-c file] kick key ...\n"                                             \
	"       broker-admin [-c file] allow | deny [-r] key ...\n"                                \
	"       broker-admin [-c file] resync [-w seconds]\n"                                      \
	"       broker-admin -h | -V\n"

#define HELP                                                                                       \
	"\n"                                                                                       \
	"  check      says what is wrong with this gateway, and what to do\n"                      \
	"  status     shows a table of the interfaces and their peers\n"                           \
	"    --json                the same for programs\n"                                        \
	"    --prometheus[=broker] metrics for node_exporter, with this label (none)\n"            \
	"    --watch[=seconds]     the table again and again (every 2 seconds)\n"                  \
	"  show       shows all about peers, and what the next prune will do with them\n"          \
	"  prune      removes the interfaces of dead peers; to be run every five minutes\n"        \
	"    -n                    only says which ones, and why\n"                                \
	"  flush      removes all interfaces\n"                                                    \
	"  kick       removes the interfaces of these keys; their nodes may come back\n"           \
	"  allow      adds keys to ALLOWKEYS, the list of those that may join\n"                   \
	"  deny       adds keys to DENYKEYS, the list of those that may not\n"                     \
	"    -r                    removes them from it\n"                                         \
	"  resync     tells the routing daemons about interfaces that they lack\n"                 \
	"    -w seconds            keeps trying for so long, until they know them all (one try)\n" \
	"\n"                                                                                       \
	"  -c file        reads this configuration (" CONFIG_FILE ")\n"                            \
	"  -h, --help     prints this text\n"                                                      \
	"  -V, --version  prints the version\n"                                                    \
	"\n"                                                                                       \
	"Example: broker-admin show xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"                \
	"See broker-admin(8).\n"

static const struct {
	const char *name;
	bool takes_keys;
} verbs[] = {
	[CHECK] = { "check", false },	[STATUS] = { "status", false },
	[SHOW] = { "show", true },	[PRUNE] = { "prune", false },
	[FLUSH] = { "flush", false },	[KICK] = { "kick", true },
	[ALLOW] = { "allow", true },	[DENY] = { "deny", true },
	[RESYNC] = { "resync", false },
};

enum {
	MAX_WAIT = 3600, /* seconds */
	WATCH_TIME = 2,	 /* seconds from one table to the next, by default */
};

static int misuse(const char *what)
{
	log_line(LOG_ERR, "%s; see --help", what);
	return EXIT_USAGE;
}

/* Takes keys as wg(8) shows them, or as ip(8) shows them, as altnames. */
static int parse_keys(struct options *options, int count, char **words)
{
	int ret = 0;

	if (count == 0)
		return misuse("give one or more public keys");
	options->key_count = count;
	options->keys = calloc((size_t)count, KEY_LEN);
	if (!options->keys)
		return misuse("out of memory");
	for (int i = 0; i < count && ret == 0; i++) {
		ret = key_from_text(options->keys[i], words[i], strlen(words[i]));
		if (ret < 0)
			ret = key_from_altname(options->keys[i], words[i]);
	}
	return ret < 0 ? misuse("a public key has 44 characters of base64") : -1;
}

static int parse_verb(struct options *options, int count, char **words)
{
	int verb = 0;

	while (count && verb < VERBS && strcmp(words[0], verbs[verb].name) != 0)
		verb++;
	if (count == 0 || verb == VERBS)
		return misuse(
			"give a command: check, status, show, prune, flush, kick, allow, deny or resync");
	options->verb = (enum verb)verb;
	if (count > 1 && !verbs[verb].takes_keys)
		return misuse("too many arguments");
	if (options->has_form && verb != STATUS)
		return misuse("--json, --prometheus and --watch belong to status");
	if (options->dry_run && verb != PRUNE)
		return misuse("-n belongs to prune");
	if (options->wait && verb != RESYNC)
		return misuse("-w belongs to resync");
	if (options->remove && verb != ALLOW && verb != DENY)
		return misuse("-r belongs to allow and deny");
	return verbs[verb].takes_keys ? parse_keys(options, count - 1, words + 1) : -1;
}

/* A label's value that needs no escape, and may be a part of a file's name. */
static int take_broker(struct options *options, const char *broker)
{
	if (broker && (!*broker || broker[strspn(broker, TEXT_ALPHANUMERIC "._-")]))
		return misuse("--prometheus wants a label of letters, digits, '.', '_' and '-'");
	options->broker = broker;
	return -1;
}

static int take_form(struct options *options, int option)
{
	int ret = 0;

	if (options->has_form)
		return misuse("--json, --prometheus and --watch exclude each other");
	options->has_form = true;
	if (option == 'p') {
		options->form = STATUS_PROMETHEUS;
		return take_broker(options, optarg);
	}
	if (option == 'j')
		options->form = STATUS_JSON;
	else
		options->watch = WATCH_TIME;
	if (optarg)
		ret = number_parse(optarg, 1, MAX_WAIT, &options->watch);
	return ret < 0 ? misuse("--watch wants a number of seconds from 1 to 3600") : -1;
}

/* Takes one option. Returns -1 to go on, or what to exit with. */
static int take_option(struct options *options, int option)
{
	int ret;

	switch (option) {
	case 'c':
		options->path = optarg;
		return -1;
	case 'h':
		fputs(USAGE HELP, stdout);
		return EXIT_DONE;
	case 'j':
	case 'p':
	case 'W':
		return take_form(options, option);
	case 'n':
		options->dry_run = true;
		return -1;
	case 'r':
		options->remove = true;
		return -1;
	case 'V':
		puts("broker-admin " VERSION);
		return EXIT_DONE;
	case 'w':
		ret = number_parse(optarg, 1, MAX_WAIT, &options->wait);
		return ret < 0 ? misuse("-w wants a number of seconds from 1 to 3600") : -1;
	default:
		/* getopt(3) has said what is wrong. */
		log_line(LOG_ERR, "see --help");
		return EXIT_USAGE;
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", optional_argument, NULL, 'p' },
		{ "watch", optional_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option, ret;

	*options = (struct options){ .form = STATUS_TABLE };
	for (;;) {
		option = getopt_long(argc, argv, "c:hnrVw:", names, NULL);
		if (option == -1)
			return parse_verb(options, argc - optind, argv + optind);
		ret = take_option(options, option);
		if (ret >= 0)
			return ret;
	}
}
