// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a key to an interface. The kernel is the database:
 *
 *	slot		the interface's name is the prefix and the slot's number; names are unique
 *	port, address	STARTPORT + slot - 1, and fe80::<slot>
 *	key		an altname of the interface: the prefix, by which several brokers differ,
 *			and the key in base64url; altnames are unique, too
 *	memory		a note in the interface's alias, see note.c
 *	quota		an altname with a number until the first handshake, see quota.c
 *	complete	the interface is up: that comes last
 *
 * One process at a time makes or renews interfaces. The lock is a flock(2) on the private key's
 * file: no stranger can open that, and the kernel drops the lock when its holder dies. It spares
 * handlers of one key the work of undoing what another was faster with; that each key has one
 * interface and each slot one peer is the kernel's own doing.
 *
 * Nothing here touches an interface that is not ours, or a peer with a live session.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "config.h"
#include "error.h"
#include "log.h"
#include "peer.h"
#include "quota.h"
#include "room.h"
#include "session.h"
#include "slot.h"

/* One request's way from the key to the interface. */
struct admission {
	struct wgif_kernel *kernel;
	const struct config *config;
	int key_file;
	const struct peer_request *request;
	const uint8_t *pubkey;
	char altname[KEY_ALTNAME_SIZE];
	uint8_t private_key[KEY_LEN];
	struct session session;
	unsigned int slot; /* of the session's interface, if there is one */
	enum peer_result result;
	struct quota quota;
};

/* Seconds after which a renewed interface counts as a new one: the timers of nodes have as many. */
enum { SINCE_TIME = 300 };

/*
 * Finds what there is for the key. Returns 0 with the session and its slot, -ERR_ABSENT if there is
 * nothing, or -ERR_FAILURE.
 */
static int find_session(struct admission *a)
{
	int ret;

	ret = session_read(a->kernel, a->altname, a->config->group, a->pubkey, &a->session);
	a->slot = slot_from_ifname(a->config, a->session.link.name);
	if (ret != -ERR_FOREIGN && (ret < 0 || a->slot))
		return ret;
	log_line(LOG_ERR, "%s has a peer's key as its altname, but is not an interface of ours",
		 a->session.link.name);
	return -ERR_FAILURE;
}

/* Whether the interface must be left as it is: it has a live session, or was just set up. */
static bool is_settled(const struct session *session)
{
	const enum session_state state = session_state(session);

	return state == SESSION_LIVE || (state != SESSION_BROKEN && session_is_fresh(session));
}

/*
 * Whether the node's key is the gateway's own. The kernel leaves such a peer out, so that its
 * interface stays half-made. It is kept, until a prune, so that the next request with this key,
 * which everyone knows, costs no more than this look.
 */
static bool is_own_key(const struct admission *a)
{
	return memcmp(a->session.device.public_key, a->pubkey, KEY_LEN) == 0;
}

/*
 * Whether the interface still belongs to the key. Who removes one takes its altname away, and only
 * then looks at the handshake for the last time: so what is still there now, with a live session,
 * stays.
 */
static bool is_still_there(const struct admission *a)
{
	struct wgif_link again;
	int ret;

	ret = wgif_find(a->kernel, a->altname, &again);
	return ret == 0 && again.index == a->session.link.index;
}

static int report(const struct admission *a, struct peer *peer, enum peer_result result)
{
	if (a->session.device.listen_port == 0) {
		log_line(LOG_ERR, "%s has no UDP port", a->session.link.name);
		return -ERR_FAILURE;
	}
	memcpy(peer->ifname, a->session.link.name, sizeof(peer->ifname));
	peer->port = a->session.device.listen_port;
	peer->result = result;
	return 0;
}

/*
 * Sets the device and its peer up anew. Returns 0; -ERR_BUSY if it can have no port here; -ERR_KEY
 * or -ERR_FAILURE.
 */
static int configure_device(struct admission *a)
{
	struct session *session = &a->session;
	const unsigned int port = slot_port(a->config, a->slot);
	const struct wgif_setup setup = {
		.private_key = a->private_key,
		/* A slot beyond the present limit keeps the port it has. */
		.listen_port = port ? port : session->device.listen_port,
		.peer_key = a->pubkey,
		.ipv4 = a->config->ipv4,
		.ipv6 = a->config->ipv6,
		.replace_peers = a->result != PEER_NEW && !session_is_live(session),
	};
	int ret;

	/* Beyond the limit and half-made: it has to go to another slot. */
	if (setup.listen_port == 0)
		return -ERR_BUSY;
	ret = wgif_set_device(a->kernel, &session->link, &setup);
	if (ret == 0)
		ret = wgif_get_device(a->kernel, &session->link, a->pubkey, &session->device);
	if (ret == -ERR_ABSENT)
		log_line(LOG_ERR, "%s was deleted while it was set up", session->link.name);
	if (ret < 0)
		return ret == -ERR_BUSY ? ret : -ERR_FAILURE;
	/* The kernel leaves such a peer out, and calls that a success. */
	if (is_own_key(a))
		return -ERR_KEY;
	if (session->device.has_peer)
		return 0;
	log_line(LOG_ERR, "unable to add the peer to %s: the kernel left it out",
		 session->link.name);
	return -ERR_FAILURE;
}

