// SPDX-License-Identifier: GPL-2.0-or-later
/* Tells all about single peers, one fact a line, and what the next prune would do. Changes nothing.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "admin/prune.h"
#include "admin/show.h"
#include "access.h"
#include "config.h"
#include "deadline.h"
#include "error.h"
#include "log.h"
#include "mesh.h"
#include "peer.h"
#include "session.h"
#include "slot.h"
#include "turn.h"
#include "words.h"

enum {
	LOCK_TIME = 30, /* seconds to wait for the lock */
	TURN_TIME = 5,	/* seconds to wait for a turn at the routing daemons */
};

/* A run of this command. */
struct show {
	struct wgif_kernel *kernel;
	const struct config *config;
	const struct access *access;
	int key_file;	    /* the lock */
	unsigned int shown; /* peers until now */
};

/* Reads what there is for a key, while no handler is at work on it. */
static int read_session(const struct show *show, const uint8_t key[static KEY_LEN],
			struct session *session)
{
	char altname[KEY_ALTNAME_SIZE];
	int ret;

	deadline_set(LOCK_TIME);
	ret = peer_lock(show->config, show->key_file);
	deadline_end();
	if (ret < 0)
		return ret;
	key_to_altname(altname, show->config->prefix, key);
	ret = session_read(show->kernel, altname, show->config->group, key, session);
	peer_unlock(show->key_file);
	if (ret == -ERR_ABSENT || ret == -ERR_FOREIGN ||
	    (ret == 0 && !slot_from_ifname(show->config, session->link.name))) {
		log_line(LOG_ERR, "no interface of ours has the key %s", altname);
		return -ERR_FAILURE;
	}
	return ret;
}

/* The addresses that the interface has. */
static void print_addresses(const char *ifname)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all;
	int ret;

	ret = getifaddrs(&all);
	if (ret < 0)
		return;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (strcmp(one->ifa_name, ifname) != 0 || !one->ifa_addr)
			continue;
		if (endpoint_format(text, (const union endpoint *)one->ifa_addr))
			printf("  address: %s\n", text);
	}
	freeifaddrs(all);
}

static void print_session(const struct session *session)
{
	char age[WORDS_SIZE], rx[WORDS_SIZE], tx[WORDS_SIZE], endpoint[WORDS_ENDPOINT_SIZE];
	const struct wgif_device *device = &session->device;

	words_endpoint(endpoint, &device->endpoint);
	printf("  state: %s\n", words_state(session_state(session)));
	printf("  asked: %s\n", words_age(age, session_asked_age(session)));
	printf("  latest handshake: %s\n", words_age(age, session_age(session)));
	printf("  endpoint: %s\n", *endpoint ? endpoint : "(none)");
	printf("  transfer: %s received, %s sent\n", words_bytes(rx, device->rx_bytes),
	       words_bytes(tx, device->tx_bytes));
}

static void print_daemons(const struct config *config, unsigned int slot)
{
	struct mesh_state state;
	struct turn turn;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	for (unsigned int i = 0; mesh_get_state(config, i, &state); i++) {
		if (!*state.address)
			continue;
		printf("  %s: %s\n", state.name,
		       !state.answers  ? "does not answer" :
		       state.has[slot] ? "knows it" :
					 "does not know it");
	}
	turn_end(&turn);
}

/* Says what prune would do now. Returns 0, or an error of access_check(). */
static int print_fate(const struct access *access, const struct session *session)
{
	struct session looked_at = *session;
	char reason[PRUNE_REASON_SIZE];
	int ret;

	ret = access_check(access, session->link.key);
	if (ret < 0 && ret != -ERR_DENIED)
		return ret;
	printf("  permitted: %s\n", ret == 0 ? "yes" : "no");
	prune_give_time(&looked_at);
	if (ret == -ERR_DENIED)
		puts("  next prune: removes it: its key is not permitted");
	else if (prune_reason(reason, &looked_at))
		printf("  next prune: removes it: %s\n", reason);
	else
		puts("  next prune: keeps it");
	return 0;
}

static int show_key(struct show *show, const uint8_t key[static KEY_LEN])
{
	char text[KEY_TEXT_SIZE];
	struct session session;
	unsigned int slot;
	int ret;

	ret = read_session(show, key, &session);
	if (ret < 0)
		return ret;
	slot = slot_from_ifname(show->config, session.link.name);
	key_to_text(text, key);
	printf("%sinterface: %s\n", show->shown++ ? "\n" : "", session.link.name);
	printf("  public key: %s\n", text);
	printf("  index: %u\n", session.link.index);
	printf("  slot: %u\n", slot);
	printf("  listening port: %u\n", session.device.listen_port);
	print_addresses(session.link.name);
	print_session(&session);
	print_daemons(show->config, slot);
	return print_fate(show->access, &session);
}

int show(struct wgif_kernel *kernel, const struct access *access, int key_file,
	 const uint8_t (*keys)[KEY_LEN], int count)
{
	struct show this = {
		.kernel = kernel, .config = access->config, .access = access, .key_file = key_file
	};
	int ret, result = 0;

	for (int i = 0; i < count; i++) {
		ret = show_key(&this, keys[i]);
		if (ret < 0)
			result = ret;
	}
	return result;
}
