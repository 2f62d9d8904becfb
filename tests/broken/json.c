// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json.c, broken on purpose: a request or a reply of "break " and one of the words below does that,
 * as if it had taken the parser over. And after each request, what has served it tries the
 * same before it replies, and logs what came of it.
 */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define request_feed honest_request_feed
#define reply_parse honest_reply_parse
#define reply_format honest_reply_format
#include "../../json.c" // NOLINT(bugprone-suspicious-include)
#undef request_feed
#undef reply_parse
#undef reply_format

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

static int read_file(void)
{
	return open("/etc/hostname", O_RDONLY);
}

static int write_file(void)
{
	return open("/tmp/broken", O_WRONLY | O_CREAT, 0666);
}

static int make_folder(void)
{
	return mkdir("/tmp/broken", 0777);
}

/* In a child, since it may work. */
static int execute(void)
{
	char shell[] = "/bin/sh", option[] = "-c", command[] = "echo broken >/tmp/broken";
	char *const words[] = { shell, option, command, NULL };
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		execve(shell, words, NULL);
		_exit(errno);
	}
	if (pid < 0)
		return -1;
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int connect_out(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(9),
					     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : connect(fd, (const void *)&address, sizeof(address));
}

static int send_message(void)
{
	struct iovec part = { .iov_base = (char[]){ "broken" }, .iov_len = 6 };
	const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return (int)sendmsg(STDIN_FILENO, &message, 0);
}

static int kill_parent(void)
{
	return kill(getppid(), SIGKILL);
}

static int gain_root(void)
{
	return setuid(0) < 0 ? -1 : chown("/tmp", 1, 1);
}

static const struct crime {
	const char *name;
	int (*commit)(void);
	bool by_handler; /* which must not be able to do it either */
} crimes[] = {
	{ "read", read_file, true },	    { "write", write_file, true },
	{ "mkdir", make_folder, true },	    { "execve", execute, true },
	{ "setuid", gain_root, true },	    { "connect", connect_out, false },
	{ "sendmsg", send_message, false }, { "kill", kill_parent, false },
};

enum { CRIMES = sizeof(crimes) / sizeof(crimes[0]) };

/* Overwrites what it can reach, as an exploit does. */
static void overwrite_memory(struct request *request)
{
	memset(request->tokener, 0x41, sizeof(*request->tokener));
	memset(request->text, 0x41, sizeof(request->text));
}

/* Commits the crime that is asked for. Returns whether one is. */
static bool obey(const char *data, size_t len)
{
	for (int i = 0; i < CRIMES; i++) {
		char order[32];
		const size_t order_len =
			(size_t)snprintf(order, sizeof(order), "break %s\n", crimes[i].name);

		if (len == order_len && memcmp(data, order, len) == 0) {
			(void)crimes[i].commit();
			return true;
		}
	}
	return false;
}

/* Who obeys an order is not there any more when it would return. */
int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	if (len > 6 && memcmp(data, "break ", 6) == 0)
		overwrite_memory(request);
	if (!obey(data, len))
		return honest_request_feed(request, data, len, pubkey);
	memset(pubkey, 7, KEY_LEN);
	return 0;
}

void reply_parse(struct reply *reply, const char *text, size_t len)
{
	if (obey(text, len))
		*reply = (struct reply){ .port = 9, .time = 1 };
	else
		honest_reply_parse(reply, text, len);
}

size_t reply_format(char line[static REPLY_SIZE], int error, unsigned int port, int64_t time)
{
	for (int i = 0; i < CRIMES; i++)
		if (crimes[i].by_handler)
			log_line(LOG_WARNING, "broken: %s: %s", crimes[i].name,
				 crimes[i].commit() < 0 ? strerror(errno) : "done");
	return honest_reply_format(line, error, port, time);
}
