// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the operator's program as if it were another's: it gets an answer out of it, and no more. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "check.h"
#include "clock.h"
#include "deadline.h"
#include "error.h"
#include "log.h"

enum {
	CHECK_TIME = 2000, /* milliseconds */
	/* What a shell exits with where it cannot run a program. */
	NOT_RUN = 127,
	ADDRESS_SIZE = 64,
};

/*
 * In the child. To all but root execve(2) leaves only ambient capabilities. A root without any gets
 * none back, since it can gain no rights. (A supervisor's sandbox may forbid capset(2).)
 */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
	int ret;

	ret = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (ret == 0 && geteuid() == 0)
		ret = (int)syscall(SYS_capset, &header, none);
	return ret;
}

/* In the child: nothing of ours stays, but that output has somewhere to go. */
static int leave(void)
{
	sigset_t signals;
	int fd;

	/* What it starts can be killed together with it. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		return -1;
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (dup2(fd, i) < 0)
			return -1;
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) < 0)
		return -1;
	return drop_capabilities();
}

__attribute__((noreturn)) static void become(const char *program, const char *key,
					     const char *address)
{
	char pubkey[sizeof("PUBKEY=") + KEY_TEXT_SIZE];
	char remote[sizeof("REMOTE_ADDR=") + ADDRESS_SIZE];
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = { path, pubkey, remote, NULL };
	char *arguments[] = { (char *)program, NULL };

	snprintf(pubkey, sizeof(pubkey), "PUBKEY=%s", key);
	snprintf(remote, sizeof(remote), "REMOTE_ADDR=%.*s", ADDRESS_SIZE, address);
	if (leave() == 0)
		execve(program, arguments, environment);
	_exit(NOT_RUN);
}

/* Waits until the child has ended, which stays to be waited for. Returns whether it has. */
static bool wait_for(pid_t child, const sigset_t *its_end)
{
	const int64_t end = clock_ms() + CHECK_TIME;
	siginfo_t state = { 0 };
	struct timespec left;
	int64_t ms;

	for (;;) {
		waitid(P_PID, (id_t)child, &state, WEXITED | WNOHANG | WNOWAIT);
		ms = end - clock_ms();
		if (state.si_pid == child || ms <= 0 || deadline_passed())
			return state.si_pid == child;
		left = (struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 };
		/* Every other signal ends this, too. */
		(void)sigtimedwait(its_end, NULL, &left);
	}
}

/* What the program's end means. */
static int judge(const char *program, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return -ERR_DENIED;
	if (WIFSIGNALED(status))
		log_line(LOG_ERR, "CHECK: %s was killed by signal %d (%s)", program,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == NOT_RUN)
		log_line(LOG_ERR, "CHECK: unable to run %s", program);
	else
		log_line(LOG_ERR, "CHECK: %s exited with %d, where 0 permits and 1 denies", program,
			 WEXITSTATUS(status));
	return -ERR_FAILURE;
}

int check_key(const char *program, const uint8_t key[static KEY_LEN], const char *address)
{
	char text[KEY_TEXT_SIZE];
	sigset_t its_end;
	int status = 0;
	bool ended;
	pid_t child;

	if (!*program)
		return 0;
	key_to_text(text, key);
	/* Whoever started us may ignore it, and then its status would be lost. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&its_end);
	sigaddset(&its_end, SIGCHLD);
	sigprocmask(SIG_BLOCK, &its_end, NULL);
	child = fork();
	if (child == 0)
		become(program, text, address);
	if (child < 0) {
		log_line(LOG_ERR, "CHECK: unable to start a process: %s", strerror(errno));
		return -ERR_FAILURE;
	}
	setpgid(child, child);
	ended = wait_for(child, &its_end);
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (ended)
		return judge(program, status);
	log_line(LOG_ERR, "CHECK: %s did not answer in time", program);
	return -ERR_FAILURE;
}
