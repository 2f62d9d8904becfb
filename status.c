// SPDX-License-Identifier: GPL-2.0-or-later
/* Shows the interfaces and their peers: to people, to programs, to Prometheus. Changes nothing. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "wgif.h"

/*
 * live: a handshake within the time that a session may last; waiting: none since the node asked;
 * stale: an old one; broken: half-made, the next prune removes it.
 */
enum state { LIVE, WAITING, STALE, BROKEN, STATES };

/* What needs no escape anywhere. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@"

static const char *const state_names[] = { "live", "waiting", "stale", "broken" };

struct row {
	char ifname[IFNAMSIZ];
	unsigned int slot;
	char key[KEY_TEXT_SIZE];
	enum state state;
	int64_t age; /* seconds since the handshake, -1 for never */
	char endpoint[INET6_ADDRSTRLEN + IFNAMSIZ + 10];
	struct wgif_device device;
};

/* Writes the interface that a link-local address belongs to: its name, if that is plain. */
static void format_zone(char text[static IFNAMSIZ + 1], uint32_t index)
{
	char name[IFNAMSIZ];

	*text = '\0';
	if (!index)
		return;
	if (if_indextoname(index, name) && strspn(name, PLAIN) == strlen(name))
		snprintf(text, IFNAMSIZ + 1, "%%%s", name);
	else
		snprintf(text, IFNAMSIZ + 1, "%%%" PRIu32, index);
}

/* Writes an endpoint as wg does, or nothing if there is none. */
static void format_endpoint(char *text, size_t size, const struct wgif_device *device)
{
	const struct sockaddr_in6 *in6 = &device->endpoint.in6;
	const struct sockaddr_in *in = &device->endpoint.in;
	char address[INET6_ADDRSTRLEN], zone[IFNAMSIZ + 1];

	*text = '\0';
	if (in->sin_family == AF_INET &&
	    inet_ntop(AF_INET, &in->sin_addr, address, sizeof(address))) {
		snprintf(text, size, "%s:%u", address, ntohs(in->sin_port));
	} else if (in6->sin6_family == AF_INET6 &&
		   inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof(address))) {
		format_zone(zone, in6->sin6_scope_id);
		snprintf(text, size, "[%s%s]:%u", address, zone, ntohs(in6->sin6_port));
	}
}

static enum state state_of(const struct wgif *wgif, const struct wgif_device *device, int64_t age)
{
	if (!wgif->keyed || !wgif->up || !device->has_peer)
		return BROKEN;
	if (age < 0)
		return WAITING;
	return age < PEER_LIVE_TIME ? LIVE : STALE;
}

/* Returns 0, -ERR_ABSENT if the interface has gone meanwhile, or -ERR_FAILURE. */
static int fill(struct row *row, struct wgif_kernel *kernel, const struct config *config,
		const struct wgif *wgif)
{
	struct note note;
	struct moment now;
	int ret;

	ret = wgif_get_device(kernel, wgif->index, wgif->key, &row->device);
	if (ret < 0)
		return ret;
	now = moment_now();
	note_parse(&note, wgif->alias);
	note_look(&note, row->device.handshake, now);
	row->age = note_age(&note, now);
	row->state = state_of(wgif, &row->device, row->age);
	row->slot = peer_slot(config, wgif->name);
	memcpy(row->ifname, wgif->name, sizeof(row->ifname));
	if (wgif->keyed)
		key_to_text(row->key, wgif->key);
	format_endpoint(row->endpoint, sizeof(row->endpoint), &row->device);
	return 0;
}

/* Writes a time as people say it. */
static const char *in_words(char text[static 32], int64_t seconds)
{
	if (seconds < 0)
		return "never";
	if (seconds < 60)
		snprintf(text, 32, "%" PRId64 " s ago", seconds);
	else if (seconds < 3600)
		snprintf(text, 32, "%" PRId64 " min ago", seconds / 60);
	else if (seconds < 86400)
		snprintf(text, 32, "%" PRId64 " h ago", seconds / 3600);
	else
		snprintf(text, 32, "%" PRId64 " d ago", seconds / 86400);
	return text;
}

/* Writes a number of bytes in binary units, as ip and wg do. */
static const char *in_bytes(char text[static 32], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double scaled = (double)bytes;
	int unit = 0;

	while (scaled >= 1024) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", scaled, units[unit]);
	return text;
}

struct summary {
	unsigned int total, used, free;
	unsigned int states[STATES];
	uint64_t rx_bytes, tx_bytes;
};

static struct summary summarize(const struct row *rows, int count, const struct config *config)
{
	struct summary summary = { .total = config->slots, .used = (unsigned int)count };
	unsigned int within = 0;

	for (int i = 0; i < count; i++) {
		summary.states[rows[i].state]++;
		summary.rx_bytes += rows[i].device.rx_bytes;
		summary.tx_bytes += rows[i].device.tx_bytes;
		within += rows[i].slot <= config->slots;
	}
	/* A limit that was lowered leaves interfaces beyond it. */
	summary.free = summary.total - within;
	return summary;
}

