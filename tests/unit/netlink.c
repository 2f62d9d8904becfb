// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests and their answers, on the host's own kernel: those that any user may ask, and that
 * change nothing.
 */
#include <errno.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>

#include "error.h"
#include "netlink.h"
#include "unit.h"

static const struct failed_row {
	const char *name;
	int error;
	const char *words, *want;
} faileds[] = {
	{ "an error", EEXIST, "", "3 unable to make tea: File exists\n" },
	{ "the kernel's own words", EINVAL, "no water",
	  "3 unable to make tea: Invalid argument (no water)\n" },
	{ "no privileges", EPERM, "",
	  "3 unable to make tea: Operation not permitted; "
	  "run it as root or with CAP_NET_ADMIN\n" },
	{ "no IPv6", EACCES, "",
	  "3 unable to make tea: Permission denied; is IPv6 off, by sysctl's disable_ipv6?\n" },
	{ "no WireGuard", EOPNOTSUPP, "Unknown device type",
	  "3 unable to make tea: Operation not supported; does this kernel have WireGuard? "
	  "(Unknown device type)\n" },
};

static void test_failed(void **state)
{
	const struct netlink_task task = { .verb = "make", .object = "tea" };
	const struct failed_row *row = *state;

	unit_is_int("result", netlink_failed(&task, row->error, row->words), -ERR_FAILURE);
	unit_is_text("log", unit_log(), row->want);
}

static struct nl_sock *open_socket(int protocol)
{
	struct nl_sock *socket = netlink_open(protocol);

	assert_non_null(socket);
	return socket;
}

/* A request for a link of that name, or for all of them. */
static struct nl_msg *make_message(const char *ifname)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, ifname ? 0 : NLM_F_DUMP);

	assert_non_null(message);
	assert_int_equal(nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO), 0);
	if (ifname)
		assert_int_equal(nla_put_string(message, IFLA_IFNAME, ifname), 0);
	return message;
}

/* Counts the links, and those that are lo. */
struct found {
	int links, loopbacks;
};

static int on_link(struct nl_msg *message, void *argument)
{
	struct found *found = argument;
	struct nlattr *name =
		nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct ifinfomsg), IFLA_IFNAME);

	assert_non_null(name);
	found->links++;
	found->loopbacks += strcmp(nla_get_string(name), "lo") == 0;
	return NL_OK;
}

static int received;

static int receive(struct nl_sock *socket, struct sockaddr_nl *sender, unsigned char **data,
		   struct ucred **credentials)
{
	received++;
	return nl_recv(socket, sender, data, credentials);
}

/* Longer than a name may be: the kernel says that in words of its own. */
#define TOO_LONG "a-name-of-more-than-sixteen-bytes"

static const struct request_row {
	const char *name, *ifname;
	int expected, error; /* of the task */
	int want, loopbacks;
	const char *log;
} requests[] = {
	{ "a link", "lo", 0, 0, 0, 1, "" },
	{ "a link, and an error is expected", "lo", ENODEV, -ERR_ABSENT, 0, 1, "" },
	{ "all links", NULL, 0, 0, 0, 1, "" },
	{ "none, as expected", "none", ENODEV, -ERR_ABSENT, -ERR_ABSENT, 0, "" },
	{ "none, which is a success", "none", ENODEV, 0, 0, 0, "" },
	{ "none, which is not expected", "none", 0, 0, -ERR_FAILURE, 0,
	  "3 unable to look up x: No such device\n" },
	{ "none, while another error is expected", "none", EEXIST, -ERR_EXISTS, -ERR_FAILURE, 0,
	  "3 unable to look up x: No such device\n" },
	{ "the kernel's own words", TOO_LONG, 0, 0, -ERR_FAILURE, 0,
	  "3 unable to look up x: Numerical result out of range "
	  "(Attribute failed policy validation)\n" },
};

static void test_request(void **state)
{
	const struct request_row *row = *state;
	const struct netlink_task task = {
		.verb = "look up", .object = "x", .expected = row->expected, .error = row->error
	};
	struct found found = { 0 };
	const struct netlink_reader reader = { .parse = on_link, .argument = &found };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);

	unit_is_int("result", netlink_request(socket, make_message(row->ifname), &reader, &task),
		    row->want);
	unit_is_text("log", unit_log(), row->log);
	unit_is_int("lo", found.loopbacks, row->loopbacks);
	nl_socket_free(socket);
}

