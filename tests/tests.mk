# SPDX-License-Identifier: GPL-2.0-or-later
# The tests, and `make run`. Included by the Makefile.

run:
	$(Q)tests/prerequisites run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/serve

.PHONY: run

# What tests/30-cost.t measures with, and measures: static, as the handler is.
bench: $(BUILD)/bench/spawn $(BUILD)/bench/bare

$(BUILD)/bench/%: tests/bench/%.c Makefile
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -D_GNU_SOURCE -static $(LDFLAGS) -o $@ $<

.PHONY: bench
