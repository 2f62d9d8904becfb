// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: whatever the file holds, what is taken of it is within its limits. */
#include <stdbool.h>
#include <stdio.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"

static bool within_limits(const struct config *config)
{
	/* A limit of 0 is that of a gateway out of service: it has no slots, and no last port. */
	return !config->slots == !config->max_peers && config->slots <= config->max_peers &&
	       config->start_port + config->slots <= config->end_port + 1 && config->mtu >= 1280 &&
	       strlen(config->prefix) <= IFNAMSIZ - 6 && (config->ipv4 || config->ipv6) &&
	       config->private_key[0] == '/';
}

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
	if (ret == 0 && !within_limits(&config))
		abort();
	free(config.private_key);
	free(config.babel);
	free(config.babel_options);
	free(config.l3roamd);
	free(config.mmfd);
	free(config.prefix);
	free(config.allow_keys);
	free(config.deny_keys);
	free(config.check);
	close(fd);
	return 0;
}