/* Writes down when the peer was set up, and brings the interface up. */
static int bring_up(struct admission *a)
{
	struct session *session = &a->session;
	char alias[NOTE_SIZE];

	/* An operator's own words stay. */
	if (session_has_foreign_alias(session))
		return wgif_set_up(a->kernel, &session->link, a->config->mtu, NULL);
	session->now = clock_moment();
	session->note.asked = session->now.boot;
	/* Whoever asks again, as nodes do, is given his time again; but not all the time. */
	if (!session->note.since || session->now.boot - session->note.since >= SINCE_TIME)
		session->note.since = session->now.boot;
	note_look(&session->note, session->device.handshake, session->now);
	note_format(alias, &session->note);
	return wgif_set_up(a->kernel, &session->link, a->config->mtu, alias);
}

/*
 * Brings an interface, however far it is, to the state that we want. Every step may be done
 * again, and what is up is complete. Returns 0, -ERR_BUSY if the slot's port is taken, -ERR_KEY or
 * -ERR_FAILURE.
 */
static int configure(struct admission *a)
{
	const struct in6_addr address = slot_address(a->slot);
	const struct wgif_link *link = &a->session.link;
	int ret;

	ret = configure_device(a);
	if (ret == 0)
		ret = wgif_add_address(a->kernel, link, &address);
	if (ret < 0)
		return ret;
	ret = bring_up(a);
	if (ret == -ERR_BUSY)
		wgif_delete_address(a->kernel, link, &address);
	return ret;
}

/* Gives a new interface, or one that was another's, what it is found by, and counted by. */
static int add_altnames(struct admission *a)
{
	struct wgif_link *link = &a->session.link;
	int ret;

	ret = wgif_add_altname(a->kernel, link, a->altname);
	link->has_key = ret == 0;
	if (ret == 0)
		ret = quota_count(&a->quota, link);
	/* Only one that does not share our lock can have been faster. */
	if (ret == -ERR_EXISTS)
		log_line(LOG_ERR, "another interface has got the key of %s as its altname",
			 link->name);
	return ret < 0 ? -ERR_FAILURE : 0;
}

/* Gives our interface this name; makes it first if there is none. */
static int claim_slot(struct admission *a, const char *name)
{
	struct wgif_link *link = &a->session.link;
	int ret;

	if (link->index)
		return wgif_rename(a->kernel, link, name);
	ret = wgif_create(a->kernel, name, a->config->group, a->config->mtu, link);
	if (ret < 0)
		return ret;
	a->result = PEER_NEW;
	return add_altnames(a);
}

/*
 * Tries one slot. Returns 0, -ERR_EXISTS if an interface has it, -ERR_BUSY if another program
 * holds its port, -ERR_KEY or -ERR_FAILURE.
 */
static int try_slot(struct admission *a, unsigned int slot)
{
	char name[IFNAMSIZ];
	int ret;

	slot_ifname(name, a->config, slot);
	ret = claim_slot(a, name);
	if (ret < 0)
		return ret;
	a->slot = slot;
	ret = configure(a);
	if (ret == -ERR_BUSY)
		log_line(LOG_WARNING, "another program holds UDP port %u: %s is left out",
			 slot_port(a->config, slot), name);
	return ret;
}

/*
 * Takes the key off an interface that never had a handshake, and makes it the one that we are about
 * to set up. Returns 1, 0 if it must stay as it is, or a negative error.
 */
static int take_over(struct admission *a, const struct wgif_link *link)
{
	struct session session;
	char alias[NOTE_SIZE];
	int ret;

	ret = session_read(a->kernel, link->name, a->config->group, NULL, &session);
	if (ret < 0)
		return ret == -ERR_ABSENT || ret == -ERR_FOREIGN ? 0 : ret;
	/* Somebody removes it at this moment. */
	if (!session.link.has_key)
		return 0;
	if (note_had_handshake(&session.note)) {
		/* So the next one need not look. */
		note_format(alias, &session.note);
		return wgif_set_alias(a->kernel, &session.link, alias);
	}
	ret = peer_release(a->kernel, a->config, &session, true);
	if (ret != 1)
		return ret;
	ret = quota_give_back(a->kernel, a->config, &session.link);
	if (ret < 0)
		return ret;
	a->session = session;
	return 1;
}

