/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service tells systemd. */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Takes systemd's socket out of the environment, so that children do not speak for the service. */
void notify_open(void);

/*
 * Sends assignments as in sd_notify(3), such as "READY=1". Does nothing where nobody listens, and
 * never waits: words that systemd has no room for are lost.
 */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
