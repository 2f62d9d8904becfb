// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's program: shows, prunes and flushes the interfaces of the peers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "admin/check.h"
#include "admin/lists.h"
#include "admin/options.h"
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
#include "privileges.h"
#include "wgif.h"

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

static int run(const struct options *options, const struct prepared *prepared)
{
	const struct config *config = &prepared->config;
	struct wgif_kernel *kernel;
	int ret;

	if (options->verb == RESYNC)
		return resync(config, options->wait);
	if (options->watch)
		return watch(config, options->watch);
	kernel = wgif_open();
	if (!kernel)
		return -ERR_FAILURE;
	if (options->verb == STATUS)
		ret = status(kernel, config, options->form, options->broker);
	else if (options->verb == SHOW)
		ret = show(kernel, &prepared->access, prepared->key_file, options->keys,
			   options->key_count);
	else if (options->verb == PRUNE)
		ret = prune(kernel, config, &prepared->access, prepared->key_file,
			    options->dry_run);
	else if (options->verb == KICK)
		ret = kick(kernel, config, prepared->key_file, options->keys, options->key_count);
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
static int prepare(const struct options *options, struct prepared *prepared)
{
	int ret;

	ret = config_read(&prepared->config, options->path);
	if (ret < 0)
		return ret;
	if (takes_lock(options->verb)) {
		prepared->key_file = key_open(prepared->config.private_key);
		if (prepared->key_file < 0)
			return prepared->key_file;
	}
	if (options->verb == PRUNE || options->verb == SHOW)
		ret = access_open(&prepared->access, &prepared->config);
	if (ret < 0)
		return ret;
	/* From here on it reads what routing daemons say. */
	ret = privileges_drop();
	return ret == 0 ? privileges_close_files() : ret;
}

/* Puts keys on a list or takes them off. That takes files, and reads nothing of a stranger's. */
static int change_list(const struct options *options, struct config *config)
{
	const bool is_allow = options->verb == ALLOW;
	int ret;

	ret = config_read(config, options->path);
	for (int i = 0; i < options->key_count && ret == 0; i++)
		ret = list_change(is_allow ? "ALLOWKEYS" : "DENYKEYS",
				  is_allow ? config->allow_keys : config->deny_keys,
				  options->keys[i], options->remove);
	return ret;
}

static int run_prepared(const struct options *options, struct prepared *prepared)
{
	int ret;

	ret = prepare(options, prepared);
	return ret == 0 ? run(options, prepared) : ret;
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
	struct options options;
	static struct prepared prepared; /* for leak checkers: its strings are never freed */
	int ret, ended;

	log_open("broker-admin", false);
	prctl(PR_SET_DUMPABLE, 0);
	ret = options_read(&options, argc, argv);
	if (ret >= 0)
		return ret;
	if (options.verb == ALLOW || options.verb == DENY)
		ret = change_list(&options, &prepared.config);
	else if (options.verb == CHECK)
		ret = check(options.path);
	else
		ret = run_prepared(&options, &prepared);
	free(options.keys);
	ended = end_output();
	return exit_code(ended < 0 ? ended : ret);
}
