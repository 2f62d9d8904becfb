// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses as text, and whom to count them for. Looks nothing up. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

enum { MAPPED_LEN = 12, NETWORK_LEN = 8 }; /* bytes in front of IPv4, and of a /64 */

const char *endpoint_format(char text[static INET6_ADDRSTRLEN], const union endpoint *endpoint)
{
	const struct in6_addr *in6 = &endpoint->in6.sin6_addr;

	if (endpoint->any.sa_family == AF_INET)
		return inet_ntop(AF_INET, &endpoint->in.sin_addr, text, INET6_ADDRSTRLEN);
	if (endpoint->any.sa_family != AF_INET6)
		return NULL;
	if (IN6_IS_ADDR_V4MAPPED(in6))
		return inet_ntop(AF_INET, &in6->s6_addr[MAPPED_LEN], text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, in6, text, INET6_ADDRSTRLEN);
}

void endpoint_parse(union endpoint *endpoint, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const size_t len = strcspn(text + (*text == '['), "]%");

	memset(endpoint, 0, sizeof(*endpoint));
	snprintf(address, sizeof(address), "%.*s", (int)len, text + (*text == '['));
	if (inet_pton(AF_INET, address, &endpoint->in.sin_addr) == 1)
		endpoint->any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &endpoint->in6.sin6_addr) == 1)
		endpoint->any.sa_family = AF_INET6;
}

struct in6_addr endpoint_source(const union endpoint *endpoint)
{
	const struct in6_addr *in6 = &endpoint->in6.sin6_addr;
	struct in6_addr source = { 0 };

	if (endpoint->any.sa_family == AF_INET) {
		memset(&source.s6_addr[MAPPED_LEN - 2], 0xff, 2);
		memcpy(&source.s6_addr[MAPPED_LEN], &endpoint->in.sin_addr, sizeof(struct in_addr));
	} else if (endpoint->any.sa_family == AF_INET6) {
		memcpy(&source, in6, IN6_IS_ADDR_V4MAPPED(in6) ? sizeof(source) : NETWORK_LEN);
	}
	return source;
}
