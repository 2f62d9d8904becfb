// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a program, and has one of its system calls go wrong. strace(1) does much of this, but it
 * counts each name for itself, cannot speak for the kernel's side of a netlink socket, and takes
 * many times as long. The registers are those of x86-64.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>

static const char usage[] =
	"usage: inject [-f] [-l FILE] [-c CHILD] [-n NUMBER -k|-p|-s|-x|-e ERRNO|-r ERRNO]\n"
	"              COMMAND [ARG...]\n"
	"\n"
	"  -l FILE    write the name of each system call to FILE, a line each\n"
	"  -c CHILD   look at the calls of the program's child of this number, from 1\n"
	"  -n NUMBER  what goes wrong: the call of this number, from 1\n"
	"  -f         and each one of its name from there on\n"
	"\n"
	"  -k         the program is killed before it\n"
	"  -p         it waits there, and inject stops, until inject gets SIGCONT; or the program\n"
	"             dies with inject\n"
	"  -s         it moves half of the bytes\n"
	"  -e ERRNO   it fails with this number, and is not made\n"
	"  -r ERRNO   sendmsg(2) to a netlink socket: the kernel refuses this request\n"
	"  -x         the same: the kernel's answer is lost\n"
	"\n"
	"The exit status is that of COMMAND, as a shell tells it.\n";

enum { PAUSE_TIME = 10000 }; /* microseconds */

enum action { NOTHING, KILL, PAUSE, HALVE, FAIL, REFUSE, LOSE };

static struct {
	FILE *list;
	int child;
	long number;
	bool forever;
	enum action action;
	int error;
} options;

/* The program whose calls count, as it is now. */
static struct {
	pid_t pid;
	int children;
	bool in_call;		     /* between a call's entry and its end */
	long count;		     /* of its calls */
	long long name;		     /* of the call that goes wrong, once it was reached */
	unsigned long long rdi, rdx; /* of the call, which its caller finds unchanged */
	bool replaced;		     /* this call is not made, and */
	long long result;	     /* comes to this */
	bool closing;		     /* the call is made, and seems to fail */
	bool losing;		     /* answers are thrown away */
	bool refused;		     /* an answer of ours is due */
	struct nlmsghdr request;
} program;

#define NAME(call)                                                                                 \
	{                                                                                          \
		SYS_##call, #call                                                                  \
	}
static const struct {
	long long number;
	const char *name;
} names[] = {
	NAME(read),
	NAME(write),
	NAME(open),
	NAME(openat),
	NAME(close),
	NAME(fstat),
	NAME(stat),
	NAME(newfstatat),
	NAME(lseek),
	NAME(poll),
	NAME(ppoll),
	NAME(mmap),
	NAME(mprotect),
	NAME(munmap),
	NAME(mremap),
	NAME(madvise),
	NAME(brk),
	NAME(ioctl),
	NAME(access),
	NAME(pipe),
	NAME(pipe2),
	NAME(dup),
	NAME(dup2),
	NAME(fcntl),
	NAME(flock),
	NAME(fsync),
	NAME(rename),
	NAME(renameat),
	NAME(renameat2),
	NAME(mkdir),
	NAME(unlink),
	NAME(umask),
	NAME(ftruncate),
	NAME(socket),
	NAME(socketpair),
	NAME(bind),
	NAME(connect),
	NAME(listen),
	NAME(accept4),
	NAME(getsockname),
	NAME(getpeername),
	NAME(setsockopt),
	NAME(getsockopt),
	NAME(sendto),
	NAME(recvfrom),
	NAME(sendmsg),
	NAME(recvmsg),
	NAME(shutdown),
	NAME(clone),
	NAME(clone3),
	NAME(vfork),
	NAME(fork),
	NAME(execve),
	NAME(exit),
	NAME(exit_group),
	NAME(wait4),
	NAME(waitid),
	NAME(kill),
	NAME(tgkill),
	NAME(getpid),
	NAME(gettid),
	NAME(getuid),
	NAME(geteuid),
	NAME(prctl),
	NAME(arch_prctl),
	NAME(capset),
	NAME(capget),
	NAME(seccomp),
	NAME(rt_sigaction),
	NAME(rt_sigprocmask),
	NAME(rt_sigreturn),
	NAME(alarm),
	NAME(setitimer),
	NAME(nanosleep),
	NAME(clock_nanosleep),
	NAME(clock_gettime),
	NAME(gettimeofday),
	NAME(time),
	NAME(clock_settime),
	NAME(adjtimex),
	NAME(getrandom),
	NAME(close_range),
	NAME(prlimit64),
	NAME(uname),
	NAME(sysinfo),
	NAME(readlink),
	NAME(set_tid_address),
	NAME(set_robust_list),
	NAME(rseq),
	NAME(futex),
	NAME(landlock_create_ruleset),
	NAME(landlock_restrict_self),
};

