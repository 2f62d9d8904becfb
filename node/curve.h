/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Curve25519: the public key of a private key. */
#ifndef CURVE_H
#define CURVE_H

#include <stdint.h>

#include "key.h"

/* Sets and clears the bits that are the same in every private key. */
void curve_clamp(uint8_t private_key[static KEY_LEN]);

/* Computes the public key of a private key, which need not be clamped. */
void curve_public_key(uint8_t public_key[static KEY_LEN],
		      const uint8_t private_key[static KEY_LEN]);

#endif