/*
 * Takes the first of the candidates that can be had, if their time is up. Returns 1, 0 if there is
 * none, or a negative error; and until when it is in vain to try again.
 */
static int take_oldest(struct admission *a, const struct candidate *candidates, int count,
		       int64_t *until)
{
	const bool may_take = a->quota.number <= 1 && !a->session.link.index;
	const int64_t now = clock_moment().boot;
	int ret = 0, i;

	for (i = 0; may_take && i < count && candidates[i].since + ROOM_GRACE_TIME <= now; i++) {
		ret = take_over(a, candidates[i].link);
		if (ret != 0)
			break;
	}
	if (ret == 1)
		i++;
	*until = now + ROOM_FULL_TIME;
	if (i < count && candidates[i].since + ROOM_GRACE_TIME < *until)
		*until = candidates[i].since + ROOM_GRACE_TIME;
	return ret;
}

/* Sets up the interface that was another's. */
static int reuse(struct admission *a)
{
	struct session *session = &a->session;
	int ret;

	a->result = PEER_TAKEN;
	a->slot = slot_from_ifname(a->config, session->link.name);
	/* All that is left of the note are the markers. */
	session->note =
		(struct note){ .full = session->written.full, .limit = session->written.limit };
	ret = add_altnames(a);
	if (ret == 0)
		ret = configure(a);
	if (ret == -ERR_BUSY)
		log_line(LOG_WARNING, "another program holds the UDP port of %s",
			 session->link.name);
	return ret == -ERR_BUSY ? -ERR_FULL : ret;
}

/*
 * All slots are taken: the interface that has waited longest for its first handshake gives way, and
 * in any case the next ones know until when it is in vain to try. Who has one pending already takes
 * no other. Returns 0, -ERR_FULL or another error.
 */
static int take_anothers(struct admission *a, struct room_list *list)
{
	struct candidate *candidates = calloc((size_t)list->count + 1, sizeof(*candidates));
	int64_t until;
	int ret, found;

	if (!candidates) {
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		return -ERR_FAILURE;
	}
	found = room_find_candidates(candidates, list);
	ret = take_oldest(a, candidates, found, &until);
	free(candidates);
	if (ret == 1)
		ret = reuse(a);
	else if (ret == 0)
		ret = -ERR_FULL;
	list->except = a->session.link.index;
	room_mark_full(a->kernel, a->config, list, until);
	return ret;
}

/*
 * Lists the interfaces for that. Unless we have walked over the slots, it is done only if there are
 * as many interfaces as slots: else it returns -ERR_ABSENT.
 */
static int reclaim(struct admission *a, bool walked)
{
	struct room_list list = { .except = a->session.link.index };
	struct wgif_link *links;
	int ret = -ERR_ABSENT;

	if (!walked && a->quota.number > 1)
		return -ERR_FULL;
	list.count = session_list_links(a->kernel, a->config, &links);
	if (list.count < 0)
		return list.count;
	list.links = links;
	if (walked || (unsigned int)list.count >= a->config->slots)
		ret = take_anothers(a, &list);
	free(links);
	return ret;
}

/*
 * Whether to walk on over the slots, although the first is taken. Returns 0 if an interface was had
 * meanwhile, -ERR_ABSENT to walk on, -ERR_FULL or another error.
 */
static int look_around(struct admission *a)
{
	int ret;

	/* Only now: most gateways are not full. */
	ret = room_look(a->kernel, a->config);
	if (ret < 0)
		return ret;
	if (ret == ROOM_NONE)
		return -ERR_FULL;
	return ret == ROOM_TAKEN && !a->session.link.index ? reclaim(a, false) : -ERR_ABSENT;
}

/* Walks over the slots until one can be had. A port that another program holds costs its slot. */
static int take_slot(struct admission *a)
{
	struct slot_walk walk;
	bool asked = false;
	unsigned int slot;
	int ret;

	if (a->config->slots == 0)
		return -ERR_FULL;
	ret = room_is_within_limit(a->kernel, a->config, a->session.link.index);
	if (ret < 0)
		return ret;
	/* One that moves to another slot is there already. */
	if (ret == 0 && !a->session.link.index)
		return -ERR_FULL;
	slot_begin(&walk, a->config->slots, a->pubkey);
	for (slot = slot_next(&walk); slot; slot = slot_next(&walk)) {
		ret = try_slot(a, slot);
		if (ret != -ERR_EXISTS && ret != -ERR_BUSY)
			return ret;
		if (ret == -ERR_BUSY || asked)
			continue;
		ret = look_around(a);
		if (ret != -ERR_ABSENT)
			return ret;
		asked = true;
	}
	return reclaim(a, true);
}

/* Makes an interface, within the source's quota. */
static int make(struct admission *a)
{
	int ret;

	ret = quota_take(&a->quota);
	return ret < 0 ? ret : take_slot(a);
}

