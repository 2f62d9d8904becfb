// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes a private key and writes it to its file, in one step as others see it: to a temporary file,
 * which is then renamed. Never replaces a key, and never prints or logs one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "key.h"
#include "log.h"
#include "node/curve.h"
#include "node/keygen.h"

/* Makes a key as a line of text, which the caller wipes. Returns 0, or -1 with errno set. */
static int make_line(char line[static KEY_TEXT_SIZE])
{
	uint8_t key[KEY_LEN];
	ssize_t len;

	/* So few bytes never come in parts. */
	len = getrandom(key, sizeof(key), 0);
	if (len < 0)
		return -1;
	curve_clamp(key);
	key_to_text(line, key);
	line[KEY_TEXT_LEN] = '\n';
	explicit_bzero(key, sizeof(key));
	return 0;
}

/* Writes the line and waits for the disk. Returns 0, or -1 with errno set. */
static int write_line(int fd, const char line[static KEY_TEXT_SIZE])
{
	ssize_t len;
	int ret;

	/* The file may be left over from another run, with another mode. */
	ret = fchmod(fd, 0600);
	if (ret < 0)
		return -1;
	len = write(fd, line, KEY_TEXT_SIZE);
	if (len < 0)
		return -1;
	if (len < KEY_TEXT_SIZE) {
		errno = ENOSPC;
		return -1;
	}
	return fsync(fd);
}

/* Writes a new key to a file, over what is left from a run that died. */
static int write_file(int folder, const char *name)
{
	char line[KEY_TEXT_SIZE];
	int fd, ret, closed;

	fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	ret = make_line(line);
	if (ret == 0)
		ret = write_line(fd, line);
	explicit_bzero(line, sizeof(line));
	closed = close(fd);
	return ret < 0 ? ret : closed;
}

/* Whether there is such a file. Returns 0, or -1 with errno set. */
static int find_file(int folder, const char *name)
{
	struct stat file;

	return fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW);
}

/* Makes the file unless there is one. Returns 0, or -1 with errno set. */
static int make_file(int folder, const char *name)
{
	char temporary[NAME_MAX + 1];
	int ret;

	/* First without the lock: whoever can read the folder can hold it. */
	ret = find_file(folder, name);
	if (ret == 0 || errno != ENOENT)
		return ret;
	/* Of several processes one makes the key. Closing the folder ends the lock. */
	ret = flock(folder, LOCK_EX);
	if (ret < 0)
		return -1;
	ret = find_file(folder, name);
	if (ret == 0 || errno != ENOENT)
		return ret;
	ret = snprintf(temporary, sizeof(temporary), "%s.new", name);
	if (ret >= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	ret = write_file(folder, temporary);
	if (ret == 0)
		ret = renameat(folder, temporary, folder, name);
	return ret == 0 ? fsync(folder) : ret;
}

/* Opens a folder, and makes it first if it is missing. Returns -1 after it has logged why. */
static int open_folder(const char *folder)
{
	int fd, ret;

	ret = mkdir(folder, 0755);
	if (ret < 0 && errno != EEXIST) {
		log_line(LOG_ERR, "unable to make the folder %s: %s", folder, strerror(errno));
		return -1;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		log_line(LOG_ERR, "unable to open the folder %s: %s", folder, strerror(errno));
	return fd;
}

int keygen(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[PATH_MAX] = ".";
	int fd, ret;

	if (!*name || strlen(path) >= sizeof(folder)) {
		log_line(LOG_ERR, "unable to make the private key %s: %s", path,
			 strerror(*name ? ENAMETOOLONG : EISDIR));
		return -ERR_CONFIG;
	}
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
	fd = open_folder(folder);
	if (fd < 0)
		return -ERR_CONFIG;
	ret = make_file(fd, name);
	if (ret < 0)
		log_line(LOG_ERR, "unable to make the private key %s: %s", path, strerror(errno));
	close(fd);
	return ret < 0 ? -ERR_CONFIG : 0;
}
