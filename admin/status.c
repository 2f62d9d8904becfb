// SPDX-License-Identifier: GPL-2.0-or-later
/* Shows the interfaces and their peers: to people, to programs, to Prometheus. Changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/status.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "mesh.h"
#include "session.h"
#include "slot.h"
#include "turn.h"
#include "words.h"

struct row {
	char ifname[IFNAMSIZ];
	unsigned int slot;
	char key[KEY_TEXT_SIZE];
	enum session_state state;
	int64_t age;	/* seconds since the handshake, -1 for never */
	int64_t asked;	/* seconds since its peer was set up, -1 if that is not known */
	int64_t looked; /* seconds since prune looked at it, -1 if that is not known */
	char endpoint[WORDS_ENDPOINT_SIZE];
	struct wgif_device device;
};

/* Returns 0, -ERR_ABSENT if the interface has gone meanwhile, or -ERR_FAILURE. */
static int read_row(struct row *row, struct wgif_kernel *kernel, const struct config *config,
		    const struct wgif_link *link)
{
	struct session session = { .link = *link };
	int ret;

	ret = session_read_device(kernel, NULL, &session);
	if (ret < 0)
		return ret;
	row->device = session.device;
	row->age = session_age(&session);
	row->asked = session_asked_age(&session);
	row->looked = session_looked_age(&session);
	row->state = session_state(&session);
	row->slot = slot_from_ifname(config, link->name);
	memcpy(row->ifname, link->name, sizeof(row->ifname));
	if (link->has_key)
		key_to_text(row->key, link->key);
	words_endpoint(row->endpoint, &row->device.endpoint);
	return 0;
}

enum {
	MAX_DAEMONS = 8,
	TURN_TIME = 5, /* seconds to wait for a turn at the routing daemons */
};

struct summary {
	const char *broker; /* label for Prometheus, or NULL */
	int64_t time;	    /* unix */
	int64_t prune_age;  /* the longest that prune left an interface out, in seconds */
	unsigned int max_peers, total, used, free;
	unsigned int states[SESSION_STATES];
	uint64_t rx_bytes, tx_bytes;
	unsigned int daemon_count; /* of those that are configured */
	struct mesh_state daemons[MAX_DAEMONS];
};

static struct summary summarize(const struct row *rows, int count, const struct config *config)
{
	struct summary summary = {
		.time = clock_moment().wall,
		.max_peers = config->max_peers,
		.total = config->slots,
		.used = (unsigned int)count,
	};

	for (int i = 0; i < count; i++) {
		summary.states[rows[i].state]++;
		summary.rx_bytes += rows[i].device.rx_bytes;
		summary.tx_bytes += rows[i].device.tx_bytes;
		if (rows[i].looked > summary.prune_age)
			summary.prune_age = rows[i].looked;
	}
	/* A limit that was lowered leaves interfaces beyond it. A free slot then is no room. */
	if (summary.used < summary.total)
		summary.free = summary.total - summary.used;
	return summary;
}

/* Asks the routing daemons that are configured what they know. */
static void read_daemons(struct summary *summary, const struct config *config)
{
	struct mesh_state *state = summary->daemons;
	struct turn turn;
	bool is_one;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	for (unsigned int i = 0; i < MAX_DAEMONS; i++) {
		is_one = mesh_get_state(config, i, state);
		if (!is_one)
			break;
		state += *state->address != '\0';
	}
	turn_end(&turn);
	summary->daemon_count = (unsigned int)(state - summary->daemons);
}

/* Says what a routing daemon knows, and what to do about it. */
static void print_daemon(const struct mesh_state *daemon)
{
	if (!daemon->answers)
		printf("%s does not answer\n", daemon->name);
	else if (daemon->down)
		printf("%s knows %u interfaces, but cannot use %u of them: raise net.core.optmem_max "
		       "and restart it\n",
		       daemon->name, daemon->known, daemon->down);
	else
		printf("%s knows %u interfaces\n", daemon->name, daemon->known);
}

