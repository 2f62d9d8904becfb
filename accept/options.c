// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the command line of broker-accept. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#include "accept/handlers.h"
#include "accept/options.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "number.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define USAGE                                                                                       \
	"usage: broker-accept [-hV] [-c file] [-l port] [-m handlers] [-s handlers] [-w seconds]\n" \
	"                     handler [argument ...]\n"

#define HELP                                                                                       \
	"\n"                                                                                       \
	"Accepts connections on the listening socket that is its standard input, and starts a\n"   \
	"handler for each. systemd and procd run it.\n"                                            \
	"\n"                                                                                       \
	"  -c file        reads LOGADDRESS from this configuration (" CONFIG_FILE ")\n"            \
	"  -l port        opens this TCP port itself (standard input is the socket)\n"             \
	"  -m handlers    how many may run at a time (1024)\n"                                     \
	"  -s handlers    how many of these may serve one source (64)\n"                           \
	"  -w seconds     how long to wait for the last handlers after SIGTERM (2)\n"              \
	"  -h, --help     prints this text\n"                                                      \
	"  -V, --version  prints the version\n"                                                    \
	"\n"                                                                                       \
	"Example: broker-accept -l 40000 /usr/local/sbin/broker-handler\n"                         \
	"See broker-accept(8).\n"

enum { MAX_WAIT = 3600 }; /* seconds */

static int take_number(int option, unsigned int min, unsigned int max, unsigned int *number)
{
	const int ret = number_parse(optarg, min, max, number);

	if (ret == 0)
		return -1;
	log_line(LOG_ERR, "-%c takes a number from %u to %u, not '%s'; see --help", option, min,
		 max, optarg);
	return EXIT_USAGE;
}

/* Takes one option. Returns -1 to go on, or what to exit with. */
static int take_option(struct options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return -1;
	case 'h':
		fputs(USAGE HELP, stdout);
		return EXIT_DONE;
	case 'l':
		return take_number(option, 1, UINT16_MAX, &options->port);
	case 'm':
		return take_number(option, 1, HANDLERS_MAX, &options->max_handlers);
	case 's':
		return take_number(option, 1, HANDLERS_MAX, &options->max_per_source);
	case 'V':
		puts("broker-accept " VERSION);
		return EXIT_DONE;
	case 'w':
		return take_number(option, 0, MAX_WAIT, &options->wait_time);
	default:
		/* getopt(3) has said what is wrong. */
		log_line(LOG_ERR, "see --help");
		return EXIT_USAGE;
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option, ret = -1;

	*options = (struct options){ .max_handlers = 1024, .max_per_source = 64, .wait_time = 2 };
	while (ret < 0) {
		/* "+": the handler's own options are not ours. */
		option = getopt_long(argc, argv, "+c:hl:m:s:Vw:", names, NULL);
		if (option == -1)
			break;
		ret = take_option(options, option);
	}
	if (ret < 0 && optind == argc) {
		log_line(LOG_ERR, "no handler is given; see --help");
		ret = EXIT_USAGE;
	}
	options->command = argv + optind;
	return ret;
}
