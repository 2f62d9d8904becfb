/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket that nodes connect to. It is stdin, whoever has opened it. */
#ifndef LISTENER_H
#define LISTENER_H

/* Makes the supervisor's ready for use. Logs why it cannot. Returns 0, or what to exit with. */
int listener_take(void);

/*
 * Opens one of our own at a TCP port, for IPv6 and IPv4. Logs why it cannot. Returns 0, or what to
 * exit with.
 */
int listener_open(unsigned int port);

#endif
