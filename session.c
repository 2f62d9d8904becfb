// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads interfaces and judges their sessions. Changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"
#include "log.h"
#include "session.h"
#include "slot.h"

int session_read_device(struct wgif_kernel *kernel, const uint8_t *peer_key,
			struct session *session)
{
	int ret;

	ret = wgif_get_device(kernel, &session->link, peer_key ? peer_key : session->link.key,
			      &session->device);
	if (ret < 0)
		return ret;
	session->now = clock_moment();
	note_parse(&session->written, session->link.alias);
	session->note = session->written;
	note_look(&session->note, session->device.handshake, session->now);
	return 0;
}

int session_read(struct wgif_kernel *kernel, const char *name, unsigned int group,
		 const uint8_t *peer_key, struct session *session)
{
	int ret;

	memset(session, 0, sizeof(*session));
	ret = wgif_find(kernel, name, &session->link);
	if (ret < 0)
		return ret;
	if (!session->link.wireguard || session->link.group != group)
		return -ERR_FOREIGN;
	ret = session_read_device(kernel, peer_key, session);
	/* It went between the two. */
	if (ret == -ERR_ABSENT)
		session->link.index = 0;
	return ret;
}

int64_t session_age(const struct session *session)
{
	return note_age(&session->note, session->now);
}

/* Seconds since a moment of the boot clock that a note tells, or -1 if it is of no use. */
static int64_t age_of(const struct session *session, int64_t moment)
{
	return moment && moment <= session->now.boot ? session->now.boot - moment : -1;
}

int64_t session_asked_age(const struct session *session)
{
	return age_of(session, session->note.asked);
}

int64_t session_looked_age(const struct session *session)
{
	return age_of(session, session->written.looked);
}

bool session_is_live(const struct session *session)
{
	const int64_t age = session_age(session);

	return age >= 0 && age < SESSION_LIVE_TIME;
}

bool session_is_fresh(const struct session *session)
{
	const int64_t age = session_asked_age(session);

	return age >= 0 && age < SESSION_FRESH_TIME;
}

bool session_has_foreign_alias(const struct session *session)
{
	static const struct note none;

	return session->link.alias[0] && memcmp(&session->written, &none, sizeof(none)) == 0;
}

enum session_state session_state(const struct session *session)
{
	const struct wgif_link *link = &session->link;

	/* What is up is complete: that comes last. */
	if (!link->up || !link->has_key || !session->device.has_peer)
		return SESSION_BROKEN;
	if (session_is_live(session))
		return SESSION_LIVE;
	return session_age(session) < 0 ? SESSION_WAITING : SESSION_STALE;
}

/* What add_link() gathers. */
struct link_list {
	const struct config *config;
	struct wgif_link *links;
	unsigned int count, room;
	bool failed;
};

static void add_link(void *argument, const struct wgif_link *link)
{
	struct link_list *list = argument;
	struct wgif_link *links;

	if (link->group != list->config->group || !slot_from_ifname(list->config, link->name))
		return;
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		links = reallocarray(list->links, list->room, sizeof(*links));
		if (!links) {
			list->failed = true;
			list->room = list->count;
			return;
		}
		list->links = links;
	}
	list->links[list->count++] = *link;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(((const struct wgif_link *)a)->name, ((const struct wgif_link *)b)->name);
}

int session_list_links(struct wgif_kernel *kernel, const struct config *config,
		       struct wgif_link **links)
{
	struct link_list list = { .config = config };
	int kept = 0, ret;

	ret = wgif_foreach(kernel, add_link, &list);
	if (ret == 0 && list.failed) {
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		ret = -ERR_FAILURE;
	}
	if (ret < 0) {
		free(list.links);
		return ret;
	}
	if (list.count)
		qsort(list.links, list.count, sizeof(*list.links), compare_names);
	/* The kernel may have told of one twice. */
	for (unsigned int i = 0; i < list.count; i++)
		if (!kept || strcmp(list.links[kept - 1].name, list.links[i].name) != 0)
			list.links[kept++] = list.links[i];
	*links = list.links;
	return kept;
}
