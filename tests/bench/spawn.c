// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures one-shot programs: runs one for each line of stdin, with that line on its stdin and
 * stdout, a socket, and says how long it took from spawn to exit. Where the clock counts
 * instructions, as in the machine of tests/vm/, that is instructions.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 10000, REPLY_LEN = 512 };

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* Runs the program once. Returns the nanoseconds from spawn to exit, and what it replied. */
static long long run(char **argv, const char *line, size_t len, char reply[static REPLY_LEN])
{
	posix_spawn_file_actions_t actions;
	int sockets[2], status;
	long long start, end;
	ssize_t got;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		die("socketpair");
	if (write(sockets[0], line, len) != (ssize_t)len)
		die("write");
	/* Who reads on after its reply finds the end. */
	shutdown(sockets[0], SHUT_WR);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, sockets[1], STDOUT_FILENO);

	start = now();
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		die(argv[0]);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	end = now();

	posix_spawn_file_actions_destroy(&actions);
	close(sockets[1]);
	got = read(sockets[0], reply, REPLY_LEN - 1);
	reply[got > 0 ? got : 0] = '\0';
	close(sockets[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "spawn: %s ended with status %#x\n", argv[0], (unsigned int)status);
		exit(1);
	}
	return end - start;
}

static int compare(const void *a, const void *b)
{
	const long long left = *(const long long *)a, right = *(const long long *)b;

	return (left > right) - (left < right);
}

/* usage: spawn WANTED PROGRAM [ARG...]: each reply must contain WANTED. Prints median min max. */
int main(int argc, char **argv)
{
	static long long times[RUNS_MAX];
	char reply[REPLY_LEN], *line = NULL;
	size_t size = 0;
	ssize_t len;
	int runs = 0;

	if (argc < 3)
		return 2;
	while (runs < RUNS_MAX && (len = getline(&line, &size, stdin)) > 0) {
		times[runs++] = run(argv + 2, line, (size_t)len, reply);
		if (!strstr(reply, argv[1])) {
			fprintf(stderr, "spawn: the reply is %s\n", reply);
			return 1;
		}
	}
	if (!runs)
		return 2;
	qsort(times, (size_t)runs, sizeof(times[0]), compare);
	printf("%lld %lld %lld\n", times[runs / 2], times[0], times[runs - 1]);
	return 0;
}
