// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Removes interfaces: those of dead peers, of some keys, or all. Never one that is not ours, and
 * never one that a handler answers with at that moment: what is to go loses its altname first,
 * under the lock, so that no request finds it any more. Deleting itself takes the kernel 0.1 s each
 * and is done by some processes at once, without the lock, while requests go on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/prune.h"
#include "access.h"
#include "announce.h"
#include "clock.h"
#include "config.h"
#include "deadline.h"
#include "error.h"
#include "log.h"
#include "peer.h"
#include "quota.h"
#include "room.h"
#include "session.h"
#include "slot.h"

enum {
	DEAD_TIME = 600,  /* seconds without a new handshake after which a peer goes */
	ASKED_TIME = 300, /* seconds that a peer has for its first handshake */
	LOCK_TIME = 30,	  /* seconds to wait for the lock */
	/*
	 * Processes that delete at the same time: the kernel does most of it one after the other,
	 * and more than a few only get in each other's way.
	 */
	WORKERS = 4,
};

/* One pass over all the interfaces. */
struct pass {
	struct wgif_kernel *kernel;
	const struct config *config;
	const struct access *access;
	int key_file; /* the lock */
	bool dry_run, all;
	bool by_key; /* looks for the links' keys, not for their names */
	struct wgif_link *doomed;
	int doomed_count;
	bool doomed_slots[SLOT_END];
	int kept_count, failed_count;
	unsigned int told; /* how many a routing daemon was told of */
};

bool prune_reason(char reason[static PRUNE_REASON_SIZE], const struct session *session)
{
	const int64_t age = session_age(session), since = session->now.boot - session->note.asked;

	if (session_state(session) == SESSION_BROKEN)
		snprintf(reason, PRUNE_REASON_SIZE, "half-made");
	else if (age > DEAD_TIME)
		snprintf(reason, PRUNE_REASON_SIZE, "no handshake for %" PRId64 " s", age);
	else if (age < 0 && since > ASKED_TIME)
		snprintf(reason, PRUNE_REASON_SIZE,
			 "asked for %" PRId64 " s ago, never had a handshake", since);
	else
		return false;
	return true;
}

/*
 * Brings the note of an interface that stays up to date. Also if there is nothing new but the time
 * of this look: the later that is, the less a step of the wall clock can hide.
 */
static int write_note(struct pass *pass, const struct session *session)
{
	char alias[NOTE_SIZE];

	if (pass->dry_run || session_has_foreign_alias(session))
		return 0;
	note_format(alias, &session->note);
	return wgif_set_alias(pass->kernel, &session->link, alias);
}

/*
 * Whether an interface goes; if so, no request finds it any more, unless this is a dry run. Returns
 * 1, 0 or a negative error.
 */
static int doom(struct pass *pass, const struct session *session)
{
	char reason[PRUNE_REASON_SIZE] = "its key is not permitted";
	bool may_stay = false;
	int ret = 0;

	if (!pass->all && session->link.has_key)
		ret = access_check(pass->access, session->link.key);
	if (ret < 0 && ret != -ERR_DENIED)
		return ret;
	if (!pass->all && ret == 0) {
		may_stay = true;
		if (!prune_reason(reason, session))
			return 0;
	}
	if (!pass->dry_run)
		return peer_release(pass->kernel, pass->config, session, may_stay);
	printf("would remove %s: %s\n", session->link.name, reason);
	return 1;
}

void prune_give_time(struct session *session)
{
	struct note *note = &session->note;
	/* Soon after boot that may be 0, which would say that it is not known. */
	const int64_t earlier = session->now.boot - SESSION_FRESH_TIME;

	/* A handler was killed before its last step, or somebody has removed our note. */
	if (note->stamp == 0 && session_asked_age(session) < 0)
		note->asked = note->since = earlier ? earlier : -1;
}

/* Decides on one interface. The lock is held. */
static int examine(struct pass *pass, const struct wgif_link *link)
{
	char altname[KEY_ALTNAME_SIZE];
	const char *name = link->name;
	struct session session;
	unsigned int slot;
	int ret;

	if (pass->by_key) {
		/* Meanwhile the interface of that name may be another node's. */
		key_to_altname(altname, pass->config->prefix, link->key);
		name = altname;
	}
	ret = session_read(pass->kernel, name, pass->config->group, NULL, &session);
	if (ret == -ERR_ABSENT || ret == -ERR_FOREIGN)
		return 0;
	if (ret < 0)
		return ret;
	slot = slot_from_ifname(pass->config, session.link.name);
	/* An operator has renamed it. */
	if (!slot)
		return 0;
	prune_give_time(&session);
	ret = doom(pass, &session);
	if (ret < 0)
		return ret;
	if (ret) {
		pass->doomed[pass->doomed_count++] = session.link;
		pass->doomed_slots[slot] = true;
		return 0;
	}
	pass->kept_count++;
	if (note_had_handshake(&session.note) && !pass->dry_run)
		ret = quota_give_back(pass->kernel, pass->config, &session.link);
	return ret < 0 ? ret : write_note(pass, &session);
}

