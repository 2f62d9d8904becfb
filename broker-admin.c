// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's program: shows, prunes and flushes the interfaces of the peers. */
#include <errno.h>
#include <getopt.h>
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

enum verb { STATUS, PRUNE, FLUSH, VERBS };

static const char *const verbs[] = { [STATUS] = "status", [PRUNE] = "prune", [FLUSH] = "flush" };

struct command {
	const char *path; /* of the configuration, or NULL */
	enum verb verb;
	enum status_form form;
	bool formed; /* a form was asked for */
	bool try;
};

static int misuse(const char *what)
{
	fprintf(stderr, "broker-admin: %s\n" USAGE, what);
	return EXIT_USAGE;
}

static int parse_verb(struct command *command, int count, char **words)
{
	int verb = 0;

	while (count == 1 && verb < VERBS && strcmp(words[0], verbs[verb]) != 0)
		verb++;
	if (count != 1 || verb == VERBS)
		return misuse("exactly one of status, prune and flush is wanted");
	command->verb = (enum verb)verb;
	if (command->formed && verb != STATUS)
		return misuse("--json and --prometheus belong to status");
	if (command->try && verb != PRUNE)
		return misuse("-n belongs to prune");
	return -1;
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
			if (command->formed)
				return misuse("--json and --prometheus exclude each other");
			command->form = option == 'j' ? STATUS_JSON : STATUS_PROMETHEUS;
			command->formed = true;
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
	return parse_verb(command, argc - optind, argv + optind);
}

static int run(const struct command *command, const struct config *config)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret;

	if (!kernel)
		return -ERR_FAILURE;
	if (command->verb == STATUS)
		ret = status(kernel, config, command->form);
	else if (command->verb == PRUNE)
		ret = prune(kernel, config, command->try);
	else
		ret = flush(kernel, config);
	wgif_close(kernel);
	/* A metrics file that is cut short on a full disk must not pass for a whole one. */
	if (fflush(stdout) == EOF || ferror(stdout)) {
		log_line(LOG_ERR, "unable to write to stdout: %s", strerror(errno));
		ret = -ERR_FAILURE;
	}
	return ret;
}

/* One run: options, configuration, one command. */
int main(int argc, char **argv)
{
	struct command command = { .form = STATUS_TABLE };
	static struct config config; /* for leak checkers: its strings are never freed */
	int ret;

	log_open("broker-admin", false);
	prctl(PR_SET_DUMPABLE, 0);
	ret = parse(&command, argc, argv);
	if (ret >= 0)
		return ret;
	if (config_read(&config, command.path) < 0)
		return EXIT_CONFIG;
	return exit_code(run(&command, &config));
}
