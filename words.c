// SPDX-License-Identifier: GPL-2.0-or-later
/* How a peer is told of: its state, times, sizes and endpoint, as text. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "words.h"

const char *words_state(enum session_state state)
{
	static const char *const names[] = {
		[SESSION_LIVE] = "live",
		[SESSION_WAITING] = "waiting",
		[SESSION_STALE] = "stale",
		[SESSION_BROKEN] = "broken",
	};

	return names[state];
}

/* Writes the interface that a link-local address belongs to: its name, if that is plain. */
static void format_zone(char text[static IFNAMSIZ + 1], uint32_t index)
{
	char name[IFNAMSIZ];

	*text = '\0';
	if (!index)
		return;
	if (if_indextoname(index, name) && strspn(name, TEXT_ALPHANUMERIC "-_.@") == strlen(name))
		snprintf(text, IFNAMSIZ + 1, "%%%s", name);
	else
		snprintf(text, IFNAMSIZ + 1, "%%%" PRIu32, index);
}

void words_endpoint(char text[static WORDS_ENDPOINT_SIZE], const union endpoint *endpoint)
{
	char address[INET6_ADDRSTRLEN], zone[IFNAMSIZ + 1];

	*text = '\0';
	if (!endpoint_format(address, endpoint))
		return;
	if (endpoint->any.sa_family == AF_INET) {
		snprintf(text, WORDS_ENDPOINT_SIZE, "%s:%u", address, ntohs(endpoint->in.sin_port));
	} else {
		format_zone(zone, endpoint->in6.sin6_scope_id);
		snprintf(text, WORDS_ENDPOINT_SIZE, "[%s%s]:%u", address, zone,
			 ntohs(endpoint->in6.sin6_port));
	}
}

const char *words_age(char text[static WORDS_SIZE], int64_t seconds)
{
	if (seconds < 0)
		return "never";
	if (seconds < 60)
		snprintf(text, WORDS_SIZE, "%" PRId64 " s ago", seconds);
	else if (seconds < 3600)
		snprintf(text, WORDS_SIZE, "%" PRId64 " min ago", seconds / 60);
	else if (seconds < 86400)
		snprintf(text, WORDS_SIZE, "%" PRId64 " h ago", seconds / 3600);
	else
		snprintf(text, WORDS_SIZE, "%" PRId64 " d ago", seconds / 86400);
	return text;
}

const char *words_bytes(char text[static WORDS_SIZE], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double scaled = (double)bytes;
	int unit = 0;

	/* As it is rounded below: nothing reads 1024.0. */
	while (scaled >= 1023.95) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, WORDS_SIZE, unit ? "%.1f %s" : "%.0f %s", scaled, units[unit]);
	return text;
}
