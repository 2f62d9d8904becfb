/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request to the kernel, and what it answers. Only netlink.c and wgif.c know libnl. */
#ifndef NETLINK_H
#define NETLINK_H

#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

/*
 * Opens a socket of this protocol, NETLINK_ROUTE or NETLINK_GENERIC, for netlink_request(). Returns
 * NULL after it has logged why. Free it with nl_socket_free().
 */
struct nl_sock *netlink_open(int protocol);

/*
 * Finds the number of a generic family, which changes with each load of the kernel's module. Call
 * it before the socket's first request. Returns -ERR_FAILURE after it has logged why.
 */
int netlink_family(struct nl_sock *socket, const char *name);

/* What a request is for: words for the log, and the one errno that is no failure. */
struct netlink_task {
	const char *verb, *object; /* "unable to VERB OBJECT: ..." */
	int expected;		   /* an errno, or 0 */
	int error;		   /* what to return for it: 0 or a negative error */
};

/* How to read what comes back besides the acknowledgement. */
struct netlink_reader {
	nl_recvmsg_msg_cb_t parse; /* for each message; argument is its second */
	void *argument;
	/* Receives in place of libnl's nl_recv(), unless it is NULL. */
	int (*receive)(struct nl_sock *socket, struct sockaddr_nl *sender, unsigned char **data,
		       struct ucred **credentials);
};

/*
 * Sends a request and waits for the kernel's acknowledgement, or the end of the list. Wipes and
 * frees the message; NULL is one for which there was no memory. The reader may be NULL. Returns 0,
 * task->error for the expected errno, or -ERR_FAILURE after it has logged why.
 */
int netlink_request(struct nl_sock *socket, struct nl_msg *message,
		    const struct netlink_reader *reader, const struct netlink_task *task);

/* Logs that a task failed with an errno, and more words or "". Returns -ERR_FAILURE. */
int netlink_failed(const struct netlink_task *task, int error, const char *words);

/* Wipes and frees a message that could not be built, or NULL. Returns NULL. */
struct nl_msg *netlink_abort_message(struct nl_msg *message);

#endif