static void print_table(const struct row *rows, int count, const struct summary *summary)
{
	char age[32], rx[32], tx[32];

	if (count)
		printf("%-15s %5s  %-7s  %-44s  %-12s  %10s  %10s  %s\n", "INTERFACE", "PORT",
		       "STATE", "PEER", "HANDSHAKE", "RECEIVED", "SENT", "ENDPOINT");
	for (int i = 0; i < count; i++)
		printf("%-15s %5u  %-7s  %-44s  %-12s  %10s  %10s  %s\n", rows[i].ifname,
		       rows[i].device.listen_port, state_names[rows[i].state],
		       rows[i].key[0] ? rows[i].key : "-", in_words(age, rows[i].age),
		       in_bytes(rx, rows[i].device.rx_bytes), in_bytes(tx, rows[i].device.tx_bytes),
		       rows[i].endpoint[0] ? rows[i].endpoint : "-");
	printf("%u of %u slots used, %u free: %u live, %u waiting, %u stale, %u broken\n",
	       summary->used, summary->total, summary->free, summary->states[LIVE],
	       summary->states[WAITING], summary->states[STALE], summary->states[BROKEN]);
}

/* All texts are of characters that need no escape. */
static void print_text(const char *name, const char *value)
{
	if (*value)
		printf("\"%s\":\"%s\",", name, value);
	else
		printf("\"%s\":null,", name);
}

static void print_json(const struct row *rows, int count, const struct summary *summary)
{
	printf("{\"version\":1,\"slots\":{\"total\":%u,\"used\":%u,\"free\":%u},\"peers\":[",
	       summary->total, summary->used, summary->free);
	for (int i = 0; i < count; i++) {
		const struct wgif_device *device = &rows[i].device;

		printf("%s{", i ? "," : "");
		print_text("interface", rows[i].ifname);
		print_text("public_key", rows[i].key);
		print_text("endpoint", rows[i].endpoint);
		print_text("state", state_names[rows[i].state]);
		printf("\"slot\":%u,\"port\":%u,", rows[i].slot, device->listen_port);
		if (device->handshake)
			printf("\"last_handshake\":%" PRId64 ",\"handshake_age\":%" PRId64 ",",
			       device->handshake, rows[i].age);
		else
			printf("\"last_handshake\":null,\"handshake_age\":null,");
		printf("\"received_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64 "}",
		       device->rx_bytes, device->tx_bytes);
	}
	puts("]}");
}

static void print_gauge(const char *name, const char *help, uint64_t value)
{
	printf("# HELP wg_broker_%s %s\n# TYPE wg_broker_%s gauge\nwg_broker_%s %" PRIu64 "\n",
	       name, help, name, name, value);
}

static void print_prometheus(const struct summary *summary)
{
	print_gauge("slots", "Interfaces that there may be.", summary->total);
	print_gauge("slots_free", "Slots that a new peer can have.", summary->free);
	printf("# HELP wg_broker_peers Interfaces of peers, by the state of the peer.\n"
	       "# TYPE wg_broker_peers gauge\n");
	for (int i = 0; i < STATES; i++)
		printf("wg_broker_peers{state=\"%s\"} %u\n", state_names[i], summary->states[i]);
	/* Not counters: they fall when a peer goes. */
	print_gauge("received_bytes", "Received from the peers that there are, since they came.",
		    summary->rx_bytes);
	print_gauge("sent_bytes", "Sent to the peers that there are, since they came.",
		    summary->tx_bytes);
}

/* Reads the rows. Returns how many, with a list that the caller frees, or a negative error. */
static int read_rows(struct wgif_kernel *kernel, const struct config *config, struct row **rows)
{
	struct wgif *list;
	int count, filled = 0, ret = 0;

	count = peer_list(kernel, config, &list);
	if (count < 0)
		return count;
	*rows = calloc((size_t)count + 1, sizeof(**rows));
	for (int i = 0; *rows && i < count && ret != -ERR_FAILURE; i++) {
		ret = fill(&(*rows)[filled], kernel, config, &list[i]);
		filled += ret == 0;
	}
	free(list);
	if (*rows && ret != -ERR_FAILURE)
		return filled;
	free(*rows);
	return -ERR_FAILURE;
}

int status(struct wgif_kernel *kernel, const struct config *config, enum status_form form)
{
	struct summary summary;
	struct row *rows;
	int count;

	count = read_rows(kernel, config, &rows);
	if (count < 0)
		return count;
	summary = summarize(rows, count, config);
	if (form == STATUS_JSON)
		print_json(rows, count, &summary);
	else if (form == STATUS_PROMETHEUS)
		print_prometheus(&summary);
	else
		print_table(rows, count, &summary);
	free(rows);
	return 0;
}
