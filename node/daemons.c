// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells the node's routing daemons of its tunnel. The machine may be a gateway, too, whose handlers
 * talk to the same daemons: takes turns with them.
 */
#include "mesh.h"
#include "turn.h"
#include "node/daemons.h"

enum { TURN_TIME = 30 /* seconds to wait for a turn; then it is taken */ };

void daemons_announce(const struct config *config, const char *ifname, bool is_new)
{
	struct turn turn;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	/* l3roamd and mmfd still know the name of one that was deleted behind their back. */
	if (is_new)
		(void)mesh_announce(config, ifname);
	else
		(void)mesh_announce_missing(config, ifname);
	turn_end(&turn);
}

void daemons_withdraw(const struct config *config, const char *ifname)
{
	struct turn turn;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	(void)mesh_withdraw_one(config, ifname);
	turn_end(&turn);
}
