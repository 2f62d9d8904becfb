// SPDX-License-Identifier: GPL-2.0-or-later
/* Changing the lists of keys: an empty file for each. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "admin/lists.h"
#include "error.h"
#include "log.h"

static int complain(const char *path)
{
	log_line(LOG_ERR, "unable to change the list of keys %s: %s", path, strerror(errno));
	return -ERR_CONFIG;
}

/* Makes the file of a key, or removes it. Returns 0 or -1 with errno set. */
static int change_file(int list, const char *name, bool remove)
{
	int ret, fd;

	if (remove) {
		ret = unlinkat(list, name, 0);
		return ret < 0 && errno == ENOENT ? 0 : ret;
	}
	fd = openat(list, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? fd : close(fd);
}

int list_change(const char *setting, const char *path, const uint8_t key[static KEY_LEN],
		bool remove)
{
	char name[KEY_ALTNAME_SIZE];
	int list, ret;

	if (!*path) {
		log_line(LOG_ERR, "there is no such list: set %s, and make that directory",
			 setting);
		return -ERR_CONFIG;
	}
	list = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (list < 0)
		return complain(path);
	key_to_altname(name, "", key);
	ret = change_file(list, name, remove);
	if (ret < 0)
		ret = complain(path);
	close(list);
	return ret;
}
