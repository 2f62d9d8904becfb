// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a key to an interface. The kernel is the database:
 *
 *	slot		the interface's name is the prefix and the slot's number; names are unique
 *	port, address	STARTPORT + slot - 1, and fe80::<slot>
 *	key		an altname of the interface: the prefix, by which several brokers differ,
 *			and the key in base64url; altnames are unique, too
 *	memory		a note in the interface's alias, see note.c
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
#include "session.h"
#include "slot.h"

/* One request's way from the key to the interface. */
struct admission {
	struct wgif_kernel *kernel;
	const struct config *config;
	int key_file;
	const uint8_t *pubkey;
	char altname[KEY_ALTNAME_SIZE];
	uint8_t private_key[KEY_LEN];
	struct session session;
	unsigned int slot; /* of the session's interface, if there is one */
	bool created;	   /* by us, and so to be undone by us */
};

/*
 * Seconds for which a walk over all the slots that was in vain counts. Whoever makes a slot free
 * says so; for an operator's `ip link delete` nobody does.
 */
enum { FULL_TIME = 30 };

/* Reads the note of a marker's bearer. Returns 1, 0 if there is none, or -ERR_FAILURE. */
static int read_marker(const struct admission *a, const char *marker, struct note *note)
{
	struct wgif_link bearer;
	int ret;

	ret = wgif_find(a->kernel, marker, &bearer);
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	note_parse(note, bearer.alias);
	return 1;
}

/*
 * Whether there are no slots at all, as an operator wants it who takes a gateway out of service, or
 * somebody has walked over them in vain. Returns 1, 0 or -ERR_FAILURE.
 */
static int is_full(const struct admission *a)
{
	char marker[SLOT_MARKER_SIZE];
	struct note note;
	int64_t since;
	int ret;

	if (a->config->slots == 0)
		return 1;
	slot_marker(marker, a->config);
	ret = read_marker(a, marker, &note);
	if (ret <= 0)
		return ret;
	since = clock_moment().boot - note.full;
	return since >= 0 && since < FULL_TIME;
}

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
		.renew = !a->created && !session_is_live(session),
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
	a->created = true;
	ret = wgif_add_altname(a->kernel, link, a->altname);
	link->has_key = ret == 0;
	/* Only one that does not share our lock can have been faster. */
	if (ret == -ERR_EXISTS)
		log_line(LOG_ERR, "another interface has got the key of %s as its altname", name);
	return ret < 0 ? -ERR_FAILURE : 0;
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

/* Whether the marker can be on it: it is ours, it stays, and its alias is no operator's. */
static bool can_bear(const struct admission *a, const struct wgif_link *link, struct note *note)
{
	char again[NOTE_SIZE];

	if (!link->wireguard || link->group != a->config->group ||
	    link->index == a->session.link.index)
		return false;
	note_parse(note, link->alias);
	note_format(again, note);
	return strcmp(again, link->alias) == 0;
}

/* Puts a marker on an interface that can bear it. What fails here costs the next request more. */
static void mark(const struct admission *a, const struct wgif_link *bearer, const char *marker,
		 const struct note *note)
{
	char alias[NOTE_SIZE];

	note_format(alias, note);
	(void)wgif_set_alias(a->kernel, bearer, alias);
	(void)wgif_add_altname(a->kernel, bearer, marker);
}

/* Marks that all is full, and since when. */
static void mark_full(struct admission *a)
{
	char name[IFNAMSIZ], marker[SLOT_MARKER_SIZE];
	struct wgif_link bearer;
	struct slot_walk walk;
	struct note note;
	unsigned int slot;
	int ret;

	(void)peer_clear_marker(a->kernel, a->config);
	slot_marker(marker, a->config);
	slot_begin(&walk, a->config, a->pubkey);
	for (slot = slot_next(&walk); slot; slot = slot_next(&walk)) {
		slot_ifname(name, a->config, slot);
		ret = wgif_find(a->kernel, name, &bearer);
		if (ret < 0 || !can_bear(a, &bearer, &note))
			continue;
		note.full = clock_moment().boot;
		mark(a, &bearer, marker, &note);
		return;
	}
}

/* Marks that the limit holds, or that all is full though not all slots are taken. */
static void mark_one_of(struct admission *a, const struct wgif_link *links, int count, bool full)
{
	char marker[SLOT_MARKER_SIZE];
	struct note note;

	if (full)
		slot_marker(marker, a->config);
	else
		slot_limit_marker(marker, a->config);
	(void)drop_marker(a->kernel, marker);
	for (int i = 0; i < count; i++) {
		if (!can_bear(a, &links[i], &note))
			continue;
		if (full)
			note.full = clock_moment().boot;
		else
			note.limit = a->config->slots;
		mark(a, &links[i], marker, &note);
		return;
	}
}

