# SPDX-License-Identifier: GPL-2.0-or-later
# The tests, and `make run`. Included by the Makefile.

run:
	$(Q)tests/prerequisites run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/serve

.PHONY: run
