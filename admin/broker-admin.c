// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's program: shows, prunes and flushes the interfaces of the peers. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "admin/prune.h"
#include "admin/status.h"
#include "access.h"
#include "announce.h"
#include "clock.h"
#include "config.h"
#include "error.h"
#include "key.h"
#include "log.h"
#include "number.h"
#include "privileges.h"
#include "wgif.h"

#define USAGE                                                                                      \
	"usage: broker-admin [-c file] status [--json | --prometheus]\n"                           \
	"       broker-admin [-c file] prune [-n]\n"                                               \
	"       broker-admin [-c file] flush\n"                                                    \
	"       broker-admin [-c file] resync [-w seconds]\n"                                      \
	"       broker-admin -h | -V\n"

enum verb { STATUS, PRUNE, FLUSH, RESYNC, VERBS };

static const char *const verbs[] = {
	[STATUS] = "status",
	[PRUNE] = "prune",
	[FLUSH] = "flush",
	[RESYNC] = "resync",
};

enum { MAX_WAIT = 3600 }; /* seconds */

struct command {
	const char *path; /* of the configuration, or NULL */
	enum verb verb;
	enum status_form form;
	bool has_form; /* one was asked for */
	bool dry_run;
	unsigned int wait; /* seconds for routing daemons; 0 is not at all */
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
		return misuse("give one command: status, prune, flush or resync");
	command->verb = (enum verb)verb;
	if (command->has_form && verb != STATUS)
		return misuse("--json and --prometheus belong to status");
	if (command->dry_run && verb != PRUNE)
		return misuse("-n belongs to prune");
	if (command->wait && verb != RESYNC)
		return misuse("-w belongs to resync");
	return -1;
}

/* Takes one option. Returns -1 to go on, or what to exit with. */
static int take_option(struct command *command, int option)
{
	int ret;

	switch (option) {
	case 'c':
		command->path = optarg;
		return -1;
	case 'h':
		fputs(USAGE, stdout);
		return EXIT_DONE;
	case 'j':
	case 'p':
		if (command->has_form)
			return misuse("--json and --prometheus exclude each other");
		command->form = option == 'j' ? STATUS_JSON : STATUS_PROMETHEUS;
		command->has_form = true;
		return -1;
	case 'n':
		command->dry_run = true;
		return -1;
	case 'V':
		puts("broker-admin " VERSION);
		return EXIT_DONE;
	case 'w':
		ret = number_parse(optarg, 1, MAX_WAIT, &command->wait);
		return ret < 0 ? misuse("-w wants a number of seconds from 1 to 3600") : -1;
	default:
		fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
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
	int option, ret;

	for (;;) {
		option = getopt_long(argc, argv, "c:hnVw:", options, NULL);
		if (option == -1)
			return parse_verb(command, argc - optind, argv + optind);
		ret = take_option(command, option);
		if (ret >= 0)
			return ret;
	}
}

/*
 * Tells the routing daemons of what they lack. With a time to wait it tries until all of them run
 * and know everything.
 */
static int resync(const struct config *config, unsigned int wait)
{
	const int64_t end = clock_ms() + (int64_t)wait * 1000;
	unsigned int told, sum = 0;
	int ret;

	for (;;) {
		ret = announce_all(config, false, &told);
		sum += told;
		if (ret == 0 || clock_ms() >= end)
			break;
		sleep(1);
	}
	if (ret == 0 || !wait)
		log_line(LOG_INFO, "resynced: %u told to routing daemons", sum);
	return wait && ret < 0 ? -ERR_FAILURE : 0;
}

/* What was opened beforehand. */
struct prepared {
	struct config config;
	struct access access;
	int key_file; /* of those that take the lock */
};

static int run(const struct command *command, const struct prepared *prepared)
{
	const struct config *config = &prepared->config;
	struct wgif_kernel *kernel;
	int ret, flushed;

	if (command->verb == RESYNC)
		return resync(config, command->wait);
	kernel = wgif_open();
	if (!kernel)
		return -ERR_FAILURE;
	if (command->verb == STATUS)
		ret = status(kernel, config, command->form);
	else if (command->verb == PRUNE)
		ret = prune(kernel, config, &prepared->access, prepared->key_file,
			    command->dry_run);
	else
		ret = flush(kernel, config, prepared->key_file);
	wgif_close(kernel);
	/* A metrics file that is cut short on a full disk must not pass for a whole one. */
	flushed = fflush(stdout);
	if (flushed == EOF || ferror(stdout)) {
		log_line(LOG_ERR, "unable to write to stdout: %s", strerror(errno));
		ret = -ERR_FAILURE;
	}
	return ret;
}

/* Opens what the command takes, and gives up what it does not. Returns 0 or a negative error. */
static int prepare(const struct command *command, struct prepared *prepared)
{
	int ret;

	ret = config_read(&prepared->config, command->path);
	if (ret < 0)
		return ret;
	if (command->verb == PRUNE || command->verb == FLUSH) {
		prepared->key_file = key_open(prepared->config.private_key);
		if (prepared->key_file < 0)
			return prepared->key_file;
	}
	if (command->verb == PRUNE)
		ret = access_open(&prepared->access, &prepared->config);
	if (ret < 0)
		return ret;
	/* From here on it reads what routing daemons say. */
	return privileges_drop();
}

/* One run: options, preparation, one command. */
int main(int argc, char **argv)
{
	struct command command = { .form = STATUS_TABLE };
	static struct prepared prepared; /* for leak checkers: its strings are never freed */
	int ret;

	log_open("broker-admin", false);
	prctl(PR_SET_DUMPABLE, 0);
	ret = parse(&command, argc, argv);
	if (ret >= 0)
		return ret;
	ret = prepare(&command, &prepared);
	if (ret == 0)
		ret = run(&command, &prepared);
	return exit_code(ret);
}
