// SPDX-License-Identifier: GPL-2.0-or-later
/* RFC 7693, with its names. */
#include <string.h>

#include "blake2s.h"

enum { ROUNDS = 10, WORDS = BLAKE2S_BLOCK / 4 };

static const uint32_t iv[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t sigma[ROUNDS][WORDS] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint32_t rotate(uint32_t word, unsigned int bits)
{
	return word >> bits | word << (32 - bits);
}

static void mix(uint32_t v[static 16], const uint8_t at[static 4], uint32_t x, uint32_t y)
{
	uint32_t *a = &v[at[0]], *b = &v[at[1]], *c = &v[at[2]], *d = &v[at[3]];

	*a += *b + x;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b + y;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

static void compress(uint32_t h[static 8], const uint8_t block[static BLAKE2S_BLOCK], size_t count,
		     int last)
{
	/* The columns, and then the diagonals. */
	static const uint8_t places[8][4] = {
		{ 0, 4, 8, 12 },  { 1, 5, 9, 13 },  { 2, 6, 10, 14 }, { 3, 7, 11, 15 },
		{ 0, 5, 10, 15 }, { 1, 6, 11, 12 }, { 2, 7, 8, 13 },  { 3, 4, 9, 14 },
	};
	uint32_t v[16], m[WORDS];

	for (int i = 0; i < WORDS; i++)
		m[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
		       (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
	memcpy(v, h, 8 * sizeof(*h));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= (uint32_t)count;
	if (last)
		v[14] = ~v[14];
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 8; i++)
			mix(v, places[i], m[sigma[round][2 * i]], m[sigma[round][2 * i + 1]]);
	for (int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
	explicit_bzero(v, sizeof(v));
	explicit_bzero(m, sizeof(m));
}

void blake2s_tag(uint8_t tag[static BLAKE2S_TAG], const uint8_t key[static KEY_LEN],
		 const void *data, size_t len)
{
	uint8_t block[BLAKE2S_BLOCK] = { 0 };
	uint32_t h[8];

	memcpy(h, iv, sizeof(h));
	h[0] ^= 0x01010000 | KEY_LEN << 8 | BLAKE2S_TAG;
	memcpy(block, key, KEY_LEN);
	compress(h, block, sizeof(block), 0);
	explicit_bzero(block, sizeof(block));
	memcpy(block, data, len);
	compress(h, block, sizeof(block) + len, 1);
	for (int i = 0; i < BLAKE2S_TAG; i++)
		tag[i] = (uint8_t)(h[i / 4] >> 8 * (i % 4));
	explicit_bzero(h, sizeof(h));
}
