/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses may pass through a tunnel. */
#ifndef ALLOWED_IPS_H
#define ALLOWED_IPS_H

#include <stdbool.h>

/* What allowed_ips_parse() takes, for messages. */
#define ALLOWED_IPS_WORDS "0.0.0.0/0, ::/0, or both with a blank or a comma between"

/* Reads such a text. Returns 0, or -1 and leaves *ipv4 and *ipv6 as they were. */
int allowed_ips_parse(const char *text, bool *ipv4, bool *ipv6);

#endif
