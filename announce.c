// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Brings the routing daemons up to date. babeld serves four clients at a time and l3roamd's queue
 * is short, so processes take turns. Nothing is kept of what was told: what the kernel has and the
 * daemon lacks is what has to be told.
 */
#include <stdlib.h>
#include <unistd.h>

#include "announce.h"
#include "clock.h"
#include "config.h"
#include "error.h"
#include "mesh.h"
#include "session.h"
#include "slot.h"
#include "turn.h"
#include "wgif.h"

enum {
	TURN_TIME = 30, /* seconds that broker-admin waits for its turn */
	TRY_TIME = 240, /* seconds until the last try; then a prune is due */
	MAX_PAUSE = 4,	/* seconds between two tries; the first pause is one, then twice that */
	QUIET_TIME = 3, /* seconds without a new interface after which a storm is over */
	MAX_LOOKS = 8,	/* and how often that is waited for */
};

/* What is_gone() needs. */
struct gateway_view {
	struct wgif_kernel *kernel;
	const struct config *config;
};

static bool is_gone(void *argument, unsigned int slot)
{
	const struct gateway_view *view = argument;
	char ifname[IFNAMSIZ];
	struct wgif_link link;

	slot_ifname(ifname, view->config, slot);
	return wgif_find(view->kernel, ifname, &link) == -ERR_ABSENT;
}

/* Compares what the kernel has with what the daemons know. */
static int sync_daemons(struct wgif_kernel *kernel, const struct config *config, bool dry_run,
			unsigned int *told)
{
	static struct mesh_sync sync;
	struct gateway_view view = { .kernel = kernel, .config = config };
	struct wgif_link *links;
	int count, ret;

	sync = (struct mesh_sync){ .gone = is_gone, .argument = &view, .dry_run = dry_run };
	count = session_list_links(kernel, config, &links);
	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		/* What is not complete belongs to nobody yet. */
		sync.wanted[slot_from_ifname(config, links[i].name)] =
			links[i].up && links[i].has_key;
	free(links);
	ret = mesh_sync(config, &sync);
	*told = sync.told;
	return ret;
}

static int open_and_sync(const struct config *config, bool dry_run, unsigned int *told)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret;

	if (!kernel)
		return -ERR_FAILURE;
	ret = sync_daemons(kernel, config, dry_run, told);
	wgif_close(kernel);
	return ret;
}

int announce_all(const struct config *config, bool dry_run, unsigned int *told)
{
	struct turn turn;
	int ret;

	*told = 0;
	if (!mesh_is_configured(config))
		return 0;
	turn_wait(&turn, TURN_TIME);
	ret = open_and_sync(config, dry_run, told);
	turn_end(&turn);
	return ret;
}

/* Repeats what failed until it is done, or the time is over. */
static void try_again(const struct config *config)
{
	const int64_t end = clock_ms() + TRY_TIME * 1000;
	unsigned int pause = 1, told;
	int ret;

	do {
		sleep(pause);
		pause = pause < MAX_PAUSE ? pause * 2 : MAX_PAUSE;
		ret = open_and_sync(config, false, &told);
	} while (ret == -ERR_FAILURE && clock_ms() < end);
}

/* How many interfaces of ours there are, or a negative error. */
static int count_links(const struct config *config)
{
	struct wgif_kernel *kernel = wgif_open();
	struct wgif_link *links;
	int count;

	if (!kernel)
		return -ERR_FAILURE;
	count = session_list_links(kernel, config, &links);
	if (count >= 0)
		free(links);
	wgif_close(kernel);
	return count;
}

/*
 * Waits until no more interfaces are made. At each event of the kernel babeld looks at all that it
 * has, and for each of them at the addresses of all: the fewer it has while many are made, the
 * sooner it has them all.
 */
static void wait_for_quiet(const struct config *config)
{
	int count, before = -1;

	for (int look = 0; look < MAX_LOOKS; look++) {
		count = count_links(config);
		if (count == before || count < 0)
			return;
		before = count;
		sleep(QUIET_TIME);
	}
}

void announce(const struct config *config, const char *ifname)
{
	struct turn turn;
	unsigned int told;
	bool is_ours;
	int ret;

	if (!mesh_is_configured(config))
		return;
	is_ours = turn_take(&turn, config->prefix);
	if (!is_ours)
		return;
	if (turn.is_first) {
		ret = mesh_announce(config, ifname);
	} else {
		wait_for_quiet(config);
		ret = open_and_sync(config, false, &told);
	}
	if (ret == -ERR_FAILURE)
		try_again(config);
	turn_end(&turn);
}

void announce_withdraw(const struct config *config, const bool withdrawn[static SLOT_END])
{
	struct turn turn;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	(void)mesh_withdraw(config, withdrawn);
	turn_end(&turn);
}
