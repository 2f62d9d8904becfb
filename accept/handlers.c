// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts handlers as fresh processes: three descriptors, no signal blocked or ignored. Allocates
 * nothing on the way, so a table that is searched from end to end must do.
 *
 * It is the child that accepts the connection that it will handle. So there is no moment at which
 * the parent has it alone, and a parent that is killed takes no connection along.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accept/handlers.h"
#include "accept/report.h"

#define REMOTE_ADDR "REMOTE_ADDR="

enum { STACK_SIZE = 65536 };

static struct handler {
	pid_t pid;
	struct in6_addr source;
} handlers[HANDLERS_MAX];
static unsigned int count;

static char **command;
static unsigned int max_per_source;
static bool is_stderr_too;
/* Is part of the environment, and so changes there. */
static char remote_addr[sizeof(REMOTE_ADDR) + INET6_ADDRSTRLEN] = REMOTE_ADDR;

static struct start start;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

void handlers_open(char **handler_command, unsigned int handlers_per_source, bool as_inetd)
{
	command = handler_command;
	max_per_source = handlers_per_source;
	is_stderr_too = as_inetd;
	putenv(remote_addr);
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

static unsigned int count_source(const struct in6_addr *source)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += memcmp(&handlers[i].source, source, sizeof(*source)) == 0;
	return sum;
}

/* Becomes the handler of a connection. Returns only if that fails. */
static void become_handler(int connection)
{
	char *text = remote_addr + strlen(REMOTE_ADDR);
	sigset_t none;

	if (!endpoint_format(text, &start.peer))
		*text = '\0';
	dup2(connection, STDIN_FILENO);
	dup2(connection, STDOUT_FILENO);
	if (is_stderr_too)
		dup2(connection, STDERR_FILENO);
	/* It is one of the three if whoever started us had closed that. */
	if (connection > STDERR_FILENO)
		close(connection);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	start.result = START_DONE;
	execv(command[0], command);
	start.result = START_NO_EXEC;
	start.error = errno;
}

/*
 * The child. Until it is the handler it has descriptors of its own, but shares our memory, which
 * is how it tells what it came to; we wait meanwhile. See CLONE_VM and CLONE_VFORK in clone(2).
 */
static int child(void *unused)
{
	static socklen_t size;
	struct in6_addr source;
	int connection;

	(void)unused;
	size = sizeof(start.peer);
	connection = accept4(STDIN_FILENO, &start.peer.any, &size, 0);
	if (connection < 0) {
		start.error = errno;
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			start.result = START_IDLE;
		else
			start.result = START_NO_ACCEPT;
		return 0;
	}
	source = endpoint_source(&start.peer);
	if (count_source(&source) >= max_per_source)
		start.result = START_REFUSED;
	else
		become_handler(connection);
	return 0;
}

const struct start *handlers_start(void)
{
	pid_t pid;

	start = (struct start){ .peer.any.sa_family = AF_UNSPEC };
	pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	if (pid < 0) {
		start.result = START_NO_FORK;
		start.error = errno;
	} else if (start.result == START_DONE) {
		handlers[count++] = (struct handler){ pid, endpoint_source(&start.peer) };
	} else {
		waitpid(pid, NULL, 0);
	}
	return &start;
}

unsigned int handlers_count(void)
{
	return count;
}

static void forget(pid_t pid)
{
	for (unsigned int i = 0; i < count; i++) {
		if (handlers[i].pid == pid) {
			handlers[i] = handlers[--count];
			return;
		}
	}
}

void handlers_reap(void)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			return;
		forget(pid);
		if (WIFSIGNALED(status))
			report_killed(WTERMSIG(status));
	}
}
