// SPDX-License-Identifier: GPL-2.0-or-later
/* The protocol of sd_notify(3), without libsystemd: one datagram to a Unix socket. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

enum { TEXT_SIZE = 256 };

static struct sockaddr_un manager;
static socklen_t manager_size; /* 0 if nobody listens */

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const size_t len = path ? strlen(path) : 0;

	if (len > 1 && len < sizeof(manager.sun_path)) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, len);
		/* An abstract name begins with a zero byte, for which "@" stands. */
		if (*path == '@')
			manager.sun_path[0] = '\0';
		manager_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify_send(const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;
	int fd;

	if (!manager_size)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&manager, manager_size);
	close(fd);
}
