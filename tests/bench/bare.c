// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a program may cost: starts and ends. With an argument, the least that one with a
 * confined child may cost: it sends that a byte, and has one back.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

static int run_child(void)
{
	char byte = 0;
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return 1;
	pid = _Fork();
	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0 || read(ends[1], &byte, 1) < 0 ||
		    write(ends[1], &byte, 1) < 0)
			syscall(SYS_exit, 1);
		syscall(SYS_exit, 0);
	}
	if (pid < 0 || write(ends[0], &byte, 1) < 0 || read(ends[0], &byte, 1) < 0)
		return 1;
	return waitpid(pid, NULL, 0) != pid;
}

int main(int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? run_child() : 0;
}
