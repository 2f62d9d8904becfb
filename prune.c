// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Removes interfaces: those of dead peers, or all. Never one that is not ours, and never one that
 * a handler answers with at that moment: what is to go loses its altname first, under the lock, so
 * that no request finds it any more. Deleting itself takes the kernel 0.1 s each and is done by
 * some processes at once, without the lock, while requests go on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "wgif.h"

enum {
	DEAD_TIME = 600,  /* seconds without a new handshake after which a peer goes */
	ASKED_TIME = 300, /* seconds that a peer has for its first handshake */
	LOCK_TIME = 30,	  /* seconds to wait for the lock */
	/*
	 * That delete at the same time: the kernel does most of it one after the other, and more
	 * than a few only get in each other's way.
	 */
	WORKERS = 4,
	REASON_SIZE = 64,
};

struct sweep {
	struct wgif_kernel *kernel;
	const struct config *config;
	bool try, all;
	struct wgif *doomed;
	int count;		 /* of the doomed */
	bool slots[MESH_SLOTS];	 /* of the doomed */
	bool living[MESH_SLOTS]; /* what stays */
	int kept;
	unsigned int told; /* how many a routing daemon was told of */
};

/* Says why an interface has to go, or returns false if it may stay. */
static bool condemn(const struct wgif *wgif, const struct wgif_device *device,
		    const struct note *note, struct moment now, char reason[static REASON_SIZE])
{
	const int64_t age = note_age(note, now), since = now.boot - note->asked;

	/* We hold the lock, so nobody is at work on it. */
	if (!wgif->keyed || !wgif->up || !device->has_peer)
		snprintf(reason, REASON_SIZE, "half-made");
	else if (age > DEAD_TIME)
		snprintf(reason, REASON_SIZE, "no handshake for %" PRId64 " s", age);
	else if (age < 0 && since > ASKED_TIME)
		snprintf(reason, REASON_SIZE, "asked for %" PRId64 " s ago, never had a handshake",
			 since);
	else
		return false;
	return true;
}

/* Brings the note of an interface that stays up to date, if there is something new. */
static int remember(struct sweep *sweep, const struct wgif *wgif, const struct note *old,
		    const struct note *note)
{
	char alias[NOTE_SIZE];

	if (sweep->try || (note->stamp == old->stamp && note->asked == old->asked))
		return 0;
	note_format(alias, note);
	return wgif_set_alias(sweep->kernel, wgif->index, alias);
}

/*
 * Takes the altname off, unless there was a handshake in this very moment: a handler may have seen
 * that one and answered. Returns whether the interface may be deleted.
 */
static bool unclaim(struct sweep *sweep, const struct wgif *wgif, int64_t handshake)
{
	struct wgif_device device;
	char altname[KEY_TEXT_SIZE];

	if (!wgif->keyed)
		return true;
	key_to_altname(altname, wgif->key);
	if (wgif_delete_altname(sweep->kernel, wgif->index, altname) < 0)
		return false;
	if (sweep->all || wgif_get_device(sweep->kernel, wgif->index, wgif->key, &device) < 0 ||
	    device.handshake == handshake)
		return true;
	wgif_add_altname(sweep->kernel, wgif->index, altname);
	return false;
}

/* Decides on one interface. The lock is held. */
static int examine(struct sweep *sweep, const char *ifname)
{
	const unsigned int slot = peer_slot(sweep->config, ifname);
	char reason[REASON_SIZE] = "flushed";
	struct wgif_device device;
	struct note old, note;
	struct moment now;
	struct wgif wgif;
	int ret;

	ret = wgif_find(sweep->kernel, ifname, &wgif);
	if (ret == 0 && !peer_is_ours(sweep->config, &wgif))
		return 0;
	if (ret == 0)
		ret = wgif_get_device(sweep->kernel, wgif.index, wgif.key, &device);
	if (ret != 0)
		return ret == -ERR_ABSENT ? 0 : ret;

	now = moment_now();
	note_parse(&old, wgif.alias);
	note = old;
	note_look(&note, device.handshake, now);
	/*
	 * A handler was killed before its last step, or somebody has taken our note away. What was
	 * never used gets its time from now on; but the next request is to complete it, so it does
	 * not count as just made, and one in use counts as unfinished still.
	 */
	if (note.stamp == 0 && (note.asked == 0 || note.asked > now.boot))
		note.asked = now.boot - PEER_FRESH_TIME;
	if ((sweep->all || condemn(&wgif, &device, &note, now, reason)) &&
	    (sweep->try || unclaim(sweep, &wgif, device.handshake))) {
		if (sweep->try)
			printf("would remove %s: %s\n", wgif.name, reason);
		sweep->doomed[sweep->count++] = wgif;
		sweep->slots[slot] = true;
		return 0;
	}
	sweep->kept++;
	sweep->living[slot] = wgif.up && wgif.keyed;
	return remember(sweep, &wgif, &old, &note);
}

static int lock(const struct sweep *sweep)
{
	int ret;

	deadline_set(LOCK_TIME);
	ret = peer_lock(sweep->config);
	deadline_end();
	return ret;
}

/* Locks for each interface anew, so that requests wait no longer than for one of them. */
static int examine_all(struct sweep *sweep, const struct wgif *list, int count)
{
	int ret = 0, locked;

	for (int i = 0; i < count && ret == 0; i++) {
		locked = lock(sweep);
		if (locked < 0)
			return locked;
		ret = examine(sweep, list[i].name);
		close(locked);
	}
	return ret;
}

