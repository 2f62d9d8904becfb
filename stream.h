/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stream sockets on which nothing takes longer than a deadline: a time of clock_ms(). */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Connects. Returns a descriptor that does not block, which the caller closes, or -1 with errno
 * set: ETIMEDOUT at the deadline.
 */
int stream_connect(const struct sockaddr *address, socklen_t size, int64_t deadline);

/* The same, by the routes for packets of this firewall mark. None, which is 0, needs no rights. */
int stream_connect_marked(const struct sockaddr *address, socklen_t size, uint32_t mark,
			  int64_t deadline);

/*
 * Waits for an event of poll(2), POLLIN or POLLOUT, or the end of the connection. Returns whether
 * it came before the deadline.
 */
bool stream_wait(int fd, short event, int64_t deadline);

#endif
