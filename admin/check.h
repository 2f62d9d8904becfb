/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at all that serving nodes takes, and says what is wrong and what to do. */
#ifndef CHECK_H
#define CHECK_H

/*
 * Prints a line for each thing on stdout. The path is of the configuration, or NULL. Gives up
 * privileges on its way. Changes nothing, but the kernel loads its module of WireGuard if it has
 * not yet. Returns 0, or -ERR_CONFIG if something is wrong.
 */
int check(const char *path);

#endif
