// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's program: shows, prunes and flushes the interfaces of the peers. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "admin/check.h"
#include "admin/lists.h"
#include "admin/prune.h"
#include "admin/show.h"
#include "admin/status.h"
#include "admin/watch.h"
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
	"usage: broker-admin [-c file] check\n"                                                    \
	"       broker-admin [-c file] status [--json | --prometheus | --watch[=seconds]]\n"       \
	"       broker-admin [-c file] show key...\n"                                              \
	"       broker-admin [-c file] prune [-n]\n"                                               \
	"       broker-admin [-c file] flush\n"                                                    \
	"       broker-admin [-c file] kick key...\n"                                              \
	"       broker-admin [-c file] allow | deny [-r] key...\n"                                 \
	"       broker-admin [-c file] resync [-w seconds]\n"                                      \
	"       broker-admin -h | -V\n"

enum verb { CHECK, STATUS, SHOW, PRUNE, FLUSH, KICK, ALLOW, DENY, RESYNC, VERBS };

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

struct command {
	const char *path; /* of the configuration, or NULL */
	enum verb verb;
	enum status_form form;
	bool has_form; /* one was asked for */
	bool dry_run;
	bool remove;	    /* from a list */
	unsigned int wait;  /* seconds for routing daemons; 0 is not at all */
	unsigned int watch; /* seconds from one table to the next; 0 is once */
	int key_count;
	uint8_t (*keys)[KEY_LEN];
};

static int misuse(const char *what)
{
	fprintf(stderr, "broker-admin: %s\n" USAGE, what);
	return EXIT_USAGE;
}

/* Takes keys as wg(8) shows them, or as ip(8) shows them, as altnames. */
static int parse_keys(struct command *command, int count, char **words)
{
	int ret = 0;

	if (count == 0)
		return misuse("give one or more public keys");
	command->key_count = count;
	command->keys = calloc((size_t)count, KEY_LEN);
	if (!command->keys)
		return misuse("out of memory");
	for (int i = 0; i < count && ret == 0; i++) {
		ret = key_from_text(command->keys[i], words[i], strlen(words[i]));
		if (ret < 0)
			ret = key_from_altname(command->keys[i], words[i]);
	}
	return ret < 0 ? misuse("a public key has 44 characters of base64") : -1;
}

static int parse_verb(struct command *command, int count, char **words)
{
	int verb = 0;

	while (count && verb < VERBS && strcmp(words[0], verbs[verb].name) != 0)
		verb++;
	if (count == 0 || verb == VERBS)
		return misuse(
			"give a command: check, status, show, prune, flush, kick, allow, deny or resync");
	command->verb = (enum verb)verb;
	if (count > 1 && !verbs[verb].takes_keys)
		return misuse("too many arguments");
	if (command->has_form && verb != STATUS)
		return misuse("--json, --prometheus and --watch belong to status");
	if (command->dry_run && verb != PRUNE)
		return misuse("-n belongs to prune");
	if (command->wait && verb != RESYNC)
		return misuse("-w belongs to resync");
	if (command->remove && verb != ALLOW && verb != DENY)
		return misuse("-r belongs to allow and deny");
	return verbs[verb].takes_keys ? parse_keys(command, count - 1, words + 1) : -1;
}

static int take_form(struct command *command, int option)
{
	int ret = 0;

	if (command->has_form)
		return misuse("--json, --prometheus and --watch exclude each other");
	command->has_form = true;
	if (option == 'j')
		command->form = STATUS_JSON;
	else if (option == 'p')
		command->form = STATUS_PROMETHEUS;
	else
		command->watch = WATCH_TIME;
	if (optarg)
		ret = number_parse(optarg, 1, MAX_WAIT, &command->watch);
	return ret < 0 ? misuse("--watch wants a number of seconds from 1 to 3600") : -1;
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
	case 'W':
		return take_form(command, option);
	case 'n':
		command->dry_run = true;
		return -1;
	case 'r':
		command->remove = true;
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
		{ "json", no_argument, NULL, 'j' },	   { "prometheus", no_argument, NULL, 'p' },
		{ "watch", optional_argument, NULL, 'W' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },	   { 0 },
	};
	int option, ret;

	for (;;) {
		option = getopt_long(argc, argv, "c:hnrVw:", options, NULL);
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
	int ret;

	if (command->verb == RESYNC)
		return resync(config, command->wait);
	if (command->watch)
		return watch(config, command->watch);
	kernel = wgif_open();
	if (!kernel)
		return -ERR_FAILURE;
	if (command->verb == STATUS)
		ret = status(kernel, config, command->form);
	else if (command->verb == SHOW)
		ret = show(kernel, config, &prepared->access, prepared->key_file, command->keys,
			   command->key_count);
	else if (command->verb == PRUNE)
		ret = prune(kernel, config, &prepared->access, prepared->key_file,
			    command->dry_run);
	else if (command->verb == KICK)
		ret = kick(kernel, config, prepared->key_file, command->keys, command->key_count);
	else
		ret = flush(kernel, config, prepared->key_file);
	wgif_close(kernel);
	return ret;
}

static bool takes_lock(enum verb verb)
{
	return verb == SHOW || verb == PRUNE || verb == FLUSH || verb == KICK;
}

/* Opens what the command takes, and gives up what it does not. Returns 0 or a negative error. */
static int prepare(const struct command *command, struct prepared *prepared)
{
	int ret;

	ret = config_read(&prepared->config, command->path);
	if (ret < 0)
		return ret;
	if (takes_lock(command->verb)) {
		prepared->key_file = key_open(prepared->config.private_key);
		if (prepared->key_file < 0)
			return prepared->key_file;
	}
	if (command->verb == PRUNE || command->verb == SHOW)
		ret = access_open(&prepared->access, &prepared->config);
	if (ret < 0)
		return ret;
	/* From here on it reads what routing daemons say. */
	return privileges_drop();
}

/* Puts keys on a list or takes them off. That takes files, and reads nothing of a stranger's. */
static int change_list(const struct command *command, struct config *config)
{
	const bool is_allow = command->verb == ALLOW;
	int ret;

	ret = config_read(config, command->path);
	for (int i = 0; i < command->key_count && ret == 0; i++)
		ret = list_change(is_allow ? "ALLOWKEYS" : "DENYKEYS",
				  is_allow ? config->allow_keys : config->deny_keys,
				  command->keys[i], command->remove);
	return ret;
}

static int run_prepared(const struct command *command, struct prepared *prepared)
{
	int ret;

	ret = prepare(command, prepared);
	return ret == 0 ? run(command, prepared) : ret;
}

/* A metrics file that is cut short on a full disk must not pass for a whole one. */
static int end_output(void)
{
	const int ret = fflush(stdout);

	if (ret != EOF && !ferror(stdout))
		return 0;
	log_line(LOG_ERR, "unable to write to stdout: %s", strerror(errno));
	return -ERR_FAILURE;
}

/* One run: options, preparation, one command. */
int main(int argc, char **argv)
{
	struct command command = { .form = STATUS_TABLE };
	static struct prepared prepared; /* for leak checkers: its strings are never freed */
	int ret, ended;

	log_open("broker-admin", false);
	prctl(PR_SET_DUMPABLE, 0);
	ret = parse(&command, argc, argv);
	if (ret >= 0)
		return ret;
	if (command.verb == ALLOW || command.verb == DENY)
		ret = change_list(&command, &prepared.config);
	else if (command.verb == CHECK)
		ret = check(command.path);
	else
		ret = run_prepared(&command, &prepared);
	free(command.keys);
	ended = end_output();
	return exit_code(ended < 0 ? ended : ret);
}
