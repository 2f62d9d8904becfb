// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A source's interfaces without a handshake, by their altnames. One that has had its handshake
 * keeps its name until somebody looks: a request that finds no other, or a prune.
 */
#include <string.h>

#include "blake2s.h"
#include "config.h"
#include "error.h"
#include "quota.h"
#include "session.h"
#include "slot.h"

enum {
	/* Seconds for which a look at all the interfaces of a source that was in vain counts. */
	QUOTA_TIME = 5,
};

static int make_tag(struct quota *quota, int key_file, const struct in6_addr *source)
{
	uint8_t key[KEY_LEN], tag[BLAKE2S_TAG];
	int ret;

	ret = key_read_open(key, key_file, quota->config->private_key);
	if (ret < 0)
		return ret;
	blake2s_tag(tag, key, source, sizeof(*source));
	explicit_bzero(key, sizeof(key));
	/* From the least byte on: the same name on every machine. */
	for (int i = 0; i < BLAKE2S_TAG; i++)
		quota->tag |= (uint64_t)tag[i] << 8 * i;
	return 0;
}

/* A relay on this machine may speak for anyone. */
static bool is_counted(const struct in6_addr *source)
{
	const bool is_loopback = IN6_IS_ADDR_V4MAPPED(source) && source->s6_addr[12] == 127;

	return !IN6_IS_ADDR_UNSPECIFIED(source) && !is_loopback;
}

static void name_number(char name[static SLOT_MARKER_SIZE], const struct quota *quota)
{
	slot_pending_name(name, quota->config, quota->tag, quota->number);
}

/* Finds the interface of the present number. Returns 0, -ERR_ABSENT or -ERR_FAILURE. */
static int find_bearer(const struct quota *quota, struct wgif_link *link)
{
	char name[SLOT_MARKER_SIZE];

	name_number(name, quota);
	return wgif_find(quota->kernel, name, link);
}

int quota_open(struct quota *quota, struct wgif_kernel *kernel, const struct config *config,
	       int key_file, const struct in6_addr *source)
{
	struct wgif_link bearer;
	struct note note;
	int ret;

	*quota = (struct quota){ .kernel = kernel, .config = config };
	if (!config->max_pending || !is_counted(source))
		return 0;
	ret = make_tag(quota, key_file, source);
	if (ret < 0)
		return ret;
	quota->number = config->max_pending;
	ret = find_bearer(quota, &bearer);
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	note_parse(&note, bearer.alias);
	return clock_is_before(note.quota, QUOTA_TIME) ? -ERR_QUOTA : 0;
}

/*
 * Whether an interface with the present number waits for its handshake. Without look all of them
 * count as such. Returns 1, 0 or -ERR_FAILURE.
 */
static int is_pending(const struct quota *quota, bool look)
{
	char name[SLOT_MARKER_SIZE];
	struct session session;
	int ret;

	ret = find_bearer(quota, &session.link);
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	if (!look)
		return 1;
	ret = session_read_device(quota->kernel, NULL, &session);
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	if (!note_had_handshake(&session.note))
		return 1;
	name_number(name, quota);
	return wgif_delete_altname(quota->kernel, &session.link, name);
}

/* Finds the first number that is free. Returns 0, -ERR_QUOTA or -ERR_FAILURE. */
static int find_free(struct quota *quota, bool look_at_all)
{
	int ret = 1;

	for (quota->number = 0; quota->number < quota->config->max_pending && ret == 1;) {
		quota->number++;
		ret = is_pending(quota, look_at_all || quota->number == 1);
	}
	return ret == 1 ? -ERR_QUOTA : ret;
}

/* Notes at the bearer of the last number that the others need not be looked at for a while. */
static void mark_end(const struct quota *quota)
{
	char alias[NOTE_SIZE];
	struct session session = { .link.index = 0 };
	int ret;

	ret = find_bearer(quota, &session.link);
	if (ret < 0)
		return;
	note_parse(&session.written, session.link.alias);
	if (session_has_foreign_alias(&session))
		return;
	session.written.quota = clock_moment().boot + QUOTA_TIME;
	note_format(alias, &session.written);
	(void)wgif_set_alias(quota->kernel, &session.link, alias);
}

int quota_take(struct quota *quota)
{
	int ret;

	if (!quota->number)
		return 0;
	ret = find_free(quota, false);
	/* Looking costs more. */
	if (ret == -ERR_QUOTA)
		ret = find_free(quota, true);
	if (ret == -ERR_QUOTA)
		mark_end(quota);
	return ret;
}

int quota_count(const struct quota *quota, const struct wgif_link *link)
{
	char name[SLOT_MARKER_SIZE];

	if (!quota->number)
		return 0;
	name_number(name, quota);
	return wgif_add_altname(quota->kernel, link, name);
}

int quota_give_back(struct wgif_kernel *kernel, const struct config *config,
		    const struct wgif_link *link)
{
	int ret = 0;

	for (int i = 0; i < WGIF_MORE_NAMES && ret == 0; i++)
		if (slot_is_pending_name(config, link->more_names[i]))
			ret = wgif_delete_altname(kernel, link, link->more_names[i]);
	return ret;
}
