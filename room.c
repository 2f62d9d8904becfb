// SPDX-License-Identifier: GPL-2.0-or-later
/* Looks at all interfaces, or spares the next ones to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config.h"
#include "error.h"
#include "log.h"
#include "room.h"
#include "session.h"
#include "slot.h"

/* Reads the note of a marker's bearer. Returns 1, 0 if there is none, or -ERR_FAILURE. */
static int read_marker(struct wgif_kernel *kernel, const char *marker, struct note *note)
{
	struct wgif_link bearer;
	int ret;

	ret = wgif_find(kernel, marker, &bearer);
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	note_parse(note, bearer.alias);
	return 1;
}

int room_look(struct wgif_kernel *kernel, const struct config *config)
{
	char marker[SLOT_MARKER_SIZE];
	struct note note;
	int ret;

	/* As an operator wants it who takes a gateway out of service. */
	if (config->slots == 0)
		return ROOM_NONE;
	slot_marker(marker, config);
	ret = read_marker(kernel, marker, &note);
	if (ret <= 0)
		return ret < 0 ? ret : ROOM_UNKNOWN;
	return clock_is_before(note.full, ROOM_FULL_TIME) ? ROOM_NONE : ROOM_TAKEN;
}

static int drop_marker(struct wgif_kernel *kernel, const char *marker)
{
	struct wgif_link bearer;
	int ret;

	ret = wgif_find(kernel, marker, &bearer);
	if (ret == 0)
		ret = wgif_delete_altname(kernel, &bearer, marker);
	return ret == -ERR_ABSENT ? 0 : ret;
}

int room_clear_marker(struct wgif_kernel *kernel, const struct config *config)
{
	char marker[SLOT_MARKER_SIZE];

	slot_marker(marker, config);
	return drop_marker(kernel, marker);
}

/* Finds an interface that stays, and whose alias is no operator's. Returns NULL if there is none.
 */
static const struct wgif_link *find_bearer(const struct room_list *list, struct note *note)
{
	char again[NOTE_SIZE];

	for (int i = 0; i < list->count; i++) {
		note_parse(note, list->links[i].alias);
		note_format(again, note);
		if (list->links[i].index != list->except &&
		    strcmp(again, list->links[i].alias) == 0)
			return &list->links[i];
	}
	return NULL;
}

/* Puts a marker on its bearer. What fails here costs the next request more. */
static void mark(struct wgif_kernel *kernel, const struct wgif_link *bearer, const char *marker,
		 const struct note *note)
{
	char alias[NOTE_SIZE];

	(void)drop_marker(kernel, marker);
	if (!bearer)
		return;
	note_format(alias, note);
	(void)wgif_set_alias(kernel, bearer, alias);
	(void)wgif_add_altname(kernel, bearer, marker);
}

void room_mark_full(struct wgif_kernel *kernel, const struct config *config,
		    const struct room_list *list, int64_t until)
{
	char marker[SLOT_MARKER_SIZE];
	const struct wgif_link *bearer;
	struct note note;

	slot_marker(marker, config);
	bearer = find_bearer(list, &note);
	note.full = until;
	mark(kernel, bearer, marker, &note);
}

static void mark_limit(struct wgif_kernel *kernel, const struct config *config,
		       const struct room_list *list)
{
	char marker[SLOT_MARKER_SIZE];
	const struct wgif_link *bearer;
	struct note note;

	slot_limit_marker(marker, config);
	bearer = find_bearer(list, &note);
	note.limit = config->slots;
	mark(kernel, bearer, marker, &note);
}

/* Whether somebody has found nothing beyond the limit. Returns 1, 0 or -ERR_FAILURE. */
static int is_limit_marked(struct wgif_kernel *kernel, const struct config *config)
{
	char marker[SLOT_MARKER_SIZE];
	struct note note;
	int ret;

	slot_limit_marker(marker, config);
	ret = read_marker(kernel, marker, &note);
	return ret <= 0 ? ret : note.limit == config->slots;
}

/* How many slots are looked at: of so many a share is told to a tenth, most of the time. */
enum { SAMPLE = 32 };

/*
 * Adds to *taken how many of the slots from first on, so many, have an interface, as far as some of
 * them tell. Returns 0 or -ERR_FAILURE.
 */
static int add_usage(struct wgif_kernel *kernel, const struct config *config, unsigned int first,
		     unsigned int slots, unsigned int *taken)
{
	unsigned int used = 0;
	uint8_t nobody[KEY_LEN];
	struct wgif_link link;
	struct slot_walk walk;
	char ifname[IFNAMSIZ];
	int ret;

	/* The order of a key that nobody has is as good as any. */
	if (getrandom(nobody, sizeof(nobody), 0) != (ssize_t)sizeof(nobody)) {
		log_line(LOG_ERR, "no random numbers: %s", strerror(errno));
		return -ERR_FAILURE;
	}
	slot_begin(&walk, slots, nobody);
	while (walk.step < SAMPLE && walk.step < slots) {
		slot_ifname(ifname, config, first + slot_next(&walk) - 1);
		ret = wgif_find(kernel, ifname, &link);
		if (ret < 0 && ret != -ERR_ABSENT)
			return ret;
		used += ret == 0;
	}
	*taken += used * slots / walk.step;
	return 0;
}

int room_usage(struct wgif_kernel *kernel, const struct config *config)
{
	const unsigned int ports = config->end_port - config->start_port + 1;
	unsigned int taken = 0;
	int ret;

	ret = room_look(kernel, config);
	if (ret < 0 || ret == ROOM_NONE)
		return ret < 0 ? ret : 100;
	ret = add_usage(kernel, config, 1, config->slots, &taken);
	/* An operator may have lowered the limit: then those beyond it count, too. */
	if (ret == 0 && ports > config->slots) {
		ret = is_limit_marked(kernel, config);
		if (ret == 0)
			ret = add_usage(kernel, config, config->slots + 1, ports - config->slots,
					&taken);
	}
	if (ret < 0)
		return ret;
	return taken < config->slots ? (int)(100 * taken / config->slots) : 100;
}

int room_is_within_limit(struct wgif_kernel *kernel, const struct config *config,
			 unsigned int except)
{
	struct wgif_link *links;
	struct room_list list;
	bool is_within = true;
	int ret, count;

	ret = is_limit_marked(kernel, config);
	if (ret != 0)
		return ret;
	count = session_list_links(kernel, config, &links);
	if (count < 0)
		return count;
	list = (struct room_list){ links, count, except };
	for (int i = 0; i < count && is_within; i++)
		is_within = slot_from_ifname(config, links[i].name) <= config->slots;
	ret = is_within || (unsigned int)count < config->slots;
	if (is_within)
		mark_limit(kernel, config, &list);
	else if (!ret)
		room_mark_full(kernel, config, &list, clock_moment().boot + ROOM_FULL_TIME);
	free(links);
	return ret;
}

static int compare_times(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	return (left->since > right->since) - (left->since < right->since);
}

int room_find_candidates(struct candidate *candidates, const struct room_list *list)
{
	struct note note;
	int found = 0;

	for (int i = 0; i < list->count; i++) {
		const struct wgif_link *link = &list->links[i];
		/* Who made it was killed before its note. An operator's own words have a reason. */
		const bool is_half_made = !link->up && !link->alias[0];

		note_parse(&note, link->alias);
		if (link->has_key && link->index != list->except && !note_had_handshake(&note) &&
		    (note.since || is_half_made))
			candidates[found++] = (struct candidate){ note.since, link };
	}
	if (found)
		qsort(candidates, (size_t)found, sizeof(*candidates), compare_times);
	return found;
}
