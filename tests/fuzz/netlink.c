// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel answers, or what looks like it, to each of the requests that reads something. */
#include <netlink/genl/ctrl.h>
#include <netlink/netlink.h>

#include "fuzz.h"

static struct {
	const uint8_t *data;
	size_t size;
} input;

/* Has the messages answer the request: no message is sent, and so their number is 0. */
static void number_messages(void *data, size_t size)
{
	struct nlmsghdr *message = data;
	int left = (int)size;

	for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
		message->nlmsg_seq = 0;
}

/* Takes the place of nl_recv(3): all of the input, once for each request. */
static int receive(struct nl_sock *socket, struct sockaddr_nl *sender, unsigned char **data,
		   struct ucred **credentials)
{
	const size_t size = input.size;

	(void)socket;
	(void)credentials;
	memset(sender, 0, sizeof(*sender));
	sender->nl_family = AF_NETLINK;
	if (size == 0)
		return -NLE_AGAIN;
	*data = malloc(size);
	if (!*data)
		abort();
	memcpy(*data, input.data, size);
	number_messages(*data, size);
	input.size = 0;
	return (int)size;
}

static void overwrite_receive(struct nl_cb *callbacks,
			      int (*other)(struct nl_sock *socket, struct sockaddr_nl *sender,
					   unsigned char **data, struct ucred **credentials))
{
	nl_cb_overwrite_recv(callbacks, other ? other : receive);
}

static int connect_socket(struct nl_sock *socket, int protocol)
{
	(void)protocol;
	nl_socket_disable_seq_check(socket);
	return 0;
}

#define nl_recv receive
#define nl_cb_overwrite_recv overwrite_receive
#define nl_connect connect_socket
#define nl_send_auto(socket, message) ((void)(socket), (void)(message), 0)
#define genl_ctrl_resolve(socket, name) ((void)(socket), (void)(name), 32)
#include "../../netlink.c" // NOLINT(bugprone-suspicious-include)
#include "../../wgif.c"	   // NOLINT(bugprone-suspicious-include)

static void check_link(void *argument, const struct wgif_link *link)
{
	(void)argument;
	if (strlen(link->name) >= sizeof(link->name) || strlen(link->alias) >= sizeof(link->alias))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[KEY_LEN] = { 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	static const struct in6_addr address;
	struct wgif_kernel *kernel = wgif_open();
	struct wgif_link link = { .index = 1, .name = "wgpeer1" };
	struct wgif_device device;

	if (!kernel)
		abort();
	input.data = data;
	input.size = size;
	if (wgif_find(kernel, "wgpeer1", &link) == 0)
		check_link(NULL, &link);
	input.size = size;
	(void)wgif_foreach(kernel, check_link, NULL);
	input.size = size;
	(void)wgif_get_device(kernel, &link, key, &device);
	input.size = size;
	(void)wgif_keep_address(kernel, &link, &address);
	wgif_close(kernel);
	return 0;
}