static int lock(const struct pass *pass)
{
	int ret;

	deadline_set(LOCK_TIME);
	ret = peer_lock(pass->config, pass->key_file);
	deadline_end();
	return ret;
}

/*
 * Locks for each interface anew, so that requests wait no longer than for one of them. What cannot
 * be examined stays as it is, and is no reason to leave out the others.
 */
static int examine_all(struct pass *pass, const struct wgif_link *links, int count)
{
	int ret, result = 0;

	for (int i = 0; i < count; i++) {
		ret = lock(pass);
		if (ret < 0)
			return ret;
		ret = examine(pass, &links[i]);
		peer_unlock(pass->key_file);
		if (ret < 0) {
			pass->failed_count++;
			result = ret;
		}
	}
	return result;
}

/* Deletes every WORKERS-th interface, and writes a byte for each. Runs in a process of its own. */
static int delete_share(const struct pass *pass, int first, int output)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret = kernel ? 0 : -ERR_FAILURE, deleted;
	ssize_t written;

	for (int i = first; kernel && i < pass->doomed_count; i += WORKERS) {
		deleted = wgif_delete(kernel, &pass->doomed[i]);
		written = write(output, "", 1);
		if (deleted < 0 || written < 0)
			ret = -ERR_FAILURE;
	}
	wgif_close(kernel);
	return ret;
}

/* Shows on a terminal how far the work is, as soon as it takes longer than a second. */
static void show_progress(int input, int count)
{
	const bool terminal = isatty(STDERR_FILENO);
	const int64_t start = clock_ms();
	bool shown = false;
	char bytes[64];
	ssize_t len;
	int done = 0;

	for (;;) {
		len = read(input, bytes, sizeof(bytes));
		if (len <= 0)
			break;
		done += (int)len;
		if (terminal && clock_ms() - start > 1000) {
			fprintf(stderr, "\rremoved %d of %d interfaces", done, count);
			shown = true;
		}
	}
	if (shown)
		fputc('\n', stderr);
}

/* Waits for all processes that delete. */
static int wait_for_workers(void)
{
	int ret = 0, status;
	pid_t pid;

	for (;;) {
		pid = wait(&status);
		if (pid < 0)
			return ret;
		if (status != 0)
			ret = -ERR_FAILURE;
	}
}

static int delete_doomed(const struct pass *pass)
{
	int ret = 0, waited, ends[2];

	if (pass->doomed_count == 0)
		return 0;
	ret = pipe(ends);
	if (ret < 0) {
		log_line(LOG_ERR, "unable to make a pipe: %s", strerror(errno));
		return -ERR_FAILURE;
	}
	for (int i = 0; i < WORKERS && i < pass->doomed_count; i++) {
		const pid_t pid = fork();

		if (pid == 0)
			_exit(delete_share(pass, i, ends[1]) < 0);
		if (pid < 0) {
			log_line(LOG_ERR, "unable to start a process: %s", strerror(errno));
			ret = -ERR_FAILURE;
		}
	}
	close(ends[1]);
	show_progress(ends[0], pass->doomed_count);
	close(ends[0]);
	waited = wait_for_workers();
	return ret < 0 ? ret : waited;
}

/*
 * A slot is free now. Who walked over them in vain before that is done with its marker when we have
 * the lock.
 */
static int clear_marker(const struct pass *pass)
{
	int ret;

	ret = lock(pass);
	if (ret < 0)
		return ret;
	ret = room_clear_marker(pass->kernel, pass->config);
	peer_unlock(pass->key_file);
	return ret;
}

