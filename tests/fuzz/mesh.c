// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What routing daemons answer: whatever that is, no count of interfaces runs over, and they have no
 * more of them down than they know. All their connections get the same answer.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"
#include "mesh.h"
#include "stream.h"

static struct {
	const uint8_t *data;
	size_t size;
	int fd; /* the daemon's end */
} input = { .fd = -1 };

int stream_connect(const struct sockaddr *address, socklen_t size, int64_t deadline)
{
	int ends[2];

	(void)address;
	(void)size;
	(void)deadline;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		abort();
	if (input.fd >= 0)
		close(input.fd);
	input.fd = ends[1];
	if (send(input.fd, input.data, input.size, 0) != (ssize_t)input.size)
		abort();
	shutdown(input.fd, SHUT_WR);
	return ends[0];
}

bool stream_wait(int fd, short event, int64_t deadline)
{
	(void)fd;
	(void)event;
	(void)deadline;
	return true;
}

static bool is_gone(void *argument, unsigned int slot)
{
	(void)argument;
	return slot % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[] = "1", off[] = "", prefix[] = "wgpeer";
	struct config config = {
		.babel = off, .babel_options = off, .l3roamd = off, .mmfd = off, .prefix = prefix
	};
	static struct mesh_sync sync;
	struct mesh_state state = { 0 };
	char **const daemons[] = { &config.babel, &config.l3roamd, &config.mmfd };
	unsigned int number;

	if (size < 1)
		return 0;
	/* The first byte says which daemon it is. */
	number = data[0] % 3;
	*daemons[number] = one;
	input.data = data + 1;
	input.size = size - 1;
	sync = (struct mesh_sync){ .gone = is_gone };
	sync.wanted[1] = sync.wanted[2] = sync.wanted[200] = true;
	(void)mesh_sync(&config, &sync);
	if (sync.told >= SLOT_END)
		abort();
	if (!mesh_get_state(&config, number, &state) || state.known >= SLOT_END ||
	    state.down > state.known)
		abort();
	return 0;
}
