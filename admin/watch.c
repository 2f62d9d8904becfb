// SPDX-License-Identifier: GPL-2.0-or-later
/* Shows the table of the peers until ^C. Changes nothing. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <unistd.h>

#include "admin/status.h"
#include "admin/watch.h"
#include "error.h"
#include "wgif.h"

/* Opened anew each time: the number of a generic family changes when its module is loaded again. */
static int print_table(const struct config *config)
{
	struct wgif_kernel *kernel = wgif_open();
	int ret = -ERR_FAILURE;

	if (kernel)
		ret = status(kernel, config, STATUS_TABLE, NULL);
	wgif_close(kernel);
	return ret;
}

/* Writes all at once. Returns false if nobody reads it; any other error stays for the caller. */
static bool write_out(void)
{
	const int ret = fflush(stdout);

	if (ret != EOF || errno != EPIPE)
		return true;
	__fpurge(stdout);
	clearerr(stdout);
	return false;
}

/* Returns false as soon as nobody reads any more. */
static bool wait_for(unsigned int seconds)
{
	struct pollfd reader = { .fd = STDOUT_FILENO };

	return poll(&reader, 1, (int)seconds * 1000) == 0;
}

int watch(const struct config *config, unsigned int seconds)
{
	const bool is_terminal = isatty(STDOUT_FILENO);
	const char *before = "";
	int ret;

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	do {
		/* From the upper left corner on, on an empty screen. */
		fputs(is_terminal ? "\033[H\033[2J" : before, stdout);
		before = "\n";
		ret = print_table(config);
	} while (ret == 0 && write_out() && !ferror(stdout) && wait_for(seconds));
	return ret;
}
