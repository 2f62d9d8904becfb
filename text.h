/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters that texts may consist of, ASCII only, for strspn(3). */
#ifndef TEXT_H
#define TEXT_H

#define TEXT_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TEXT_DIGITS "0123456789"
/* No shell, log or JSON needs quotes for these. */
#define TEXT_ALPHANUMERIC TEXT_LETTERS TEXT_DIGITS

#endif
