/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libFuzzer calls, and a log that goes nowhere. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void log_line(int priority, const char *format, ...)
{
	(void)priority;
	(void)format;
}

#endif
