// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a private key to its public key: X25519 of RFC 7748 with the base point 9. A node sends its
 * public key before it has an interface, so it cannot ask the kernel for it.
 *
 * After TweetNaCl (public domain): small rather than fast, since a run needs it once. Neither its
 * time nor its memory accesses depend on the private key, which it never prints and always wipes.
 */
#include <string.h>

#include "node/curve.h"

enum { LIMBS = 16 };

/* A number modulo 2^255 - 19: limbs of 16 bits, which may be out of range until carry(). */
struct field {
	int64_t limb[LIMBS];
};

/* The state of the ladder: two points as X/Z, (a : c) and (b : d), and two temporaries. */
struct ladder {
	struct field a, b, c, d, e, f;
};

static const struct field base = { { 9 } };
static const struct field a24 = { { 121665 & 0xffff, 121665 >> 16 } };

/* Brings the limbs back to 16 bits. 2^256 is 38, so the carry of the last goes to the first. */
static void carry(struct field *x)
{
	for (int i = 0; i < LIMBS; i++) {
		const int64_t over = x->limb[i] >> 16;

		x->limb[i] -= over * 65536;
		if (i < LIMBS - 1)
			x->limb[i + 1] += over;
		else
			x->limb[0] += 38 * over;
	}
}

static void add(struct field *out, const struct field *x, const struct field *y)
{
	for (int i = 0; i < LIMBS; i++)
		out->limb[i] = x->limb[i] + y->limb[i];
}

static void subtract(struct field *out, const struct field *x, const struct field *y)
{
	for (int i = 0; i < LIMBS; i++)
		out->limb[i] = x->limb[i] - y->limb[i];
}

static void multiply(struct field *out, const struct field *x, const struct field *y)
{
	int64_t product[2 * LIMBS] = { 0 };

	for (int i = 0; i < LIMBS; i++)
		for (int j = 0; j < LIMBS; j++)
			product[i + j] += x->limb[i] * y->limb[j];
	for (int i = 0; i < LIMBS; i++)
		out->limb[i] = product[i] + 38 * product[i + LIMBS];
	carry(out);
	carry(out);
	explicit_bzero(product, sizeof(product));
}

/* Swaps the two if the bit is 1, without a branch. */
static void swap(struct field *x, struct field *y, int64_t bit)
{
	for (int i = 0; i < LIMBS; i++) {
		const int64_t difference = -bit & (x->limb[i] ^ y->limb[i]);

		x->limb[i] ^= difference;
		y->limb[i] ^= difference;
	}
}

/* 1/x, which is x^(2^255 - 21) by Fermat. Only the bits 2 and 4 of that exponent are zero. */
static void invert(struct field *out, const struct field *x)
{
	struct field power = *x;

	for (int bit = 253; bit >= 0; bit--) {
		multiply(&power, &power, &power);
		if (bit != 2 && bit != 4)
			multiply(&power, &power, x);
	}
	*out = power;
	explicit_bzero(&power, sizeof(power));
}

/* Reduces x to less than the modulus, by at most two subtractions, and writes its bytes. */
static void pack(uint8_t bytes[static KEY_LEN], struct field *x)
{
	struct field less;

	for (int i = 0; i < 3; i++)
		carry(x);
	for (int i = 0; i < 2; i++) {
		less.limb[0] = x->limb[0] - 0xffed;
		for (int j = 1; j < LIMBS; j++) {
			less.limb[j] = x->limb[j] - (j < LIMBS - 1 ? 0xffff : 0x7fff) -
				       (less.limb[j - 1] >> 16 & 1);
			less.limb[j - 1] &= 0xffff;
		}
		swap(x, &less, 1 - (less.limb[LIMBS - 1] >> 16 & 1));
	}
	for (size_t i = 0; i < LIMBS; i++) {
		bytes[2 * i] = (uint8_t)x->limb[i];
		bytes[2 * i + 1] = (uint8_t)(x->limb[i] >> 8);
	}
	explicit_bzero(&less, sizeof(less));
}

/* One step of the Montgomery ladder: (a : c) is doubled, (b : d) becomes the sum of both. */
static void step(struct ladder *l)
{
	add(&l->e, &l->a, &l->c);
	subtract(&l->a, &l->a, &l->c);
	add(&l->c, &l->b, &l->d);
	subtract(&l->b, &l->b, &l->d);
	multiply(&l->d, &l->e, &l->e);
	multiply(&l->f, &l->a, &l->a);
	multiply(&l->a, &l->c, &l->a);
	multiply(&l->c, &l->b, &l->e);
	add(&l->e, &l->a, &l->c);
	subtract(&l->a, &l->a, &l->c);
	multiply(&l->b, &l->a, &l->a);
	subtract(&l->c, &l->d, &l->f);
	multiply(&l->a, &l->c, &a24);
	add(&l->a, &l->a, &l->d);
	multiply(&l->c, &l->c, &l->a);
	multiply(&l->a, &l->d, &l->f);
	multiply(&l->d, &l->b, &base);
	multiply(&l->b, &l->e, &l->e);
}

void curve_clamp(uint8_t private_key[static KEY_LEN])
{
	private_key[0] &= 248;
	private_key[KEY_LEN - 1] = (uint8_t)((private_key[KEY_LEN - 1] & 127) | 64);
}

void curve_public_key(uint8_t public_key[static KEY_LEN], const uint8_t private_key[static KEY_LEN])
{
	struct ladder l = { .a = { { 1 } }, .b = base, .d = { { 1 } } };
	uint8_t scalar[KEY_LEN];

	memcpy(scalar, private_key, KEY_LEN);
	curve_clamp(scalar);
	for (int i = 254; i >= 0; i--) {
		const int64_t bit = scalar[i / 8] >> (i % 8) & 1;

		swap(&l.a, &l.b, bit);
		swap(&l.c, &l.d, bit);
		step(&l);
		swap(&l.a, &l.b, bit);
		swap(&l.c, &l.d, bit);
	}
	invert(&l.c, &l.c);
	multiply(&l.a, &l.a, &l.c);
	pack(public_key, &l.a);
	explicit_bzero(scalar, sizeof(scalar));
	explicit_bzero(&l, sizeof(l));
}
