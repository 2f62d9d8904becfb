// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One request to the kernel and its acknowledgement. Errors that a caller expects are returned, all
 * others logged here in the kernel's own words.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "error.h"
#include "log.h"
#include "netlink.h"

enum {
	MESSAGE_SIZE = 1024, /* bytes: the largest that we send */
	WORDS_SIZE = 96,
	MAX_ERRNO = 4095,
};

/* What came back of a request. */
struct answer {
	uint32_t sequence; /* the number of the request, which is in all that answers it */
	bool complete;
	int error;		/* an errno, 0 for success */
	char words[WORDS_SIZE]; /* the kernel's own, from an extended ACK; may be empty */
};

/* The extended ACK of the kernel, see linux/netlink.h: attributes that follow the error. */
static void read_words(struct answer *answer, struct nlmsghdr *header)
{
	struct nlattr *words;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* The socket asks for capped answers: the request is not repeated in them. */
	words = nlmsg_find_attr(header, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
	if (words)
		nla_strlcpy(answer->words, words, sizeof(answer->words));
}

/* The kernel tells a negative errno, of which MAX_ERRNO is the highest; else it makes no sense. */
static int to_errno(int error)
{
	return error <= 0 && error >= -MAX_ERRNO ? -error : EPROTO;
}

static int on_error(struct sockaddr_nl *sender, struct nlmsgerr *error, void *argument)
{
	struct answer *answer = argument;

	(void)sender;
	answer->complete = true;
	answer->error = to_errno(error->error);
	read_words(answer, (struct nlmsghdr *)((char *)error - NLMSG_HDRLEN));
	return NL_STOP;
}

static int on_ack(struct nl_msg *message, void *argument)
{
	struct answer *answer = argument;

	(void)message;
	answer->complete = true;
	answer->error = 0;
	return NL_OK;
}

/* The end of a list: an int, which is an error if the kernel could not go on. */
static int on_end(struct nl_msg *message, void *argument)
{
	const struct nlmsghdr *header = nlmsg_hdr(message);
	struct answer *answer = argument;
	int error = 0;

	if (nlmsg_datalen(header) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(header), sizeof(error));
	answer->complete = true;
	answer->error = to_errno(error);
	return NL_OK;
}

/*
 * Leaves out what answers an earlier request, of which this one would be told otherwise: after an
 * error not all of an answer may have been read.
 */
static int on_sequence(struct nl_msg *message, void *argument)
{
	const struct answer *answer = argument;

	return nlmsg_hdr(message)->nlmsg_seq == answer->sequence ? NL_OK : NL_SKIP;
}

static int on_change(struct nl_msg *message, void *argument)
{
	(void)message;
	(void)argument;
	return NL_OK;
}

static void set_options(struct nl_sock *socket)
{
	const int on = 1, fd = nl_socket_get_fd(socket);

	/* No message of ours or the kernel's comes near the four pages that are read at once. */
	nl_socket_disable_msg_peek(socket);
	/* The kernel answers before send(2) returns: one that is lost is not waited for. */
	nl_socket_set_nonblocking(socket);
	/* Older kernels lack these two; their errors then have no words. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* What comes and goes during a list is no reason to end it. */
	nl_socket_modify_cb(socket, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_change, NULL);
}

struct nl_sock *netlink_open(int protocol)
{
	struct nl_sock *socket = nl_socket_alloc();
	int ret = -NLE_NOMEM;

	/* libnl would clear a whole page for each message. */
	nlmsg_set_default_size(MESSAGE_SIZE);
	if (socket)
		ret = nl_connect(socket, protocol);
	if (ret == 0) {
		set_options(socket);
		return socket;
	}
	log_line(LOG_ERR, "unable to open a netlink socket: %s", nl_geterror(ret));
	nl_socket_free(socket);
	return NULL;
}

int netlink_family(struct nl_sock *socket, const char *name)
{
	const struct netlink_task task = { .verb = "find the generic family", .object = name };
	const int number = genl_ctrl_resolve(socket, name);

	return number >= 0 ? number : netlink_failed(&task, EOPNOTSUPP, "");
}

/* Wipes and frees a message, which may hold the private key. */
struct nl_msg *netlink_abort_message(struct nl_msg *message)
{
	if (message)
		explicit_bzero(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
	nlmsg_free(message);
	return NULL;
}

int netlink_failed(const struct netlink_task *task, int error, const char *words)
{
	const char *reason = strerror(error);

	if (error == EPERM)
		reason = "Operation not permitted; run it as root or with CAP_NET_ADMIN";
	else if (error == EACCES)
		reason = "Permission denied; is IPv6 off, by sysctl's disable_ipv6?";
	else if (error == EOPNOTSUPP)
		reason = "Operation not supported; does this kernel have WireGuard?";
	log_line(LOG_ERR, "unable to %s %s: %s%s%s%s", task->verb, task->object, reason,
		 *words ? " (" : "", words, *words ? ")" : "");
	return -ERR_FAILURE;
}

/*
 * Sets what is done with what comes back. The socket keeps pointers to both, but does nothing with
 * them before the next request.
 */
static void set_callbacks(struct nl_sock *socket, struct answer *answer,
			  const struct netlink_reader *reader)
{
	/* The socket's own set: making another one costs much. */
	struct nl_cb *callbacks = nl_socket_get_cb(socket);

	nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, answer);
	nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, answer);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_ack, answer);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, answer);
	if (reader)
		nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, reader->parse, reader->argument);
	else
		nl_cb_set(callbacks, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	nl_cb_overwrite_recv(callbacks, reader ? reader->receive : NULL);
	nl_cb_put(callbacks);
}

int netlink_request(struct nl_sock *socket, struct nl_msg *message,
		    const struct netlink_reader *reader, const struct netlink_task *task)
{
	struct answer answer = { .error = EIO };
	int ret;

	if (!message)
		return netlink_failed(task, ENOMEM, "");
	set_callbacks(socket, &answer, reader);
	ret = nl_send_auto(socket, message);
	answer.sequence = nlmsg_hdr(message)->nlmsg_seq;
	netlink_abort_message(message);
	while (ret >= 0 && !answer.complete)
		ret = nl_recvmsgs_default(socket);
	if (!answer.complete)
		return netlink_failed(task, answer.error,
				      ret == -NLE_AGAIN ? "no answer" : nl_geterror(ret));
	if (answer.error == 0)
		return 0;
	if (answer.error == task->expected)
		return task->error;
	return netlink_failed(task, answer.error, answer.words);
}
