// SPDX-License-Identifier: GPL-2.0-or-later
/* The listening socket: the supervisor's, or our own where the supervisor has none to hand over. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept/listener.h"
#include "error.h"
#include "log.h"

enum { BACKLOG = 4096 }; /* all the nodes may come at once */

int listener_take(void)
{
	int is_listening = 0;
	socklen_t size = sizeof(is_listening);
	const int ret = getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size);

	if (ret == 0 && is_listening &&
	    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK) == 0)
		return 0;
	log_line(LOG_ERR, "stdin is no listening socket: systemd makes it one with "
			  "StandardInput=socket and Accept=no; -l opens one");
	return EXIT_USAGE;
}

/* Returns 0 or -1, with errno. */
static int listen_at(int fd, unsigned int port)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					      .sin6_port = htons((uint16_t)port) };
	const int yes = 1, no = 0;

	/* Connections that are not over yet do not keep us from the port. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int listener_open(unsigned int port)
{
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || listen_at(fd, port) < 0 || dup2(fd, STDIN_FILENO) < 0) {
		log_line(LOG_ERR, "unable to listen at TCP port %u: %s", port, strerror(errno));
		return EXIT_FAILED;
	}
	/* What is left of fd goes with all other descriptors, in handlers_open(). */
	return 0;
}
