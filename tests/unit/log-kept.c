// SPDX-License-Identifier: GPL-2.0-or-later
/* Stands in for log.c in the units: keeps the lines, so that a test can look at them. */
#include "unit.h"

#include "broker.h"

static char kept[16384];

void log_line(int priority, const char *format, ...)
{
	const size_t len = strlen(kept);
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if ((size_t)snprintf(kept + len, sizeof(kept) - len, "%d %s\n", priority, text) >=
	    sizeof(kept) - len)
		abort();
}

const char *unit_log(void)
{
	static char taken[sizeof(kept)];

	memcpy(taken, kept, sizeof(taken));
	kept[0] = '\0';
	return taken;
}
