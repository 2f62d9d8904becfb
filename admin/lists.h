/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing the lists of keys of access.h. */
#ifndef LISTS_H
#define LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "key.h"

/*
 * Puts a key on a list, a directory, or takes it off. The setting is the name of the one that the
 * list's path is the value of, for the log. Returns 0, also if there is nothing to change, or
 * -ERR_CONFIG after it has logged why.
 */
int list_change(const char *setting, const char *path, const uint8_t key[static KEY_LEN],
		bool remove);

#endif
