// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads allowed IPs as wg(8) writes them, but only whole families: a tunnel has one peer, and the
 * routes decide what goes to it.
 */
#include <string.h>

#include "allowed_ips.h"

int allowed_ips_parse(const char *text, bool *ipv4, bool *ipv6)
{
	bool has_ipv4 = false, has_ipv6 = false;
	const char *word = text;

	while (*word) {
		const size_t len = strcspn(word, " ,");

		if (len == 9 && strncmp(word, "0.0.0.0/0", len) == 0)
			has_ipv4 = true;
		else if (len == 4 && strncmp(word, "::/0", len) == 0)
			has_ipv6 = true;
		else
			return -1;
		word += len + strspn(word + len, " ,");
	}
	if (word == text)
		return -1;
	*ipv4 = has_ipv4;
	*ipv6 = has_ipv6;
	return 0;
}