static void print_table(const struct row *rows, int count, const struct summary *summary)
{
	char age[WORDS_SIZE], rx[WORDS_SIZE], tx[WORDS_SIZE];

	if (count)
		printf("%-15s %5s  %-7s  %-44s  %-12s  %10s  %10s  %s\n", "INTERFACE", "PORT",
		       "STATE", "PEER", "HANDSHAKE", "RECEIVED", "SENT", "ENDPOINT");
	for (int i = 0; i < count; i++)
		printf("%-15s %5u  %-7s  %-44s  %-12s  %10s  %10s  %s\n", rows[i].ifname,
		       rows[i].device.listen_port, words_state(rows[i].state),
		       rows[i].key[0] ? rows[i].key : "-", words_age(age, rows[i].age),
		       words_bytes(rx, rows[i].device.rx_bytes),
		       words_bytes(tx, rows[i].device.tx_bytes),
		       rows[i].endpoint[0] ? rows[i].endpoint : "-");
	printf("%u of %u slots used, %u free: %u live, %u waiting, %u stale, %u broken\n",
	       summary->used, summary->total, summary->free, summary->states[SESSION_LIVE],
	       summary->states[SESSION_WAITING], summary->states[SESSION_STALE],
	       summary->states[SESSION_BROKEN]);
	for (unsigned int i = 0; i < summary->daemon_count; i++)
		print_daemon(&summary->daemons[i]);
}

/* All texts are of characters that need no escape. */
static void print_text(const char *name, const char *value)
{
	if (*value)
		printf("\"%s\":\"%s\",", name, value);
	else
		printf("\"%s\":null,", name);
}

/* A number, or null if it is negative. */
static void print_number(const char *name, int64_t value)
{
	if (value < 0)
		printf("\"%s\":null,", name);
	else
		printf("\"%s\":%" PRId64 ",", name, value);
}

static void print_json_summary(const struct summary *summary)
{
	printf("{\"version\":1,\"time\":%" PRId64 ",\"max_connections\":%u,"
	       "\"slots\":{\"total\":%u,\"used\":%u,\"free\":%u},\"states\":{",
	       summary->time, summary->max_peers, summary->total, summary->used, summary->free);
	for (int i = 0; i < SESSION_STATES; i++)
		printf("%s\"%s\":%u", i ? "," : "", words_state((enum session_state)i),
		       summary->states[i]);
	printf("},\"received_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64, summary->rx_bytes,
	       summary->tx_bytes);
}

static void print_json_peer(const struct row *row)
{
	const struct wgif_device *device = &row->device;

	putchar('{');
	print_text("interface", row->ifname);
	print_text("public_key", row->key);
	print_text("endpoint", row->endpoint);
	print_text("state", words_state(row->state));
	printf("\"slot\":%u,\"port\":%u,", row->slot, device->listen_port);
	print_number("asked_age", row->asked);
	print_number("last_handshake", device->handshake ? device->handshake : -1);
	print_number("handshake_age", row->age);
	printf("\"received_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64 "}", device->rx_bytes,
	       device->tx_bytes);
}

static void print_json(const struct row *rows, int count, const struct summary *summary)
{
	print_json_summary(summary);
	printf(",\"peers\":[");
	for (int i = 0; i < count; i++) {
		if (i)
			putchar(',');
		print_json_peer(&rows[i]);
	}
	printf("],\"daemons\":[");
	for (unsigned int i = 0; i < summary->daemon_count; i++) {
		const struct mesh_state *daemon = &summary->daemons[i];

		printf("%s{\"name\":\"%s\",\"answers\":%s,\"interfaces\":%u,\"interfaces_down\":%u}",
		       i ? "," : "", daemon->name, daemon->answers ? "true" : "false",
		       daemon->known, daemon->down);
	}
	puts("]}");
}

static void print_head(const char *name, const char *help)
{
	printf("# HELP wg_broker_%s %s\n# TYPE wg_broker_%s gauge\n", name, help, name);
}

/* A value, with a label unless that is NULL, and with the broker's. */
static void print_sample(const struct summary *summary, const char *name, const char *label,
			 const char *text, uint64_t value)
{
	const char *broker = summary->broker;

	printf("wg_broker_%s%s", name, broker || label ? "{" : "");
	if (broker)
		printf("broker=\"%s\"%s", broker, label ? "," : "}");
	if (label)
		printf("%s=\"%s\"}", label, text);
	printf(" %" PRIu64 "\n", value);
}

