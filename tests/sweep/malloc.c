// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: has an allocation of a program fail. SWEEP_MALLOC is its number from 1, and with
 * a "+" behind it all later ones fail, too; 0 is for none. SWEEP_COUNT is a file of eight bytes, to
 * which it writes how many there were in the program itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The allocator's own names, under which glibc exports it for this very purpose. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static int64_t number, count;
static bool forever;
static int64_t *shared; /* NULL before main() */
static pid_t program;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("SWEEP_MALLOC"), *file = getenv("SWEEP_COUNT");
	char *end;
	void *map;
	int fd;

	if (!text || !file)
		return;
	number = strtol(text, &end, 10);
	forever = *end == '+';
	program = getpid();
	/* Memory, since the program is going to give up its right to files. */
	fd = open(file, O_RDWR);
	map = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
	shared = map;
}

static bool fails(void)
{
	bool is_it;

	if (!shared)
		return false;
	count++;
	if (getpid() == program)
		*shared = count;
	is_it = number && (count == number || (forever && count > number));
	if (is_it)
		errno = ENOMEM;
	return is_it;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
	return fails() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