/* Whether somebody has found nothing beyond the limit. Returns 1, 0 or -ERR_FAILURE. */
static int is_within_limit(const struct admission *a)
{
	char marker[SLOT_MARKER_SIZE];
	struct note note;
	int ret;

	slot_limit_marker(marker, a->config);
	ret = read_marker(a, marker, &note);
	return ret <= 0 ? ret : note.limit == a->config->slots;
}

/*
 * Whether there may be one interface more. After an operator has lowered the limit there are some
 * in slots beyond it: then a free slot is no room. Whoever finds none there says so, and spares the
 * others this look at all interfaces. Returns 1, 0 or -ERR_FAILURE.
 */
static int has_room(struct admission *a)
{
	const unsigned int limit = a->config->slots;
	struct wgif_link *links;
	bool is_within = true;
	int ret, count;

	ret = is_within_limit(a);
	if (ret != 0)
		return ret;
	count = session_list_links(a->kernel, a->config, &links);
	if (count < 0)
		return count;
	for (int i = 0; i < count && is_within; i++)
		is_within = slot_from_ifname(a->config, links[i].name) <= limit;
	ret = is_within || (unsigned int)count < limit;
	if (is_within || !ret)
		mark_one_of(a, links, count, !ret);
	free(links);
	return ret;
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

/* Walks over the slots until one can be had. A port that another program holds costs its slot. */
static int take_slot(struct admission *a)
{
	struct slot_walk walk;
	bool asked = false;
	unsigned int slot;
	int ret;

	if (a->config->slots == 0)
		return -ERR_FULL;
	ret = has_room(a);
	if (ret < 0)
		return ret;
	/* One that moves to another slot is there already. */
	if (ret == 0 && !a->session.link.index)
		return -ERR_FULL;
	slot_begin(&walk, a->config, a->pubkey);
	for (slot = slot_next(&walk); slot; slot = slot_next(&walk)) {
		ret = try_slot(a, slot);
		if (ret != -ERR_EXISTS && ret != -ERR_BUSY)
			return ret;
		if (ret == -ERR_BUSY || asked)
			continue;
		/* Only now: most gateways are not full. */
		ret = is_full(a);
		if (ret != 0)
			return ret < 0 ? ret : -ERR_FULL;
		asked = true;
	}
	mark_full(a);
	return -ERR_FULL;
}

static int admit_locked(struct admission *a, struct peer *peer)
{
	int ret;

	ret = find_session(a);
	if (ret == 0 && is_settled(&a->session))
		return report(a, peer, PEER_KNOWN);
	if (ret == 0)
		ret = configure(a);
	if (ret == -ERR_ABSENT || ret == -ERR_BUSY)
		ret = take_slot(a);
	if (ret < 0)
		return ret;
	return report(a, peer, a->created ? PEER_NEW : PEER_RENEWED);
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

int peer_clear_marker(struct wgif_kernel *kernel, const struct config *config)
{
	char marker[SLOT_MARKER_SIZE];

	slot_marker(marker, config);
	return drop_marker(kernel, marker);
}

/*
 * Whether what was made must be deleted after an error. It has lost its altname then, while the
 * lock is held, so that no other request can answer with it.
 */
static bool must_undo(const struct admission *a, int error)
{
	int ret = 0;

	if (error == 0 || error == -ERR_KEY || !a->created)
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
	(void)peer_clear_marker(a->kernel, a->config);
	peer_unlock(a->key_file);
}

/* Makes the interface, or renews its peer, while nobody else does. */
static int admit_alone(struct admission *a, struct peer *peer)
{
	bool is_undone = false;
	int ret;

	if (a->key_file < 0)
		return a->key_file;
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

int peer_admit(struct wgif_kernel *kernel, const struct config *config, int key_file,
	       const uint8_t pubkey[static KEY_LEN], struct peer *peer)
{
	struct admission a = {
		.kernel = kernel, .config = config, .key_file = key_file, .pubkey = pubkey
	};
	bool settled;
	int ret;

	key_to_altname(a.altname, config->prefix, pubkey);
	ret = find_session(&a);
	if (ret == 0 && is_own_key(&a))
		return -ERR_KEY;
	if (ret == 0) {
		settled = is_settled(&a.session) && is_still_there(&a);
		return settled ? report(&a, peer, PEER_KNOWN) : admit_alone(&a, peer);
	}
	if (ret != -ERR_ABSENT)
		return ret;
	ret = is_full(&a);
	if (ret != 0)
		return ret < 0 ? ret : -ERR_FULL;
	return admit_alone(&a, peer);
}
