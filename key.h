/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard keys, and how they are written. */
#ifndef KEY_H
#define KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEY_LEN = 32,	     /* bytes of a Curve25519 key */
	KEY_TEXT_LEN = 44,   /* characters of its base64 */
	KEY_TEXT_SIZE = 45,  /* the same with the final NUL */
	KEY_PREFIX_LEN = 10, /* at most, of IFPREFIX in front of a key in an altname */
	KEY_ALTNAME_SIZE = KEY_PREFIX_LEN + KEY_TEXT_SIZE,
};

/* Decodes len characters of canonical base64 (RFC 4648, section 4). Returns 0 or -ERR_KEY. */
int key_from_text(uint8_t key[static KEY_LEN], const char *text, size_t len);

/* Writes the key as base64. */
void key_to_text(char text[static KEY_TEXT_SIZE], const uint8_t key[static KEY_LEN]);

/*
 * Writes a prefix, which may be empty, and the key as base64url, which may stand in an interface's
 * altname and in a file's name.
 */
void key_to_altname(char altname[static KEY_ALTNAME_SIZE], const char *prefix,
		    const uint8_t key[static KEY_LEN]);

/* Decodes an altname, whatever its prefix. Returns 0, or -ERR_KEY for any other text. */
int key_from_altname(uint8_t key[static KEY_LEN], const char *altname);

/* Whether all the bytes are zero, in constant time. */
bool key_is_zero(const uint8_t key[static KEY_LEN]);

/* Opens the file of a private key. Returns a descriptor, or -ERR_CONFIG after it has logged why. */
int key_open(const char *path);

/*
 * Reads a private key as `wg genkey` writes it, from a descriptor, where the path is for the log,
 * or from a file. The caller wipes the key after use. Refuses a file that others can read, or that
 * belongs to neither root nor this user. Returns 0, or -ERR_CONFIG after it has logged why.
 */
int key_read_open(uint8_t key[static KEY_LEN], int fd, const char *path);
int key_read(uint8_t key[static KEY_LEN], const char *path);

#endif