static void print_gauge(const struct summary *summary, const char *name, const char *help,
			uint64_t value)
{
	print_head(name, help);
	print_sample(summary, name, NULL, NULL, value);
}

static unsigned int daemon_answers(const struct mesh_state *daemon)
{
	return daemon->answers;
}

static unsigned int daemon_known(const struct mesh_state *daemon)
{
	return daemon->known;
}

static unsigned int daemon_down(const struct mesh_state *daemon)
{
	return daemon->down;
}

/* Prints a number for each routing daemon. */
static void print_daemon_gauge(const struct summary *summary, const char *name, const char *help,
			       unsigned int (*value)(const struct mesh_state *daemon))
{
	print_head(name, help);
	for (unsigned int i = 0; i < summary->daemon_count; i++)
		print_sample(summary, name, "daemon", summary->daemons[i].name,
			     value(&summary->daemons[i]));
}

static void print_peers(const struct summary *summary)
{
	print_head("peers", "Interfaces of peers, by the state of the peer.");
	for (int i = 0; i < SESSION_STATES; i++)
		print_sample(summary, "peers", "state", words_state((enum session_state)i),
			     summary->states[i]);
}

static void print_prometheus(const struct summary *summary)
{
	print_head("info", "The version of the broker; always 1.");
	print_sample(summary, "info", "version", VERSION, 1);
	print_gauge(summary, "slots", "Interfaces that there may be.", summary->total);
	print_gauge(summary, "slots_free", "Slots that a new peer can have.", summary->free);
	print_peers(summary);
	print_gauge(summary, "prune_age_seconds",
		    "Longest time since prune last looked at an interface.",
		    (uint64_t)summary->prune_age);
	/* Not counters: they fall when a peer goes. */
	print_gauge(summary, "received_bytes",
		    "Received from the peers that there are, since they came.", summary->rx_bytes);
	print_gauge(summary, "sent_bytes", "Sent to the peers that there are, since they came.",
		    summary->tx_bytes);
	if (!summary->daemon_count)
		return;
	print_daemon_gauge(summary, "daemon_up", "Whether a routing daemon answers.",
			   daemon_answers);
	print_daemon_gauge(summary, "daemon_interfaces",
			   "Interfaces of peers that a routing daemon knows.", daemon_known);
	print_daemon_gauge(summary, "daemon_interfaces_down",
			   "Those of them that it is unable to use.", daemon_down);
}

/* Reads the rows. Returns how many, with a list that the caller frees, or a negative error. */
static int read_rows(struct wgif_kernel *kernel, const struct config *config, struct row **rows)
{
	struct wgif_link *links;
	int count, filled = 0, ret = 0;

	count = session_list_links(kernel, config, &links);
	if (count < 0)
		return count;
	*rows = calloc((size_t)count + 1, sizeof(**rows));
	if (!*rows) {
		log_line(LOG_ERR, "unable to list the interfaces: out of memory");
		ret = -ERR_FAILURE;
	}
	for (int i = 0; i < count && ret != -ERR_FAILURE; i++) {
		ret = read_row(&(*rows)[filled], kernel, config, &links[i]);
		filled += ret == 0;
	}
	free(links);
	if (ret != -ERR_FAILURE)
		return filled;
	free(*rows);
	return ret;
}

int status(struct wgif_kernel *kernel, const struct config *config, enum status_form form,
	   const char *broker)
{
	struct summary summary;
	struct row *rows;
	int count;

	count = read_rows(kernel, config, &rows);
	if (count < 0)
		return count;
	summary = summarize(rows, count, config);
	summary.broker = broker;
	read_daemons(&summary, config);
	if (form == STATUS_JSON)
		print_json(rows, count, &summary);
	else if (form == STATUS_PROMETHEUS)
		print_prometheus(&summary);
	else
		print_table(rows, count, &summary);
	free(rows);
	return 0;
}