/* Carries out what was decided. The daemons are told before an interface goes. */
static int remove_doomed(const struct pass *pass, int examined)
{
	int ret = examined, deleted, marked;

	if (pass->doomed_count)
		announce_withdraw(pass->config, pass->doomed_slots);
	/* Also after an error: what has lost its altname must go. */
	deleted = delete_doomed(pass);
	if (ret == 0)
		ret = deleted;
	/* Who has the lock for so long has it still. */
	marked = ret == -ERR_LOCKED ? 0 : clear_marker(pass);
	return ret < 0 ? ret : marked;
}

/* Goes over these interfaces once. Frees the list. Returns count if it is an error. */
static int run(struct pass *pass, struct wgif_link *links, int count)
{
	int ret;

	if (count < 0)
		return count;
	pass->doomed = calloc((size_t)count + 1, sizeof(*pass->doomed));
	if (!pass->doomed) {
		free(links);
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		return -ERR_FAILURE;
	}
	ret = examine_all(pass, links, count);
	free(links);
	if (!pass->dry_run)
		ret = remove_doomed(pass, ret);
	/* A daemon that was not told of everything is in the log, and no failure of the pass. */
	(void)announce_all(pass->config, pass->dry_run, &pass->told);
	free(pass->doomed);
	return ret;
}

/* One pass over all interfaces, and what it failed at. */
static int run_and_report(struct pass *pass)
{
	struct wgif_link *links = NULL;
	int ret;

	ret = session_list_links(pass->kernel, pass->config, &links);
	ret = run(pass, links, ret);
	if (pass->failed_count)
		log_line(LOG_ERR, "left as they are, after errors: %d", pass->failed_count);
	return ret;
}

int prune(struct wgif_kernel *kernel, const struct config *config, const struct access *access,
	  int key_file, bool dry_run)
{
	static struct pass pass;
	int ret;

	pass = (struct pass){
		.kernel = kernel,
		.config = config,
		.access = access,
		.key_file = key_file,
		.dry_run = dry_run,
	};
	ret = run_and_report(&pass);
	if (ret == 0 && dry_run)
		printf("would remove %d, keep %d, and tell routing daemons of %u\n",
		       pass.doomed_count, pass.kept_count, pass.told);
	else if (ret == 0)
		log_line(LOG_INFO, "pruned: %d removed, %d kept, %u told to routing daemons",
			 pass.doomed_count, pass.kept_count, pass.told);
	return ret;
}

int flush(struct wgif_kernel *kernel, const struct config *config, int key_file)
{
	static struct pass pass;
	int ret;

	pass = (struct pass){
		.kernel = kernel, .config = config, .key_file = key_file, .all = true
	};
	ret = run_and_report(&pass);
	if (ret == 0)
		log_line(LOG_INFO, "flushed: %d removed", pass.doomed_count);
	return ret;
}

/*
 * Adds the interface of a key to a list that has room, unless it is there. Returns 1, 0 if it was
 * there, or a negative error that is logged.
 */
static int add_link_of(const struct pass *pass, const uint8_t key[static KEY_LEN],
		       struct wgif_link *links, int count)
{
	struct wgif_link *link = &links[count];
	char altname[KEY_ALTNAME_SIZE];
	int ret;

	key_to_altname(altname, pass->config->prefix, key);
	ret = wgif_find(pass->kernel, altname, link);
	if (ret < 0 && ret != -ERR_ABSENT)
		return ret;
	if (ret < 0 || !link->wireguard || link->group != pass->config->group ||
	    !slot_from_ifname(pass->config, link->name)) {
		log_line(LOG_ERR, "no interface of ours has the key %s",
			 altname + strlen(pass->config->prefix));
		return -ERR_ABSENT;
	}
	for (int i = 0; i < count; i++)
		if (links[i].index == link->index)
			return 0;
	return 1;
}

int kick(struct wgif_kernel *kernel, const struct config *config, int key_file,
	 const uint8_t (*keys)[KEY_LEN], int count)
{
	struct wgif_link *links = calloc((size_t)count, sizeof(*links));
	static struct pass pass;
	int found = 0, ret, result = 0;

	if (!links) {
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		return -ERR_FAILURE;
	}
	pass = (struct pass){
		.kernel = kernel,
		.config = config,
		.key_file = key_file,
		.all = true,
		.by_key = true,
	};
	for (int i = 0; i < count; i++) {
		ret = add_link_of(&pass, keys[i], links, found);
		if (ret < 0)
			result = -ERR_FAILURE;
		else
			found += ret;
	}
	ret = run(&pass, links, found);
	if (ret == 0)
		log_line(LOG_INFO, "kicked: %d removed", pass.doomed_count);
	return ret < 0 ? ret : result;
}
