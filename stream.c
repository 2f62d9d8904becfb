// SPDX-License-Identifier: GPL-2.0-or-later
/* Connects and waits, never beyond a deadline. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "stream.h"

bool stream_wait(int fd, short event, int64_t deadline)
{
	struct pollfd file = { .fd = fd, .events = event };
	int64_t left;
	int count;

	for (;;) {
		left = deadline - clock_ms();
		if (left <= 0)
			return false;
		count = poll(&file, 1, (int)left);
		if (count > 0)
			return true;
	}
}

/* Waits for a connection that is on its way. Returns 0 or an errno. */
static int finish_connect(int fd, int64_t deadline)
{
	int error = 0, ret;
	socklen_t size = sizeof(error);

	if (!stream_wait(fd, POLLOUT, deadline))
		return ETIMEDOUT;
	ret = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return ret < 0 ? errno : error;
}

int stream_connect_marked(const struct sockaddr *address, socklen_t size, uint32_t mark,
			  int64_t deadline)
{
	const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0, error = 0;

	if (fd < 0)
		return -1;
	if (mark)
		ret = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (ret == 0)
		ret = connect(fd, address, size);
	if (ret < 0)
		error = errno;
	if (error == EINPROGRESS)
		error = finish_connect(fd, deadline);
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

int stream_connect(const struct sockaddr *address, socklen_t size, int64_t deadline)
{
	return stream_connect_marked(address, size, 0, deadline);
}
