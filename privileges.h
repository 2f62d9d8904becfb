/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives up the rights that serving a request does not take. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/*
 * From here on this process and its children can gain no rights, and have no capability but
 * CAP_NET_ADMIN, if they had that. Logs what failed. Returns 0 or -ERR_FAILURE.
 */
int privileges_drop(void);

/*
 * After that: where the kernel has Landlock, they can open, make, change and run no file.
 * Descriptors that are open stay, and Unix sockets can be connected to. Logs what failed. Returns 0
 * or -ERR_FAILURE.
 */
int privileges_close_files(void);

#endif
