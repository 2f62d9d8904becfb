// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a key to an interface. The kernel is the database:
 *
 *	slot		the interface's name is the prefix and the slot's number; names are unique
 *	port, address	STARTPORT + slot - 1, and fe80::<slot>
 *	key		an altname of the interface, in base64url; altnames are unique, too
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
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "broker.h"
#include "wgif.h"

/* One request's way from the key to the interface. */
struct admission {
	struct wgif_kernel *kernel;
	const struct config *config;
	const uint8_t *pubkey;
	char altname[KEY_TEXT_SIZE];
	uint8_t private_key[KEY_LEN];
	struct wgif wgif; /* its index is 0 as long as there is none */
	struct wgif_device device;
	struct note note;
	struct moment now;
	bool created; /* by us, and so to be undone by us */
};

unsigned int peer_slot(const struct config *config, const char *ifname)
{
	const size_t len = strlen(config->prefix);
	const char *digits = ifname + len;
	unsigned long slot;

	if (strncmp(ifname, config->prefix, len) != 0 || *digits < '1' || *digits > '9' ||
	    strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 5)
		return 0;
	slot = strtoul(digits, NULL, 10);
	return slot < MESH_SLOTS ? (unsigned int)slot : 0;
}

void peer_ifname(char ifname[static IFNAMSIZ], const struct config *config, unsigned int slot)
{
	/* At most 65535 slots: config.c sees to it that prefix and number fit. */
	snprintf(ifname, IFNAMSIZ, "%.10s%hu", config->prefix, (unsigned short)slot);
}

bool peer_is_ours(const struct config *config, const struct wgif *wgif)
{
	return wgif->wireguard && wgif->group == config->group && peer_slot(config, wgif->name);
}

void peer_marker(char marker[static PEER_MARKER_SIZE], const struct config *config)
{
	snprintf(marker, PEER_MARKER_SIZE, "%s-full-%u", config->prefix, config->slots);
}

/* What add() gathers. */
struct gathering {
	const struct config *config;
	struct wgif *list;
	unsigned int count, room;
	bool failed;
};

static void add(void *argument, const struct wgif *wgif)
{
	struct gathering *all = argument;

	if (!peer_is_ours(all->config, wgif))
		return;
	if (all->count == all->room) {
		const unsigned int room = all->room ? 2 * all->room : 64;
		struct wgif *list = reallocarray(all->list, room, sizeof(*list));

		if (!list) {
			all->failed = true;
			return;
		}
		all->list = list;
		all->room = room;
	}
	all->list[all->count++] = *wgif;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct wgif *)a)->name, ((const struct wgif *)b)->name);
}

int peer_list(struct wgif_kernel *kernel, const struct config *config, struct wgif **list)
{
	struct gathering all = { .config = config };
	int kept = 0;

	if (wgif_foreach(kernel, add, &all) < 0 || all.failed) {
		free(all.list);
		return -ERR_FAILURE;
	}
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), by_name);
	for (unsigned int i = 0; i < all.count; i++)
		if (!kept || strcmp(all.list[kept - 1].name, all.list[i].name) != 0)
			all.list[kept++] = all.list[i];
	*list = all.list;
	return kept;
}

