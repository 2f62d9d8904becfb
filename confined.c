// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A child that has no descriptor but a socket to us, and no system call but read(2), write(2) and
 * exit(2). Should the bytes that it works on take it over, it can tell us a lie, and that is all.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "confined.h"
#include "deadline.h"
#include "error.h"
#include "log.h"

/* As the rules of a filter: this call may be made. */
#define ALLOW(call)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#ifdef __GLIBC__
#define ALLOW_HEAP

enum {
	/*
	 * Bytes for what json-c makes of the longest question: of "{}" some 700, two thirds of this
	 * in all. Less than 2 MiB, so that no huge page is cleared for the first of them.
	 */
	HEAP_SIZE = 3 << 19,
};

/*
 * Has the heap grow, since in the child it cannot. That is address space: memory is only what is
 * used.
 */
static void reserve_heap(void)
{
	void *volatile more;

	mallopt(M_TOP_PAD, HEAP_SIZE);
	mallopt(M_TRIM_THRESHOLD, 2 * HEAP_SIZE);
	mallopt(M_MMAP_THRESHOLD, HEAP_SIZE);
	/* Larger than what glibc has begun with, and a page of it is touched, no more. */
	more = malloc(256 * 1024);
	free(more);
}

static int be_strict(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}
#else
/* Many machines of 32 bits have both, and then musl takes this one. */
#ifndef SYS_mmap2
#define SYS_mmap2 SYS_mmap
#endif
/*
 * Other libraries cannot be told to have memory ready. There the child may ask for some; for a
 * file's it has no descriptor.
 */
#define ALLOW_HEAP                                                                                 \
	ALLOW(SYS_brk), ALLOW(SYS_mmap2), ALLOW(SYS_munmap), ALLOW(SYS_mremap),                    \
		ALLOW(SYS_mprotect), ALLOW(SYS_madvise),

static void reserve_heap(void)
{
}

static int be_strict(void)
{
	return -1;
}
#endif

/*
 * From here on there is read(2), write(2) and exit(2). The strict mode of seccomp(2) is just that.
 * The kernel refuses it where a filter is in force, as under systemd; then a filter of ours does
 * the same. It need not look at the architecture: what these numbers mean to another one does no
 * harm either.
 */
static int confine(void)
{
	static struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit),
		ALLOW_HEAP BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_fprog filter = { sizeof(rules) / sizeof(rules[0]), rules };

#ifdef UNCONFINED
	/* For tests alone: sanitizers and valgrind make system calls of their own. */
	return 0;
#endif
	if (be_strict() == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* The child: answers what it is asked, until we are gone. */
static void serve(const struct confined *child, confined_work *work, void *state)
{
	char question[CONFINED_QUESTION];
	_Alignas(max_align_t) char answer[CONFINED_ANSWER] = "";
	ssize_t len, written;

	for (;;) {
		len = read(STDIN_FILENO, question, sizeof(question));
		if (len <= 0)
			return;
		work(state, question, (size_t)len, answer);
		written = write(STDIN_FILENO, answer, child->answer_size);
		if (written < 0)
			return;
	}
}

/* Turns a new process into the child. */
__attribute__((noreturn)) static void run_child(const struct confined *child, int fd,
						confined_work *work, void *state)
{
	int ret;

	/* For ps(1). */
	(void)prctl(PR_SET_NAME, "broker-parser");
	/* However it may have been broken, it does not outlive us. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = dup2(fd, STDIN_FILENO);
	if (ret == 0)
		ret = (int)syscall(SYS_close_range, STDIN_FILENO + 1, ~0U, 0);
	if (ret == 0)
		ret = confine();
	if (ret == 0)
		serve(child, work, state);
	/* Not _exit(2), which is exit_group(2). */
	syscall(SYS_exit, ret);
	__builtin_unreachable();
}

int confined_start(struct confined *child, const char *task, confined_work *work, void *state,
		   size_t answer_size)
{
	int ends[2], ret;

	*child = (struct confined){ task, answer_size, -1, -1 };
	reserve_heap();
	errno = ENOMEM;
	ret = state ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) : -1;
	if (ret == 0) {
		child->fd = ends[0];
		/* Without what fork(3) does for threads, which we do not have. */
		child->pid = _Fork();
		if (child->pid == 0)
			run_child(child, ends[1], work, state);
		close(ends[1]);
	}
	if (child->pid >= 0)
		return 0;
	log_line(LOG_ERR, "unable to start a process that %s: %s", task, strerror(errno));
	return -ERR_FAILURE;
}

/* Logs why there is no answer. Returns -ERR_FAILURE. */
static int explain(struct confined *child)
{
	int status = 0;
	pid_t pid;

	if (deadline_passed()) {
		log_line(LOG_ERR, "the process that %s does not answer", child->task);
		return -ERR_FAILURE;
	}
	pid = waitpid(child->pid, &status, 0);
	if (pid > 0)
		child->pid = -1;
	if (WIFSIGNALED(status))
		log_line(LOG_ERR, "the process that %s was killed by signal %d (%s)", child->task,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_line(LOG_ERR,
			 "the process that %s did not start; does this kernel have seccomp?",
			 child->task);
	return -ERR_FAILURE;
}

int confined_ask(struct confined *child, const char *question, size_t len, void *answer)
{
	ssize_t got;

	/* It has gone if this fails, and then nothing comes back. */
	(void)!write(child->fd, question, len);
	do
		got = read(child->fd, answer, child->answer_size);
	while (got < 0 && errno == EINTR && !deadline_passed());
	return got == (ssize_t)child->answer_size ? 0 : explain(child);
}

void confined_end(struct confined *child)
{
	if (child->fd >= 0)
		close(child->fd);
	if (child->pid < 0)
		return;
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}
