// SPDX-License-Identifier: GPL-2.0-or-later
/* From a slot to its name, port, address and marker, and back. Knows no kernel. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "number.h"
#include "slot.h"

#define PENDING "-src-"

unsigned int slot_from_ifname(const struct config *config, const char *ifname)
{
	const size_t len = strlen(config->prefix);
	unsigned int slot = 0;

	/* Only as slot_ifname() writes it: no zero in front. */
	if (strncmp(ifname, config->prefix, len) == 0 && ifname[len] != '0')
		(void)number_parse(ifname + len, 1, SLOT_END - 1, &slot);
	return slot;
}

void slot_ifname(char ifname[static IFNAMSIZ], const struct config *config, unsigned int slot)
{
	/* At most 65535 slots: config.c sees to it that prefix and number fit. */
	snprintf(ifname, IFNAMSIZ, "%.10s%hu", config->prefix, (unsigned short)slot);
}

unsigned int slot_port(const struct config *config, unsigned int slot)
{
	return slot <= config->slots ? config->start_port + slot - 1 : 0;
}

struct in6_addr slot_address(unsigned int slot)
{
	struct in6_addr address = { .s6_addr = { 0xfe, 0x80 } };
	const uint32_t number = htonl(slot);

	memcpy(&address.s6_addr[12], &number, sizeof(number));
	return address;
}

void slot_marker(char marker[static SLOT_MARKER_SIZE], const struct config *config)
{
	snprintf(marker, SLOT_MARKER_SIZE, "%s-full-%u", config->prefix, config->slots);
}

void slot_limit_marker(char marker[static SLOT_MARKER_SIZE], const struct config *config)
{
	snprintf(marker, SLOT_MARKER_SIZE, "%s-limit", config->prefix);
}

void slot_pending_name(char name[static SLOT_MARKER_SIZE], const struct config *config,
		       uint64_t tag, unsigned int number)
{
	snprintf(name, SLOT_MARKER_SIZE, "%s" PENDING "%016" PRIx64 "-%u", config->prefix, tag,
		 number);
}

bool slot_is_pending_name(const struct config *config, const char *name)
{
	const size_t len = strlen(config->prefix);

	return strncmp(name, config->prefix, len) == 0 &&
	       strncmp(name + len, PENDING, strlen(PENDING)) == 0;
}

static unsigned int gcd(unsigned int a, unsigned int b)
{
	while (b) {
		const unsigned int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

void slot_begin(struct slot_walk *walk, unsigned int slots, const uint8_t key[static KEY_LEN])
{
	walk->slots = slots;
	walk->step = 0;
	memcpy(&walk->start, key, sizeof(walk->start));
	memcpy(&walk->stride, key + sizeof(walk->start), sizeof(walk->stride));
	walk->stride = 1 + walk->stride % walk->slots;
	/* Then the strides come by every slot. */
	while (gcd(walk->stride, walk->slots) != 1)
		walk->stride++;
}

unsigned int slot_next(struct slot_walk *walk)
{
	uint64_t position;

	if (walk->step == walk->slots)
		return 0;
	position = walk->start + (uint64_t)walk->step * walk->stride;
	walk->step++;
	return 1 + (unsigned int)(position % walk->slots);
}
