// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which keys may have an interface. The file system is the database: a look at one name costs the
 * same in a list of one key and of 100,000, and touch, rm, git and rsync are its tools.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "access.h"
#include "config.h"
#include "error.h"
#include "log.h"

static int complain(const char *path)
{
	log_line(LOG_ERR, "unable to look up keys in %s: %s", path, strerror(errno));
	return -ERR_CONFIG;
}

static int open_list(int *fd, const char *path)
{
	*fd = -1;
	if (!*path)
		return 0;
	*fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? complain(path) : 0;
}

int access_open(struct access *access, const struct config *config)
{
	int allow, deny;

	access->config = config;
	allow = open_list(&access->allow, config->allow_keys);
	deny = open_list(&access->deny, config->deny_keys);
	return allow < 0 ? allow : deny;
}

/* Whether a list has a key; one that is not there has what is said to be so. */
static int has_key(int list, const char *path, const char *name, bool otherwise)
{
	struct stat file;
	int ret;

	if (list < 0)
		return otherwise;
	ret = fstatat(list, name, &file, AT_SYMLINK_NOFOLLOW);
	if (ret == 0)
		return true;
	return errno == ENOENT ? false : complain(path);
}

int access_check(const struct access *access, const uint8_t key[static KEY_LEN])
{
	char name[KEY_ALTNAME_SIZE];
	int denied, allowed;

	key_to_altname(name, "", key);
	denied = has_key(access->deny, access->config->deny_keys, name, false);
	if (denied < 0)
		return denied;
	allowed = has_key(access->allow, access->config->allow_keys, name, true);
	if (allowed < 0)
		return allowed;
	return allowed && !denied ? 0 : -ERR_DENIED;
}
