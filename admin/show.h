/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling all about single peers. */
#ifndef SHOW_H
#define SHOW_H

#include <stdint.h>

#include "key.h"

struct access;
struct wgif_kernel;

/*
 * Prints what is known of each of these keys, one fact a line, on stdout. key_file is the private
 * key's, of key_open(), and the lock. Returns 0 or a negative error that is logged; a key that has
 * no interface is one, and does not spare the others.
 */
int show(struct wgif_kernel *kernel, const struct access *access, int key_file,
	 const uint8_t (*keys)[KEY_LEN], int count);

#endif