static int admit_locked(struct admission *a, struct peer *peer)
{
	int ret;

	ret = find_session(a);
	if (ret == 0 && is_settled(&a->session))
		return report(a, peer, PEER_KNOWN);
	if (ret == -ERR_ABSENT)
		ret = make(a);
	else if (ret == 0)
		ret = configure(a);
	/* It moves. */
	if (ret == -ERR_BUSY)
		ret = take_slot(a);
	return ret < 0 ? ret : report(a, peer, a->result);
}

int peer_lock(const struct config *config, int key_file)
{
	int ret;

	ret = flock(key_file, LOCK_EX);
	if (ret == 0)
		return 0;
	log_line(LOG_ERR, "unable to lock %s: %s", config->private_key,
		 errno == EINTR ? "another process holds it" : strerror(errno));
	return -ERR_LOCKED;
}

void peer_unlock(int key_file)
{
	flock(key_file, LOCK_UN);
}

int peer_release(struct wgif_kernel *kernel, const struct config *config,
		 const struct session *session, bool may_stay)
{
	const struct wgif_link *link = &session->link;
	struct wgif_device device;
	char altname[KEY_ALTNAME_SIZE];
	int ret;

	if (!link->has_key)
		return 1;
	key_to_altname(altname, config->prefix, link->key);
	ret = wgif_delete_altname(kernel, link, altname);
	if (ret < 0)
		return ret;
	if (!may_stay)
		return 1;
	ret = wgif_get_device(kernel, link, link->key, &device);
	if (ret < 0 || device.handshake == session->device.handshake)
		return 1;
	return wgif_add_altname(kernel, link, altname);
}

/*
 * Whether what was made must be deleted after an error. It has lost its altname then, while the
 * lock is held, so that no other request can answer with it.
 */
static bool must_undo(const struct admission *a, int error)
{
	int ret = 0;

	if (error == 0 || error == -ERR_KEY || a->result != PEER_NEW)
		return false;
	if (a->session.link.has_key)
		ret = wgif_delete_altname(a->kernel, &a->session.link, a->altname);
	return ret == 0;
}

/* Deletes what was made before the error. Without the lock, since it takes 0.1 s. */
static void undo(const struct admission *a, int error)
{
	int ret;

	ret = wgif_delete(a->kernel, &a->session.link);
	/* If all slots but those of held ports are taken, that is still so. */
	if (ret < 0 || error == -ERR_FULL)
		return;
	ret = peer_lock(a->config, a->key_file);
	if (ret < 0)
		return;
	/* Meanwhile others may have found all slots taken. */
	(void)room_clear_marker(a->kernel, a->config);
	peer_unlock(a->key_file);
}

/* Makes the interface, or renews its peer, while nobody else does. */
static int admit_alone(struct admission *a, struct peer *peer)
{
	bool is_undone = false;
	int ret;

	ret = key_read_open(a->private_key, a->key_file, a->config->private_key);
	if (ret < 0)
		return ret;
	ret = peer_lock(a->config, a->key_file);
	if (ret == 0) {
		ret = admit_locked(a, peer);
		is_undone = must_undo(a, ret);
		peer_unlock(a->key_file);
	}
	explicit_bzero(a->private_key, sizeof(a->private_key));
	if (is_undone)
		undo(a, ret);
	return ret;
}

/* Makes or renews the interface, if the quota and the operator permit it. */
static int admit(struct admission *a, struct peer *peer)
{
	const struct peer_request *request = a->request;
	int ret = 0;

	if (a->key_file < 0)
		return a->key_file;
	if (!a->session.link.index)
		ret = quota_open(&a->quota, a->kernel, a->config, a->key_file, &request->source);
	if (ret == 0 && request->permit)
		ret = request->permit(request->argument);
	return ret < 0 ? ret : admit_alone(a, peer);
}

int peer_admit(struct wgif_kernel *kernel, const struct config *config, int key_file,
	       const struct peer_request *request, struct peer *peer)
{
	struct admission a = {
		.kernel = kernel,
		.config = config,
		.key_file = key_file,
		.request = request,
		.pubkey = request->pubkey,
		.result = PEER_RENEWED,
	};
	bool settled;
	int ret;

	key_to_altname(a.altname, config->prefix, a.pubkey);
	ret = find_session(&a);
	if (ret == 0 && is_own_key(&a))
		return -ERR_KEY;
	if (ret == 0) {
		settled = is_settled(&a.session) && is_still_there(&a);
		return settled ? report(&a, peer, PEER_KNOWN) : admit(&a, peer);
	}
	if (ret != -ERR_ABSENT)
		return ret;
	ret = room_look(kernel, config);
	if (ret == ROOM_NONE)
		return -ERR_FULL;
	return ret < 0 ? ret : admit(&a, peer);
}
