// SPDX-License-Identifier: GPL-2.0-or-later
/* WireGuard keys: base64 and the private key's file. Never prints or logs a key. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "broker.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character, or -1. Computed, so that neither branches nor the cache tell of it. */
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

/* Takes 43 characters and one '='; the two bits that are over must be zero. */
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

void key_to_altname(char text[static KEY_TEXT_SIZE], const uint8_t key[static KEY_LEN])
{
	encode(base64url, text, key);
}

int key_from_altname(uint8_t key[static KEY_LEN], const char *text)
{
	return decode(base64url, key, text, strlen(text));
}

bool key_is_zero(const uint8_t key[static KEY_LEN])
{
	uint8_t sum = 0;

	for (int i = 0; i < KEY_LEN; i++)
		sum |= key[i];
	return sum == 0;
}

/*
 * Others must not read the key. The file's group may where it is root's or the process's own:
 * so are the files that systemd's LoadCredential= makes, and those of root:wg-broker 0640.
 */
static bool only_ours(const struct stat *file)
{
	mode_t forbidden = S_IWGRP | S_IRWXO;

	if (file->st_gid != 0 && file->st_gid != getegid())
		forbidden |= S_IRGRP;
	return !(file->st_mode & forbidden);
}

int key_read(uint8_t key[static KEY_LEN], const char *path)
{
	char text[KEY_TEXT_LEN + 3];
	const char *reason = NULL;
	struct stat file;
	ssize_t len = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &file) < 0) {
		reason = strerror(errno);
	} else if (!S_ISREG(file.st_mode)) {
		reason = "it is not a regular file";
	} else if (!only_ours(&file)) {
		reason = "others can read or write it; chmod it to 0400";
	} else {
		len = read(fd, text, sizeof(text));
		/*
		 * `wg genkey` ends the line; an editor on another system may end it with CR LF. A
		 * full buffer holds more than that, and perhaps not all.
		 */
		while (len < (ssize_t)sizeof(text) && len > KEY_TEXT_LEN &&
		       (text[len - 1] == '\n' || text[len - 1] == '\r'))
			len--;
		if (len < 0 || key_from_text(key, text, (size_t)len) < 0 || key_is_zero(key))
			reason = "it holds no private key; make one with `wg genkey`";
	}
	explicit_bzero(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (!reason)
		return 0;
	explicit_bzero(key, KEY_LEN);
	log_line(LOG_ERR, "unable to read the private key %s: %s", path, reason);
	return -ERR_CONFIG;
}

/* Writes a new private key to a file that is not there yet, or is half-written. */
static int write_new(int folder, const char *name)
{
	uint8_t key[KEY_LEN];
	char text[KEY_TEXT_SIZE];
	int fd, ret = -1;

	fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	/* Whatever was there may have had another mode. */
	if (fchmod(fd, 0600) == 0 && getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key)) {
		curve_clamp(key);
		key_to_text(text, key);
		text[KEY_TEXT_LEN] = '\n';
		if (write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0)
			ret = 0;
	}
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return close(fd) < 0 ? -1 : ret;
}

/* Makes the key in its folder, one process at a time; the lock ends when the folder is closed. */
static int make_in(int folder, const char *name)
{
	char temporary[NAME_MAX + 1];
	struct stat file;

	if (flock(folder, LOCK_EX) < 0)
		return -1;
	if (fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	if (snprintf(temporary, sizeof(temporary), "%s.new", name) >= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (write_new(folder, temporary) < 0 || renameat(folder, temporary, folder, name) < 0)
		return -1;
	return fsync(folder);
}

int key_make(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[PATH_MAX] = ".";
	int fd, ret = -1;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
		log_line(LOG_ERR, "unable to make the folder %s: %s", folder, strerror(errno));
		return -ERR_CONFIG;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		ret = make_in(fd, name);
	if (ret < 0)
		log_line(LOG_ERR, "unable to make the private key %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret < 0 ? -ERR_CONFIG : 0;
}
