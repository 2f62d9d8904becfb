// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's program: shows, prunes and flushes the interfaces of the peers. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

#include "broker.h"
#include "wgif.h"

#define USAGE                                                                                      \
	"usage: broker-admin [-c file] status [--json | --prometheus]\n"                           \
	"       broker-admin [-c file] prune [-n]\n"                                               \
	"       broker-admin [-c file] flush\n"                                                    \
	"       broker-admin -h | -V\n"

struct command {
	const char *path; /* of the configuration, or NULL */
	const char *verb;
	enum status_form form;
	bool try;
};

static int misuse(const char *what)
{
	fprintf(stderr, "broker-admin: %s\n" USAGE, what);
	return EXIT_USAGE;
}

/* Returns -1 if the command is to be carried out, or what to exit with. */
static int parse(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	bool formed = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:hnV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			command->path = optarg;
			break;
		case 'h':
			fputs(USAGE, stdout);
			return EXIT_DONE;
		case 'j':
		case 'p':
			if (formed)
				return misuse("--json and --prometheus exclude each other");
			command->form = option == 'j' ? STATUS_JSON : STATUS_PROMETHEUS;
			formed = true;
			break;
		case 'n':
			command->try = true;
			break;
		case 'V':
			puts("broker-admin " VERSION);
			return EXIT_DONE;
		default:
			fputs(USAGE, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc)
		return misuse("exactly one of status, prune and flush is wanted");
	command->verb = argv[optind];
	if (formed && strcmp(command->verb, "status") != 0)
		return misuse("--json and --prometheus belong to status");
	if (command->try && strcmp(command->verb, "prune") != 0)
		return misuse("-n belongs to prune");
	return -1;
}

/* Returns 0, a negative error, or 1 if there is no such verb. */
static int run(const struct command *command, const struct config *config)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret = 1;

	if (!kernel)
		return -ERR_FAILURE;
	if (strcmp(command->verb, "status") == 0)
		ret = status(kernel, config, command->form);
	else if (strcmp(command->verb, "prune") == 0)
		ret = prune(kernel, config, command->try);
	else if (strcmp(command->verb, "flush") == 0)
		ret = flush(kernel, config);
	wgif_close(kernel);
	return ret;
}

/* One run: options, configuration, one command. */
int main(int argc, char **argv)
{
	struct command command = { .form = STATUS_TABLE };
	struct config config;
	int ret;

	log_open("broker-admin", false);
	prctl(PR_SET_DUMPABLE, 0);
	ret = parse(&command, argc, argv);
	if (ret >= 0)
		return ret;
	if (config_read(&config, command.path) < 0)
		return EXIT_CONFIG;
	ret = run(&command, &config);
	if (ret > 0)
		return misuse("exactly one of status, prune and flush is wanted");
	return exit_code(ret);
}
