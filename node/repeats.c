// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Remembers what the last two runs have logged, as hashes, in memory that processes share: each run
 * is one of its own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"
#include "node/repeats.h"

/* What one run has said: as many lines as fit, and those after them are always said again. */
struct said {
	size_t count;
	uint64_t lines[512];
};

static struct {
	struct said before, now;
} * runs;

static uint64_t hash(const char *text)
{
	uint64_t value = 14695981039346656037U; /* FNV-1a */

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 1099511628211U;
	return value;
}

static bool is_new(const char *text)
{
	struct said *now = &runs->now;
	const uint64_t line = hash(text);

	if (now->count < sizeof(now->lines) / sizeof(now->lines[0]))
		now->lines[now->count++] = line;
	for (size_t i = 0; i < runs->before.count; i++)
		if (runs->before.lines[i] == line)
			return false;
	return true;
}

int repeats_begin(void)
{
	void *memory = mmap(NULL, sizeof(*runs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED) {
		log_line(LOG_ERR, "unable to remember what is logged: %s", strerror(errno));
		return -1;
	}
	runs = memory;
	log_filter(is_new);
	return 0;
}

void repeats_next(void)
{
	runs->before = runs->now;
	runs->now.count = 0;
}