/* Deletes every WORKERS-th interface, and writes a byte for each. Runs in a process of its own. */
static int work(const struct sweep *sweep, int first, int output)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret = kernel ? 0 : -ERR_FAILURE;

	for (int i = first; kernel && i < sweep->count; i += WORKERS) {
		if (wgif_delete(kernel, sweep->doomed[i].index) < 0)
			ret = -ERR_FAILURE;
		if (write(output, "", 1) < 0)
			ret = -ERR_FAILURE;
	}
	wgif_close(kernel);
	return ret;
}

static int64_t milliseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

/* Shows on a terminal how far the work is, as soon as it takes longer than a second. */
static void show_progress(int input, int count)
{
	const bool terminal = isatty(STDERR_FILENO);
	struct timespec start, now;
	bool shown = false;
	char bytes[64];
	ssize_t len;
	int done = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while ((len = read(input, bytes, sizeof(bytes))) > 0) {
		done += (int)len;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (terminal && milliseconds(&now) - milliseconds(&start) > 1000) {
			fprintf(stderr, "\rremoved %d of %d interfaces", done, count);
			shown = true;
		}
	}
	if (shown)
		fputc('\n', stderr);
}

static int delete_doomed(const struct sweep *sweep)
{
	int ret = 0, status, ends[2];

	if (sweep->count == 0)
		return 0;
	if (pipe(ends) < 0) {
		log_line(LOG_ERR, "unable to make a pipe: %s", strerror(errno));
		return -ERR_FAILURE;
	}
	for (int i = 0; i < WORKERS && i < sweep->count; i++) {
		const pid_t pid = fork();

		if (pid == 0)
			_exit(work(sweep, i, ends[1]) < 0);
		if (pid < 0) {
			log_line(LOG_ERR, "unable to start a process: %s", strerror(errno));
			ret = -ERR_FAILURE;
		}
	}
	close(ends[1]);
	show_progress(ends[0], sweep->count);
	close(ends[0]);
	while (wait(&status) > 0)
		if (status != 0)
			ret = -ERR_FAILURE;
	return ret;
}

/*
 * A slot is free now: requests may walk over them again. One that walked in vain before that is
 * done with its marker when we have the lock.
 */
static int clear_marker(const struct sweep *sweep)
{
	const int locked = lock(sweep);
	char marker[PEER_MARKER_SIZE];
	struct wgif bearer;
	int ret;

	if (locked < 0)
		return locked;
	peer_marker(marker, sweep->config);
	ret = wgif_find(sweep->kernel, marker, &bearer);
	if (ret == 0)
		ret = wgif_delete_altname(sweep->kernel, bearer.index, marker);
	close(locked);
	return ret == -ERR_ABSENT ? 0 : ret;
}

static bool is_gone(void *argument, unsigned int slot)
{
	const struct sweep *sweep = argument;
	char ifname[IFNAMSIZ];
	struct wgif wgif;

	peer_ifname(ifname, sweep->config, slot);
	/* Not even if we have removed it: a handler may have made it again meanwhile. */
	return wgif_find(sweep->kernel, ifname, &wgif) == -ERR_ABSENT;
}

/* Does a whole pass. The daemons are told before an interface goes. */
static int pass(struct sweep *sweep, struct wgif_kernel *kernel, const struct config *config)
{
	struct wgif *list;
	int ret, count;

	sweep->kernel = kernel;
	sweep->config = config;
	count = peer_list(sweep->kernel, sweep->config, &list);
	if (count < 0)
		return count;
	sweep->doomed = calloc((size_t)count + 1, sizeof(*sweep->doomed));
	if (!sweep->doomed) {
		free(list);
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		return -ERR_FAILURE;
	}
	ret = examine_all(sweep, list, count);
	free(list);
	if (!sweep->try) {
		if (sweep->count)
			mesh_withdraw(sweep->config, sweep->slots);
		/* Also after an error: what has lost its altname must go. */
		if (delete_doomed(sweep) < 0 && ret == 0)
			ret = -ERR_FAILURE;
		if (ret == 0)
			ret = clear_marker(sweep);
	}
	if (ret == 0)
		sweep->told = mesh_sync(sweep->config, sweep->living, is_gone, sweep, sweep->try);
	free(sweep->doomed);
	return ret;
}

int prune(struct wgif_kernel *kernel, const struct config *config, bool try)
{
	static struct sweep sweep;
	int ret;

	sweep.try = try;
	ret = pass(&sweep, kernel, config);
	if (ret == 0 && try)
		printf("would remove %d, keep %d, and tell routing daemons of %u\n", sweep.count,
		       sweep.kept, sweep.told);
	else if (ret == 0)
		log_line(LOG_INFO, "pruned: %d removed, %d kept, %u told to routing daemons",
			 sweep.count, sweep.kept, sweep.told);
	return ret;
}

int flush(struct wgif_kernel *kernel, const struct config *config)
{
	static struct sweep sweep;
	int ret;

	sweep.all = true;
	ret = pass(&sweep, kernel, config);
	if (ret == 0)
		log_line(LOG_INFO, "flushed: %d removed", sweep.count);
	return ret;
}
