// SPDX-License-Identifier: GPL-2.0-or-later
/* Tells what state a node's tunnel is in. Shows no key but the gateway's public one. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"
#include "error.h"
#include "session.h"
#include "wgif.h"
#include "node/status.h"
#include "node/tunnel.h"

/* What is shown. */
struct view {
	const char *ifname;
	bool is_there, is_live; /* the interface; its session */
	struct session session; /* only if it is there */
	char address[INET6_ADDRSTRLEN];
	char endpoint[WORDS_ENDPOINT_SIZE]; /* of the gateway; this and the next empty without one
					     */
	char key[KEY_TEXT_SIZE];
};

/* The interface's link-local address, or nothing. */
static void read_address(char text[static INET6_ADDRSTRLEN], const char *ifname)
{
	const struct sockaddr_in6 *address;
	struct ifaddrs *list;
	int ret;

	ret = getifaddrs(&list);
	if (ret < 0)
		return;
	for (const struct ifaddrs *each = list; each; each = each->ifa_next) {
		if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET6 ||
		    strcmp(each->ifa_name, ifname) != 0)
			continue;
		address = (const struct sockaddr_in6 *)(const void *)each->ifa_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
			inet_ntop(AF_INET6, &address->sin6_addr, text, INET6_ADDRSTRLEN);
	}
	freeifaddrs(list);
}

/* Reads all that is shown. Returns 0, or a negative error after it has logged why. */
static int read_view(struct view *view, const struct tunnel *tunnel)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret;

	if (!kernel)
		return -ERR_FAILURE;
	ret = tunnel_read(kernel, tunnel, &view->session);
	wgif_close(kernel);
	view->ifname = tunnel->ifname;
	if (ret < 0)
		return ret == -ERR_ABSENT ? 0 : ret;
	view->is_there = true;
	view->is_live = view->session.link.up && view->session.device.has_peer &&
			session_is_live(&view->session);
	read_address(view->address, view->session.link.name);
	if (!view->session.device.has_peer)
		return 0;
	words_endpoint(view->endpoint, &view->session.device.endpoint);
	key_to_text(view->key, view->session.device.peer_key);
	return 0;
}

static const char *state_word(const struct view *view)
{
	if (view->is_live)
		return "live";
	return view->is_there && view->session.device.has_peer ? "waiting" : "none";
}

static void print_text(const struct view *view)
{
	const struct wgif_device *device = &view->session.device;
	char age[WORDS_SIZE], received[WORDS_SIZE], sent[WORDS_SIZE];

	printf("%s: %s\n", view->ifname, state_word(view));
	if (!view->is_there)
		return;
	if (device->has_peer)
		printf("  gateway    %s, key %s\n"
		       "  handshake  %s\n"
		       "  received   %s\n"
		       "  sent       %s\n",
		       view->endpoint, view->key, words_age(age, session_age(&view->session)),
		       words_bytes(received, device->rx_bytes),
		       words_bytes(sent, device->tx_bytes));
	printf("  address    %s\n"
	       "  MTU        %u\n"
	       "  port       %u\n",
	       view->address, view->session.link.mtu, device->listen_port);
}

static void print_json(const struct view *view)
{
	const struct wgif_device *device = &view->session.device;

	printf("{\"interface\":\"%s\",\"state\":\"%s\"", view->ifname, state_word(view));
	if (view->is_there)
		printf(",\"address\":\"%s\",\"mtu\":%u,\"port\":%u", view->address,
		       view->session.link.mtu, device->listen_port);
	if (view->is_there && device->has_peer) {
		printf(",\"endpoint\":\"%s\",\"gateway_key\":\"%s\"", view->endpoint, view->key);
		if (session_age(&view->session) >= 0)
			printf(",\"handshake_age\":%" PRId64, session_age(&view->session));
		printf(",\"received_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64, device->rx_bytes,
		       device->tx_bytes);
	}
	puts("}");
}

int status_print(const struct tunnel *tunnel, bool json)
{
	struct view view = { .is_there = false };
	int ret;

	ret = read_view(&view, tunnel);
	if (ret < 0)
		return ret;
	if (json)
		print_json(&view);
	else
		print_text(&view);
	return view.is_live;
}