static unsigned int gcd(unsigned int a, unsigned int b)
{
	while (b) {
		const unsigned int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * The key's own order of all the slots: a node that comes back tends to get the port it had, and
 * on an almost full gateway a free slot is found in few steps.
 */
static unsigned int probe(const struct admission *a, unsigned int step)
{
	const unsigned int slots = a->config->slots;
	uint32_t start, stride;

	memcpy(&start, a->pubkey, sizeof(start));
	memcpy(&stride, a->pubkey + sizeof(start), sizeof(stride));
	stride = 1 + stride % slots;
	while (gcd(stride, slots) != 1)
		stride++;
	return 1 + (unsigned int)((start + (uint64_t)step * stride) % slots);
}

/* Whether somebody has walked over all the slots in vain. */
static bool is_full(const struct admission *a)
{
	char marker[PEER_MARKER_SIZE];
	struct wgif bearer;

	peer_marker(marker, a->config);
	return wgif_find(a->kernel, marker, &bearer) == 0;
}

/*
 * Finds what there is for the key. Returns 0 with a->wgif, device and note filled in, -ERR_ABSENT
 * if there is nothing, or -ERR_FAILURE.
 */
static int look(struct admission *a)
{
	int ret;

	ret = wgif_find(a->kernel, a->altname, &a->wgif);
	if (ret == -ERR_ABSENT)
		a->wgif.index = 0;
	if (ret < 0)
		return ret;
	if (!peer_is_ours(a->config, &a->wgif)) {
		log_line(LOG_ERR,
			 "%s bears a peer's key as altname, but is not an interface of ours",
			 a->wgif.name);
		return -ERR_FAILURE;
	}
	ret = wgif_get_device(a->kernel, a->wgif.index, a->pubkey, &a->device);
	if (ret == -ERR_ABSENT)
		a->wgif.index = 0;
	if (ret < 0)
		return ret;
	a->now = moment_now();
	note_parse(&a->note, a->wgif.alias);
	note_look(&a->note, a->device.handshake, a->now);
	return 0;
}

/* Whether the peer has a session that must not be cut. */
static bool is_live(const struct admission *a)
{
	const int64_t age = note_age(&a->note, a->now);

	return age >= 0 && age < PEER_LIVE_TIME;
}

/* Whether the interface must be left as it is: it has a live session, or was just made. */
static bool is_settled(const struct admission *a)
{
	const int64_t since = a->now.boot - a->note.asked;

	/* Without a time it was not finished: the note is written last. */
	if (!a->wgif.up || !a->device.has_peer || !a->note.asked)
		return false;
	return is_live(a) || (since >= 0 && since < PEER_FRESH_TIME);
}

/*
 * Whether the interface still belongs to the key. Who removes one takes its altname away, and only
 * then looks at the handshake for the last time: so what is still there now, with a live session,
 * stays.
 */
static bool is_still_there(const struct admission *a)
{
	struct wgif again;

	return wgif_find(a->kernel, a->altname, &again) == 0 && again.index == a->wgif.index;
}

static int report(const struct admission *a, struct peer *peer, enum peer_manner manner)
{
	memcpy(peer->ifname, a->wgif.name, sizeof(peer->ifname));
	peer->port = a->device.listen_port;
	peer->manner = manner;
	return 0;
}

/* Sets the device and its peer anew. Returns 0, -ERR_BUSY, -ERR_KEY or -ERR_FAILURE. */
static int furnish_device(struct admission *a, unsigned int slot)
{
	const struct wgif_setup setup = {
		.private_key = a->private_key,
		/* A slot beyond the present limit keeps the port it has. */
		.listen_port = slot <= a->config->slots ? a->config->start_port + slot - 1 :
							  a->device.listen_port,
		.peer_key = a->pubkey,
		.renew = !a->created && !is_live(a),
	};
	int ret;

	ret = wgif_set_device(a->kernel, a->wgif.index, &setup);
	if (ret == 0)
		ret = wgif_get_device(a->kernel, a->wgif.index, a->pubkey, &a->device);
	if (ret < 0)
		return ret;
	/* The kernel leaves out a peer with the device's own key, and calls that a success. */
	if (memcmp(a->device.public_key, a->pubkey, KEY_LEN) == 0)
		return -ERR_KEY;
	if (!a->device.has_peer) {
		log_line(LOG_ERR, "unable to add the peer to %s: the kernel left it out",
			 a->wgif.name);
		return -ERR_FAILURE;
	}
	return 0;
}

/* fe80::<slot> */
static struct in6_addr address_of(unsigned int slot)
{
	struct in6_addr address = { .s6_addr = { 0xfe, 0x80 } };
	const uint32_t number = htonl(slot);

	memcpy(&address.s6_addr[12], &number, sizeof(number));
	return address;
}

/*
 * Brings an interface, however far it is, to the state that we want. Every step may be done
 * again, and what is up is complete. Returns 0, -ERR_BUSY if the slot's port is taken, -ERR_KEY or
 * -ERR_FAILURE.
 */
static int furnish(struct admission *a, unsigned int slot)
{
	const struct in6_addr address = address_of(slot);
	char alias[NOTE_SIZE];
	int ret;

	ret = furnish_device(a, slot);
	if (ret == 0)
		ret = wgif_add_address(a->kernel, a->wgif.index, &address);
	if (ret < 0)
		return ret;
	a->now = moment_now();
	a->note.asked = a->now.boot;
	note_look(&a->note, a->device.handshake, a->now);
	note_format(alias, &a->note);
	ret = wgif_set_up(a->kernel, a->wgif.index, a->config->mtu, alias);
	if (ret == -ERR_BUSY)
		wgif_delete_address(a->kernel, a->wgif.index, &address);
	return ret;
}

/* Gives our interface this name; makes it first if there is none. */
static int occupy(struct admission *a, const char *name)
{
	int ret;

	if (a->wgif.index) {
		ret = wgif_rename(a->kernel, a->wgif.index, name);
		if (ret == 0)
			snprintf(a->wgif.name, sizeof(a->wgif.name), "%s", name);
		return ret;
	}
	ret = wgif_create(a->kernel, name, a->config->group, a->config->mtu, &a->wgif.index);
	if (ret < 0)
		return ret;
	a->created = true;
	snprintf(a->wgif.name, sizeof(a->wgif.name), "%s", name);
	ret = wgif_add_altname(a->kernel, a->wgif.index, a->altname);
	/* Only one that does not share our lock can have been faster. */
	return ret < 0 ? -ERR_FAILURE : 0;
}

/* Marks that all is full, on any interface of ours, where it goes when that one goes. */
static void mark_full(struct admission *a)
{
	char name[IFNAMSIZ], marker[PEER_MARKER_SIZE];
	struct wgif bearer;

	peer_marker(marker, a->config);
	for (unsigned int step = 0; step < a->config->slots; step++) {
		peer_ifname(name, a->config, probe(a, step));
		if (wgif_find(a->kernel, name, &bearer) == 0 && peer_is_ours(a->config, &bearer)) {
			wgif_add_altname(a->kernel, bearer.index, marker);
			return;
		}
	}
}

/* Walks over the slots until one can be had. A port that another program holds costs its slot. */
static int take_slot(struct admission *a)
{
	char name[IFNAMSIZ];
	int ret;

	for (unsigned int step = 0; step < a->config->slots; step++) {
		const unsigned int slot = probe(a, step);

		peer_ifname(name, a->config, slot);
		ret = occupy(a, name);
		if (ret == -ERR_EXISTS) {
			/* Only now: most gateways are not full. */
			if (step == 0 && is_full(a))
				return -ERR_FULL;
			continue;
		}
		if (ret == 0)
			ret = furnish(a, slot);
		if (ret != -ERR_BUSY)
			return ret;
		log_line(LOG_WARNING, "another program holds UDP port %u: %s is left out",
			 a->config->start_port + slot - 1, name);
	}
	mark_full(a);
	return -ERR_FULL;
}

static int admit_locked(struct admission *a, struct peer *peer)
{
	int ret = look(a);

	if (ret == 0) {
		if (is_settled(a))
			return report(a, peer, PEER_KNOWN);
		ret = furnish(a, peer_slot(a->config, a->wgif.name));
	}
	if (ret == -ERR_ABSENT || ret == -ERR_BUSY)
		ret = take_slot(a);
	if (ret < 0)
		return ret;
	return report(a, peer, a->created ? PEER_NEW : PEER_RENEWED);
}

int peer_lock(const struct config *config)
{
	int fd = open(config->private_key, O_RDONLY | O_CLOEXEC);
	const char *reason;

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	if (errno == EINTR)
		reason = "another process holds it";
	else if (errno == EACCES)
		reason = "Permission denied; run it as root or as the owner of that file";
	else
		reason = strerror(errno);
	log_line(LOG_ERR, "unable to lock %s: %s", config->private_key, reason);
	if (fd < 0)
		return -ERR_CONFIG;
	close(fd);
	return -ERR_LOCKED;
}

int peer_admit(struct wgif_kernel *kernel, const struct config *config,
	       const uint8_t pubkey[static KEY_LEN], struct peer *peer)
{
	struct admission a = { .kernel = kernel, .config = config, .pubkey = pubkey };
	int ret, locked;

	key_to_altname(a.altname, pubkey);
	ret = look(&a);
	if (ret == 0 && is_settled(&a) && is_still_there(&a))
		return report(&a, peer, PEER_KNOWN);
	if (ret < 0 && ret != -ERR_ABSENT)
		return ret;
	if (ret == -ERR_ABSENT && is_full(&a))
		return -ERR_FULL;

	ret = key_read(a.private_key, config->private_key);
	if (ret < 0)
		return ret;
	ret = locked = peer_lock(config);
	if (locked >= 0) {
		ret = admit_locked(&a, peer);
		close(locked);
	}
	explicit_bzero(a.private_key, sizeof(a.private_key));
	/* Outside the lock, since it takes 0.1 s. */
	if (ret < 0 && a.created && a.wgif.index)
		wgif_delete(kernel, a.wgif.index);
	return ret;
}
