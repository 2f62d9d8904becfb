// SPDX-License-Identifier: GPL-2.0-or-later
/* What every supervisor's sandbox repeats, and what there is where the supervisor has none. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/landlock.h>

#include "error.h"
#include "log.h"
#include "privileges.h"

/*
 * A Landlock ruleset that handles every right to files, and grants none. The header of the build
 * may be older than the kernel, so the rights are counted: landlock(7) lists them by the version of
 * its interface. Returns -1 with errno set.
 */
#ifndef UNCONFINED
static int close_files(void)
{
	static const unsigned int rights[] = { 0, 13, 14, 15, 15, 16 };
	const long latest = sizeof(rights) / sizeof(rights[0]) - 1;
	struct landlock_ruleset_attr rules = { 0 };
	long version;
	int fd, ret, error;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	/* The kernel has no Landlock, or a sandbox that is in force does not let us have it. */
	if (version < 1)
		return 0;
	rules.handled_access_fs = (UINT64_C(1) << rights[version < latest ? version : latest]) - 1;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
	if (fd < 0)
		return -1;
	ret = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}
#else
/* For tests alone: sanitizers and valgrind open files until the end. */
static int close_files(void)
{
	return 0;
}
#endif

/* Leaves CAP_NET_ADMIN, if it is there. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	int ret;

	ret = (int)syscall(SYS_capget, &header, sets);
	if (ret < 0)
		return ret;
	/* As all supervisors but a plain root shell start us. */
	if (!(sets[0].permitted & ~(1U << CAP_NET_ADMIN)) && !sets[1].permitted)
		return 0;
	sets[0].permitted &= 1U << CAP_NET_ADMIN;
	sets[0].effective = sets[0].permitted;
	sets[0].inheritable &= sets[0].permitted;
	memset(&sets[1], 0, sizeof(sets[1]));
	return (int)syscall(SYS_capset, &header, sets);
}

static int report(int ret)
{
	if (ret == 0)
		return 0;
	log_line(LOG_ERR, "unable to give up privileges: %s", strerror(errno));
	return -ERR_FAILURE;
}

int privileges_drop(void)
{
	int ret;

	ret = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return report(ret == 0 ? drop_capabilities() : ret);
}

int privileges_close_files(void)
{
	return report(close_files());
}
