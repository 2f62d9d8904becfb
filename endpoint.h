/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address with its port. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

/* sa_family is AF_UNSPEC if none is known. */
union endpoint {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The bytes that the kernel wants of one that is known. */
static inline socklen_t endpoint_size(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? sizeof(endpoint->in) : sizeof(endpoint->in6);
}

/*
 * Writes the address, without the port: an IPv4-mapped one as IPv4. Returns the text, or NULL if it
 * is no address of IP.
 */
const char *endpoint_format(char text[static INET6_ADDRSTRLEN], const union endpoint *endpoint);

/* Reads an address as supervisors write it: [::1], ::ffff:192.0.2.1, fe80::1%eth0. */
void endpoint_parse(union endpoint *endpoint, const char *text);

/*
 * Whom to count an address for: an IPv4 address for itself (as IPv4-mapped), an IPv6 address for
 * its /64, since whoever has one address of it has them all. All others are one, which is zero.
 */
struct in6_addr endpoint_source(const union endpoint *endpoint);

#endif
