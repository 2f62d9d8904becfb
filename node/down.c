// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes a node's tunnel down. Touches no interface that is not ours. */
#include <unistd.h>

#include "error.h"
#include "session.h"
#include "wgif.h"
#include "node/daemons.h"
#include "node/down.h"
#include "node/schedule.h"
#include "node/tunnel.h"

/* Returns 0 also if there is none, or a negative error after it has logged why. */
static int delete_interface(struct wgif_kernel *kernel, const struct tunnel *tunnel,
			    const struct config *daemons)
{
	struct session session;
	int ret;

	ret = tunnel_read(kernel, tunnel, &session);
	/* They may still know one that was deleted behind their back. */
	if (ret == 0 || ret == -ERR_ABSENT)
		daemons_withdraw(daemons, tunnel->ifname);
	if (ret == -ERR_ABSENT)
		return 0;
	return ret < 0 ? ret : wgif_delete(kernel, &session.link);
}

int down_run(const struct tunnel *tunnel, const char *key_path, const struct config *daemons)
{
	struct wgif_kernel *kernel;
	int ret = 0;

	/* Without a key there is no run. */
	if (access(key_path, F_OK) == 0)
		ret = schedule_lock(key_path, INT64_MAX);
	if (ret)
		return ret;
	kernel = wgif_open();
	if (!kernel)
		return EXIT_FAILED;
	ret = delete_interface(kernel, tunnel, daemons);
	wgif_close(kernel);
	return ret < 0 ? EXIT_FAILED : EXIT_DONE;
}
