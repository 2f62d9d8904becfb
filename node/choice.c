// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes that each take the emptier of two gateways chosen at random spread far better than nodes
 * that each take any one; nodes that all took the emptiest would all come to the same.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "node/choice.h"
#include "node/gateway.h"
#include "node/options.h"
#include "node/tunnel.h"

/*
 * Adds addresses of a gateway that have not failed, up to most, and all of one family: those of
 * another are likely to be the same gateways'. Returns how many there are then, or -1 if it has
 * none: a name service that fails is not to be waited for again and again.
 */
static int add_addresses(struct choice found[static 2], int count, int most,
			 const struct gateway *gateway, int64_t failed)
{
	union endpoint addresses[GATEWAY_MAX_ADDRESSES];
	const int first = count;
	const char *why;
	const size_t number = gateway_resolve(gateway, false, addresses, &why);

	for (size_t i = 0; i < number && count < most; i++) {
		if (failed & tunnel_address_bit(&addresses[i]))
			continue;
		if (count > first &&
		    addresses[i].any.sa_family != found[first].address.any.sa_family)
			break;
		found[count++] = (struct choice){ gateway, addresses[i] };
	}
	return number ? count : -1;
}

/* Finds what to choose from. Returns whether there are two. */
static bool find_two(struct choice found[static 2], const struct options *options, int64_t failed)
{
	const bool is_alone = options->count == 1;
	int ret = 0;

	for (size_t i = 0; i < options->count && ret >= 0 && ret < 2; i++)
		ret = add_addresses(found, ret, is_alone ? 2 : ret + 1, &options->gateways[i],
				    failed);
	return ret == 2;
}

/* Asks both at the same time. */
static void ask_both(const struct choice found[static 2], uint32_t mark, int64_t deadline,
		     int usages[static 2])
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(gateway_ask_usage(&found[1].address, mark, deadline));
	usages[0] = gateway_ask_usage(&found[0].address, mark, deadline);
	usages[1] = GATEWAY_USAGE_UNKNOWN;
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		usages[1] = WEXITSTATUS(status);
}

void choice_make(struct choice *choice, const struct options *options, int64_t deadline,
		 int64_t *failed)
{
	struct choice found[2];
	int usages[2], best;

	choice->gateway = NULL;
	if (options->in_order || !find_two(found, options, *failed))
		return;
	ask_both(found, options->mark, deadline, usages);
	for (int i = 0; i < 2; i++)
		if (usages[i] == GATEWAY_USAGE_NONE)
			*failed |= tunnel_address_bit(&found[i].address);
	best = usages[1] < usages[0];
	if (usages[best] != GATEWAY_USAGE_NONE)
		*choice = found[best];
}

/* Whether two addresses are the same; of one gateway, so that the ports are, too. */
static bool is_same(const union endpoint *a, const union endpoint *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool choice_is(const struct choice *choice, const struct gateway *gateway,
	       const union endpoint *address)
{
	return choice->gateway == gateway && is_same(&choice->address, address);
}
