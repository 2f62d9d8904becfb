/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in text. */
#ifndef NUMBER_H
#define NUMBER_H

/*
 * Reads a decimal number: digits and nothing else, from min to max. Returns 0, or -1 and leaves
 * *number as it was.
 */
int number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *number);

#endif