static void list_call(long long number)
{
	if (!options.list)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number) {
			fprintf(options.list, "%s\n", names[i].name);
			return;
		}
	fprintf(options.list, "%lld\n", number);
}

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* Copies memory of the program to here, or back. */
static void copy(void *here, unsigned long long there, size_t size, bool back)
{
	const struct iovec local = { .iov_base = here, .iov_len = size };
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process */
	const struct iovec remote = { .iov_base = (void *)(uintptr_t)there, .iov_len = size };
	ssize_t ret;

	if (back)
		ret = process_vm_writev(program.pid, &local, 1, &remote, 1, 0);
	else
		ret = process_vm_readv(program.pid, &local, 1, &remote, 1, 0);
	if (ret != (ssize_t)size)
		die("unable to reach the program's memory");
}

/* The message of a call, and the first of its buffers. */
static void copy_message(unsigned long long address, struct msghdr *message, struct iovec *buffer)
{
	copy(message, address, sizeof(*message), false);
	copy(buffer, (uintptr_t)message->msg_iov, sizeof(*buffer), false);
}

/* This call is not made, and comes to that. */
static void replace(struct user_regs_struct *regs, long long result)
{
	regs->orig_rax = (unsigned long long)-1;
	program.replaced = true;
	program.result = result;
}

/* A request does not reach the kernel. */
static void refuse(struct user_regs_struct *regs)
{
	struct msghdr message;
	struct iovec buffer;

	copy_message(regs->rsi, &message, &buffer);
	copy(&program.request, (uintptr_t)buffer.iov_base, sizeof(program.request), false);
	program.refused = true;
	replace(regs, (long long)buffer.iov_len);
}

/* And this is what the kernel seems to answer. */
static void answer(struct user_regs_struct *regs)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} text = {
		.header = { .nlmsg_len = sizeof(text),
			    .nlmsg_type = NLMSG_ERROR,
			    .nlmsg_flags = NLM_F_CAPPED,
			    .nlmsg_seq = program.request.nlmsg_seq,
			    .nlmsg_pid = program.request.nlmsg_pid },
		.error = { .error = -options.error, .msg = program.request },
	};
	struct msghdr message;
	struct iovec buffer;

	copy_message(regs->rsi, &message, &buffer);
	copy(&text, (uintptr_t)buffer.iov_base, sizeof(text), true);
	if (message.msg_name)
		copy((void *)&kernel, (uintptr_t)message.msg_name, sizeof(kernel), true);
	message.msg_namelen = sizeof(kernel);
	message.msg_controllen = 0;
	message.msg_flags = 0;
	copy(&message, regs->rsi, sizeof(message), true);
	program.refused = false;
	replace(regs, sizeof(text));
}

/* Does what the options want to the call that the program is about to make. */
static void interfere(struct user_regs_struct *regs, long long name)
{
	switch (options.action) {
	case KILL:
		kill(program.pid, SIGKILL);
		break;
	case PAUSE:
		raise(SIGSTOP);
		break;
	case HALVE:
		regs->rdx -= regs->rdx / 2;
		break;
	case FAIL:
		/* brk(2) tells no error, but where the break is; close(2) closes in any case. */
		if (name == SYS_brk)
			regs->rdi = 0;
		else if (name == SYS_close)
			program.closing = true;
		else
			replace(regs, -options.error);
		break;
	case REFUSE:
		if (name == SYS_sendmsg)
			refuse(regs);
		break;
	case LOSE:
		program.losing = name == SYS_sendmsg;
		break;
	case NOTHING:
		break;
	}
}

