// SPDX-License-Identifier: GPL-2.0-or-later
/* Stands in for log.c in the units: keeps the lines, so that a test can look at them. */
#include "unit.h"

#include "log.h"

enum { KEPT_SIZE = 16384 };

static char kept[KEPT_SIZE], held[KEPT_SIZE];
static bool is_holding;
static bool (*filter)(const char *text);

__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
	const size_t len = strlen(text), room = KEPT_SIZE - len;
	va_list arguments;
	int added;

	va_start(arguments, format);
	added = vsnprintf(text + len, room, format, arguments);
	va_end(arguments);
	if ((size_t)added >= room)
		abort();
}

void log_line(int priority, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (is_holding && priority == LOG_ERR)
		append(held, "%s%s", *held ? "; " : "", text);
	else if (!filter || filter(text))
		append(kept, "%d %s\n", priority, text);
}

void log_filter(bool (*wants)(const char *text))
{
	filter = wants;
}

void log_hold(void)
{
	is_holding = true;
	held[0] = '\0';
}

const char *log_release(void)
{
	is_holding = false;
	return held;
}

const char *unit_log(void)
{
	static char taken[KEPT_SIZE];

	memcpy(taken, kept, sizeof(taken));
	kept[0] = '\0';
	return taken;
}
