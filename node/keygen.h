/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a node's private key. */
#ifndef KEYGEN_H
#define KEYGEN_H

/*
 * Makes a private key in a file of mode 0600, and the file's folder if it is missing. Keeps a file
 * that exists, whatever is in it. A process that dies on the way leaves no half-written key, and of
 * several at once one makes the key. Returns 0, or -ERR_CONFIG after it has logged why.
 */
int keygen(const char *path);

#endif
