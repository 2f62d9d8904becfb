/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's own program, which may turn a key down. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>

#include "key.h"

/*
 * Runs a program with the key and the node's address in its environment, PUBKEY in base64 and
 * REMOTE_ADDR, and nothing else of ours: no descriptor, no capability. It has two seconds; then it
 * is killed, and with it what it has started. An empty path permits every key. Returns 0 if it
 * exits with 0; -ERR_DENIED if with 1; else -ERR_FAILURE after it has logged why.
 */
int check_key(const char *program, const uint8_t key[static KEY_LEN], const char *address);

#endif
