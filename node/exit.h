/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What broker-connect exits with besides the codes of error.h; sysexits(3) has the values. */
#ifndef EXIT_H
#define EXIT_H

enum node_exit_code {
	EXIT_UNREACHABLE = 69, /* no gateway answered, or none that did shook hands; no session */
	EXIT_FULL = 75,	       /* no gateway accepted, and at least one was full: try again */
	EXIT_NONSENSE = 76,    /* no gateway gave a reply, and at least one sent nonsense */
	EXIT_REFUSED = 77,     /* no gateway accepted or was full, and at least one refused */
};

#endif
