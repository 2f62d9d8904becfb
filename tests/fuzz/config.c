// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: whatever the file holds, what is taken of it is within its limits. */
#include <stdio.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("config", MFD_CLOEXEC);
	struct config config;
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	ret = config_read(&config, path);
	if (ret == 0 && (config.slots < 1 || config.slots > config.max_peers || config.mtu < 1280 ||
			 config.start_port + config.slots - 1 > config.end_port ||
			 strlen(config.prefix) > IFNAMSIZ - 6 || config.private_key[0] != '/'))
		abort();
	free(config.private_key);
	free(config.babel);
	free(config.babel_options);
	free(config.l3roamd);
	free(config.mmfd);
	free(config.prefix);
	free(config.allow_keys);
	free(config.deny_keys);
	close(fd);
	return 0;
}
