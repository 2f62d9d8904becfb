/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Showing the interfaces and their peers. */
#ifndef STATUS_H
#define STATUS_H

struct config;
struct wgif_kernel;

enum status_form { STATUS_TABLE, STATUS_JSON, STATUS_PROMETHEUS };

/*
 * Prints what there is on stdout. The label broker, which may be NULL, is for Prometheus, and of
 * characters that need no escape. Returns 0 or a negative error that is logged.
 */
int status(struct wgif_kernel *kernel, const struct config *config, enum status_form form,
	   const char *broker);

#endif