static void on_entry(struct user_regs_struct *regs)
{
	const long long name = (long long)regs->orig_rax;
	bool wrong;

	program.rdi = regs->rdi;
	program.rdx = regs->rdx;
	list_call(name);
	program.count++;
	wrong = program.count == options.number;
	if (wrong)
		program.name = name;
	if (options.forever && program.count > options.number && program.name == name)
		wrong = true;
	/* Who only tries again shall not keep this machine busy. */
	if (options.forever && wrong)
		usleep(PAUSE_TIME);
	if (name == SYS_sendmsg)
		program.losing = false;
	if (wrong)
		interfere(regs, name);
	else if (name == SYS_recvmsg && program.refused)
		answer(regs);
}

static void on_end(struct user_regs_struct *regs)
{
	const unsigned long long instruction = 2; /* bytes of "syscall" */

	regs->rdi = program.rdi;
	regs->rdx = program.rdx;
	if (program.closing) {
		regs->rax = (unsigned long long)-options.error;
		program.closing = false;
	} else if (program.replaced) {
		regs->rax = (unsigned long long)program.result;
		program.replaced = false;
	} else if (program.losing && regs->orig_rax == SYS_recvmsg && (long long)regs->rax > 0) {
		/* Once more, until nothing is left. */
		regs->rax = SYS_recvmsg;
		regs->rip -= instruction;
	}
}

static void on_call(void)
{
	struct user_regs_struct regs;
	long ret;

	ret = ptrace(PTRACE_GETREGS, program.pid, NULL, &regs);
	if (ret < 0)
		return; /* it was killed meanwhile */
	program.in_call = !program.in_call;
	if (program.in_call)
		on_entry(&regs);
	else if (program.count)
		on_end(&regs);
	(void)ptrace(PTRACE_SETREGS, program.pid, NULL, &regs);
}

/* Starts the program, which has made no call of its own yet. */
static pid_t start(char **argv)
{
	const long events = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
			    (options.child ? PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE : 0);
	const pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			die("ptrace");
		raise(SIGSTOP);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	waitpid(pid, &status, 0);
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, events) < 0)
		die("ptrace");
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	return pid;
}

/* A child of the program: the one that is looked at, or not. */
static void adopt(pid_t main_pid)
{
	unsigned long child = 0;

	ptrace(PTRACE_GETEVENTMSG, main_pid, NULL, &child);
	if (++program.children == options.child)
		program.pid = (pid_t)child;
	else if (waitpid((pid_t)child, NULL, __WALL) > 0)
		ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL);
}

static int run(char **argv)
{
	const pid_t main_pid = start(argv);
	const int syscall_stop = SIGTRAP | 0x80;
	pid_t pid = main_pid;
	int status, signal = 0;

	if (!options.child) {
		program.pid = main_pid;
		program.in_call = true; /* of execve(2), which does not count */
	}
	for (;;) {
		ptrace(pid == program.pid ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)signal);
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			die("waitpid");
		signal = 0;
		if (pid == main_pid && WIFEXITED(status))
			return WEXITSTATUS(status);
		if (pid == main_pid && WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == syscall_stop)
			on_call();
		else if (status >> 16)
			adopt(pid);
		/* A child begins with a stop. */
		else if (WSTOPSIG(status) != SIGSTOP)
			signal = WSTOPSIG(status);
	}
}

static void set_action(enum action action, const char *error)
{
	options.action = action;
	options.error = error ? atoi(error) : 0;
}

int main(int argc, char **argv)
{
	int option, ret;

	while ((option = getopt(argc, argv, "+c:e:fkl:n:pr:sx")) != -1)
		switch (option) {
		case 'c':
			options.child = atoi(optarg);
			break;
		case 'e':
			set_action(FAIL, optarg);
			break;
		case 'f':
			options.forever = true;
			break;
		case 'k':
			set_action(KILL, NULL);
			break;
		case 'l':
			options.list = fopen(optarg, "we");
			break;
		case 'n':
			options.number = atol(optarg);
			break;
		case 'p':
			set_action(PAUSE, NULL);
			break;
		case 'r':
			set_action(REFUSE, optarg);
			break;
		case 's':
			set_action(HALVE, NULL);
			break;
		case 'x':
			set_action(LOSE, NULL);
			break;
		default:
			fputs(usage, stderr);
			return 125;
		}
	if (optind == argc) {
		fputs(usage, stderr);
		return 125;
	}
	ret = run(argv + optind);
	if (options.list)
		fclose(options.list);
	return ret;
}
