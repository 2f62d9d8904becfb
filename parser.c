// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Untrusted bytes are parsed by a child that has no descriptor but a socket to us, and no system
 * call but read(2), write(2) and exit(2). Should a request take it over, it can tell us a key,
 * which whoever sent that request could have done anyway.
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

#include "deadline.h"
#include "error.h"
#include "json.h"
#include "log.h"
#include "parser.h"

enum {
	/*
	 * Bytes for what json-c makes of the longest request: of "{}" some 700, two thirds of this
	 * in all. Less than 2 MiB, so that no huge page is cleared for the first of them.
	 */
	HEAP_SIZE = 3 << 19,
};

/* What the child says of the bytes it has got so far. */
struct verdict {
	int ret;
	uint8_t pubkey[KEY_LEN];
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

#ifndef UNCONFINED
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
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_fprog filter = { sizeof(rules) / sizeof(rules[0]), rules };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}
#else
/* For tests alone: sanitizers and valgrind make system calls of their own. */
static int confine(void)
{
	return 0;
}
#endif

/* The child: parses what comes until it has a verdict, or we are gone. */
static void parse(struct request *request)
{
	char data[PARSER_CHUNK];
	struct verdict verdict = { .ret = 1 };
	ssize_t len, written;

	while (verdict.ret == 1) {
		len = read(STDIN_FILENO, data, sizeof(data));
		if (len <= 0)
			break;
		verdict.ret = request_feed(request, data, (size_t)len, verdict.pubkey);
		written = write(STDIN_FILENO, &verdict, sizeof(verdict));
		if (written < 0)
			break;
	}
}

/* Turns a new process into the child. */
__attribute__((noreturn)) static void run_child(struct request *request, int fd)
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
		parse(request);
	/* Not _exit(2), which is exit_group(2). */
	syscall(SYS_exit, ret);
	__builtin_unreachable();
}

int parser_start(struct parser *parser)
{
	struct request *request;
	int ends[2], ret;

	*parser = (struct parser){ .pid = -1, .fd = -1 };
	reserve_heap();
	request = request_new();
	errno = ENOMEM;
	ret = request ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) : -1;
	if (ret == 0) {
		parser->fd = ends[0];
		/* Without what fork(3) does for threads, which we do not have. */
		parser->pid = _Fork();
		if (parser->pid == 0)
			run_child(request, ends[1]);
		close(ends[1]);
	}
	if (parser->pid < 0)
		log_line(LOG_ERR, "unable to start a process that parses the request: %s",
			 strerror(errno));
	request_free(request);
	return parser->pid < 0 ? -ERR_FAILURE : 0;
}

/* Logs why there is no verdict. Returns -ERR_FAILURE. */
static int explain(struct parser *parser)
{
	int status = 0;
	pid_t pid;

	if (deadline_passed()) {
		log_line(LOG_ERR, "the process that parses the request does not answer");
		return -ERR_FAILURE;
	}
	pid = waitpid(parser->pid, &status, 0);
	if (pid > 0)
		parser->pid = -1;
	if (WIFSIGNALED(status))
		log_line(LOG_ERR,
			 "the process that parses the request was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_line(LOG_ERR, "the process that parses the request did not start; does this "
				  "kernel have seccomp?");
	return -ERR_FAILURE;
}

int parser_feed(struct parser *parser, const char *data, size_t len, uint8_t pubkey[static KEY_LEN])
{
	struct verdict verdict;
	ssize_t got;

	/* It has gone if this fails, and then nothing comes back. */
	(void)!write(parser->fd, data, len);
	do
		got = read(parser->fd, &verdict, sizeof(verdict));
	while (got < 0 && errno == EINTR && !deadline_passed());
	if (got != sizeof(verdict))
		return explain(parser);
	switch (verdict.ret) {
	case 0:
		memcpy(pubkey, verdict.pubkey, KEY_LEN);
		return key_is_zero(pubkey) ? -ERR_KEY : 0;
	case 1:
	case -ERR_VERSION:
	case -ERR_KEY:
		return verdict.ret;
	default:
		return -ERR_MALFORMED;
	}
}

void parser_end(struct parser *parser)
{
	if (parser->fd >= 0)
		close(parser->fd);
	if (parser->pid < 0)
		return;
	kill(parser->pid, SIGKILL);
	waitpid(parser->pid, NULL, 0);
}
