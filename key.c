// SPDX-License-Identifier: GPL-2.0-or-later
/* WireGuard keys: base64 and the private key's file. Never prints or logs a key. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "error.h"
#include "key.h"
#include "log.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character, or -1. Without branches and tables, which would leak it by timing. */
static int value_of(const char *alphabet, char c)
{
	return (c >= 'A' && c <= 'Z') * (c - 'A' + 1) + (c >= 'a' && c <= 'z') * (c - 'a' + 27) +
	       (c >= '0' && c <= '9') * (c - '0' + 53) + (c == alphabet[62]) * 63 +
	       (c == alphabet[63]) * 64 - 1;
}

static void encode(const char *alphabet, char text[static KEY_TEXT_SIZE],
		   const uint8_t key[static KEY_LEN])
{
	uint32_t bits = 0;
	int held = 0;

	for (int i = 0; i < KEY_LEN; i++) {
		bits = bits << 8 | key[i];
		for (held += 8; held >= 6; held -= 6)
			*text++ = alphabet[bits >> (held - 6) & 63];
	}
	*text++ = alphabet[bits << (6 - held) & 63];
	*text++ = '=';
	*text = '\0';
}

/* 43 characters and one '=' hold two bits more than a key; these must be zero. */
static int decode(const char *alphabet, uint8_t key[static KEY_LEN], const char *text, size_t len)
{
	uint32_t bits = 0;
	int held = 0, bad = 0;

	if (len != KEY_TEXT_LEN || text[KEY_TEXT_LEN - 1] != '=')
		return -ERR_KEY;
	for (int i = 0; i < KEY_TEXT_LEN - 1; i++) {
		int value = value_of(alphabet, text[i]);

		bad |= value < 0;
		bits = bits << 6 | (value & 63);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*key++ = (uint8_t)(bits >> held);
		}
	}
	return bad || (bits & 3) ? -ERR_KEY : 0;
}

int key_from_text(uint8_t key[static KEY_LEN], const char *text, size_t len)
{
	return decode(base64, key, text, len);
}

void key_to_text(char text[static KEY_TEXT_SIZE], const uint8_t key[static KEY_LEN])
{
	encode(base64, text, key);
}

void key_to_altname(char altname[static KEY_ALTNAME_SIZE], const char *prefix,
		    const uint8_t key[static KEY_LEN])
{
	const size_t len = strnlen(prefix, KEY_PREFIX_LEN);

	memcpy(altname, prefix, len);
	encode(base64url, altname + len, key);
}

int key_from_altname(uint8_t key[static KEY_LEN], const char *altname)
{
	const size_t len = strlen(altname);

	if (len < KEY_TEXT_LEN || len > KEY_PREFIX_LEN + KEY_TEXT_LEN)
		return -ERR_KEY;
	return decode(base64url, key, altname + len - KEY_TEXT_LEN, KEY_TEXT_LEN);
}

bool key_is_zero(const uint8_t key[static KEY_LEN])
{
	uint8_t sum = 0;

	for (int i = 0; i < KEY_LEN; i++)
		sum |= key[i];
	return sum == 0;
}

/*
 * Others must not read the key. The file's group may, if it is root's or the process's own: such
 * are the files of systemd's LoadCredential=, and those of root:wg-broker with mode 0640.
 */
static bool is_private(const struct stat *file)
{
	mode_t forbidden = S_IWGRP | S_IRWXO;

	if (file->st_gid != 0 && file->st_gid != getegid())
		forbidden |= S_IRGRP;
	return !(file->st_mode & forbidden);
}

/* Whoever owns the file can change its mode and content at any time. */
static bool is_trusted(const struct stat *file)
{
	return file->st_uid == 0 || file->st_uid == geteuid();
}

/* Decodes the content of a key file. `wg genkey` ends the line with LF, some editors with CR LF. */
static int key_from_content(uint8_t key[static KEY_LEN], const char *content, size_t len)
{
	int ret;

	while (len > KEY_TEXT_LEN && (content[len - 1] == '\n' || content[len - 1] == '\r'))
		len--;
	ret = key_from_text(key, content, len);
	return ret == 0 && key_is_zero(key) ? -ERR_KEY : ret;
}

/* Reads the key from an open file. Returns NULL, or why it cannot. */
static const char *read_content(uint8_t key[static KEY_LEN], int fd)
{
	/* The key, CR LF, and one more byte by which a longer file is noticed. */
	char content[KEY_TEXT_LEN + 3];
	struct stat file;
	ssize_t len;
	int ret;

	ret = fstat(fd, &file);
	if (ret < 0)
		return strerror(errno);
	if (!S_ISREG(file.st_mode))
		return "it is not a regular file";
	if (!is_trusted(&file))
		return "it belongs to another user; chown it to root or to the one that this runs as";
	if (!is_private(&file))
		return "others can read or write it; chmod it to 0400";
	len = pread(fd, content, sizeof(content), 0);
	if (len < 0)
		return strerror(errno);
	ret = (size_t)len < sizeof(content) ? key_from_content(key, content, (size_t)len) :
					      -ERR_KEY;
	explicit_bzero(content, sizeof(content));
	return ret < 0 ? "it holds no private key; make one with `wg genkey`" : NULL;
}

/* Logs why a file cannot be used. Returns -ERR_CONFIG. */
static int refuse(const char *path, const char *reason)
{
	log_line(LOG_ERR, "unable to read the private key %s: %s", path, reason);
	return -ERR_CONFIG;
}

int key_open(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	return refuse(path,
		      errno == EACCES ?
			      "Permission denied; run it as root or as the owner of that file" :
			      strerror(errno));
}

int key_read_open(uint8_t key[static KEY_LEN], int fd, const char *path)
{
	const char *reason = read_content(key, fd);

	if (!reason)
		return 0;
	explicit_bzero(key, KEY_LEN);
	return refuse(path, reason);
}

int key_read(uint8_t key[static KEY_LEN], const char *path)
{
	const int fd = key_open(path);
	int ret;

	if (fd < 0) {
		explicit_bzero(key, KEY_LEN);
		return fd;
	}
	ret = key_read_open(key, fd, path);
	close(fd);
	return ret;
}
