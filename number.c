// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads numbers as people write them: no sign, no blanks, no other base. */
#include <string.h>

#include "number.h"

int number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *number)
{
	unsigned long long value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (!strchr("0123456789", *text))
			return -1;
		value = 10 * value + (unsigned int)(*text - '0');
		if (value > max)
			return -1;
	}
	if (value < min)
		return -1;
	*number = (unsigned int)value;
	return 0;
}