/* One socket for many requests: no reader is called for another's answer. */
static void test_readers(void **state)
{
	const struct netlink_task task = { .verb = "look up", .object = "x" };
	struct found one = { 0 }, all = { 0 };
	const struct netlink_reader reader = { on_link, &one, NULL };
	const struct netlink_reader receiver = { on_link, &all, receive };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);

	(void)state;
	received = 0;
	unit_is_int("result", netlink_request(socket, make_message("lo"), &reader, &task), 0);
	unit_is_int("links", one.links, 1);
	unit_is_int("result", netlink_request(socket, make_message("lo"), NULL, &task), 0);
	unit_is_int("links, without a reader", one.links, 1);
	unit_is_int("received", received, 0);
	unit_is_int("result", netlink_request(socket, make_message(NULL), &receiver, &task), 0);
	unit_is_int("links, of the first reader", one.links, 1);
	unit_is_int("a list has lo once", all.loopbacks, 1);
	if (received == 0)
		unit_is_int("received", received, 1);
	received = 0;
	unit_is_int("result", netlink_request(socket, make_message("lo"), &reader, &task), 0);
	unit_is_int("received", received, 0);
	nl_socket_free(socket);
}

static void test_no_message(void **state)
{
	const struct netlink_task task = { .verb = "look up", .object = "x", .expected = ENOMEM };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);

	(void)state;
	unit_is_int("result", netlink_request(socket, NULL, NULL, &task), -ERR_FAILURE);
	unit_is_text("log", unit_log(), "3 unable to look up x: Cannot allocate memory\n");
	nl_socket_free(socket);
}

/* The socket is closed: no answer comes, and that is an error in any case. */
static void test_no_answer(void **state)
{
	const struct netlink_task task = { .verb = "look up", .object = "x", .expected = EIO };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);

	(void)state;
	nl_close(socket);
	unit_is_int("result", netlink_request(socket, make_message("lo"), NULL, &task),
		    -ERR_FAILURE);
	if (strncmp(unit_log(), "3 unable to look up x: Input/output error (", 43) != 0)
		fail();
	nl_socket_free(socket);
}

/* Whether all of a message is zero; the test holds it. */
static void check_wiped(struct nl_msg *message, size_t len)
{
	const char *bytes = (const char *)nlmsg_hdr(message);

	for (size_t i = 0; i < len; i++)
		unit_is_int("a byte of the message", bytes[i], 0);
	nlmsg_free(message);
}

static void test_wiped(void **state)
{
	const struct netlink_task task = { .verb = "look up", .object = "x" };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);
	struct nl_msg *message = make_message("lo");
	size_t len = nlmsg_hdr(message)->nlmsg_len;

	(void)state;
	nlmsg_get(message);
	unit_is_int("result", netlink_request(socket, message, NULL, &task), 0);
	check_wiped(message, len);
	message = make_message("lo");
	nlmsg_get(message);
	assert_null(netlink_abort_message(message));
	check_wiped(message, len);
	assert_null(netlink_abort_message(NULL));
	nl_socket_free(socket);
}

static void test_family(void **state)
{
	struct nl_sock *socket = open_socket(NETLINK_GENERIC);

	(void)state;
	unit_is_int("the controller's own", netlink_family(socket, "nlctrl"), 16);
	unit_is_int("none", netlink_family(socket, "teapot"), -ERR_FAILURE);
	unit_is_text("log", unit_log(),
		     "3 unable to find the generic family teapot: Operation not supported; "
		     "does this kernel have WireGuard?\n");
	nl_socket_free(socket);
}

static void test_open(void **state)
{
	(void)state;
	assert_null(netlink_open(99));
	if (strncmp(unit_log(), "3 unable to open a netlink socket: ", 35) != 0)
		fail();
}

/* Asks for one link, and does not read the answer. */
static void ask_in_vain(struct nl_sock *socket, const char *ifname)
{
	struct nl_msg *message = make_message(ifname);

	assert_true(nl_send_auto(socket, message) > 0);
	nlmsg_free(message);
}

/* After an error an answer may be left, in whole or in part. It is not taken for the next one's. */
static void test_late_answer(void **state)
{
	const struct netlink_task task = {
		.verb = "look up", .object = "x", .expected = ENODEV, .error = -ERR_ABSENT
	};
	struct found found = { 0 };
	const struct netlink_reader reader = { .parse = on_link, .argument = &found };
	struct nl_sock *socket = open_socket(NETLINK_ROUTE);

	(void)state;
	ask_in_vain(socket, "lo");
	unit_is_int("none", netlink_request(socket, make_message("none"), &reader, &task),
		    -ERR_ABSENT);
	unit_is_int("links", found.links, 0);
	ask_in_vain(socket, "none");
	ask_in_vain(socket, NULL);
	unit_is_int("one", netlink_request(socket, make_message("lo"), &reader, &task), 0);
	unit_is_int("links", found.links, 1);
	unit_is_int("it is lo", found.loopbacks, 1);
	unit_is_text("log", unit_log(), "");
	nl_socket_free(socket);
}

int main(void)
{
	UNIT_TABLE(test_failed, faileds);
	UNIT_TABLE(test_request, requests);
	unit_add("the readers", test_readers, NULL);
	unit_add("no message", test_no_message, NULL);
	unit_add("no answer", test_no_answer, NULL);
	unit_add("a late answer", test_late_answer, NULL);
	unit_add("messages are wiped", test_wiped, NULL);
	unit_add("a family", test_family, NULL);
	unit_add("no socket", test_open, NULL);
	return unit_run();
}
