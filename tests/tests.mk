# SPDX-License-Identifier: GPL-2.0-or-later
# The tests, and `make run`. Included by the Makefile.

run:
	$(Q)tests/prerequisites run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/serve

# Which tests on a kernel: make check T=tests/20-*.t
T ?= $(sort $(wildcard tests/*.t))
# How many test files at once.
JOBS ?= 2

# Units run on the host. Their objects, and those of other flags, are in folders of their own.
unit_sources := $(filter-out tests/unit/unit.c tests/unit/log-kept.c,$(wildcard tests/unit/*.c))
units := $(unit_sources:%.c=$(BUILD)/%)
unit_common := $(addprefix $(BUILD)/,json.o config.o key.o curve.o note.o tests/unit/unit.o)
sanitized := $(units:$(BUILD)/%=$(BUILD)/sanitize/%)
# The unit of the daemons races with deadlines of half a second, which valgrind is too slow for: the
# sanitizers alone look at that one.
valgrinded := $(patsubst $(BUILD)/%,$(BUILD)/valgrind/%,$(filter-out %/mesh,$(units)))

units: $(units)

$(BUILD)/tests/%: our_cppflags += -I.
$(BUILD)/tests/unit/log: unit_log := $(BUILD)/log.o
$(BUILD)/tests/unit/log: $(BUILD)/log.o
# mesh.c knows slots by peer.c, which brings the rest along.
unit_mesh := $(addprefix $(BUILD)/,mesh.o peer.o wgif.o deadline.o)
$(BUILD)/tests/unit/mesh: unit_more := $(unit_mesh)
$(BUILD)/tests/unit/mesh: unit_libraries := $(libraries)
$(BUILD)/tests/unit/mesh: $(unit_mesh)
unit_log = $(BUILD)/tests/unit/log-kept.o

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(unit_common) $(BUILD)/tests/unit/log-kept.o
	$(call say,LD,$@)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) $(LDFLAGS) -o $@ $< $(unit_more) $(unit_common) $(unit_log) \
		$$($(PKG_CONFIG) --libs json-c cmocka $(unit_libraries)) $(LDLIBS)

.PRECIOUS: $(BUILD)/tests/unit/%.o
-include $(wildcard $(BUILD)/tests/*/*.d)

# So that prove(1) runs a unit under valgrind like any other test.
$(BUILD)/valgrind/%: $(BUILD)/%
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec valgrind -q --error-exitcode=9 --leak-check=full %s\n' $< >$@
	$(Q)chmod +x $@

# All programs and units once more: with sanitizers; and for valgrind, which static programs elude.
build_other = +$(Q)$(MAKE) --no-print-directory STATIC=
sanitize_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

sanitize:
	$(build_other) BUILD=$(BUILD)/sanitize CFLAGS='$(sanitize_flags)' all units
debug:
	$(build_other) BUILD=$(BUILD)/debug CFLAGS='-O1 -g' all

prove = $(Q)prove --timer -j$(JOBS) $(if $(filter 1,$(V)),-v) --exec tests/vm/prove-exec

check: check-prerequisites
	$(Q)$(MAKE) --no-print-directory check-all
check-all: all bench debug units sanitize $(valgrinded) check-there
	$(prove) $(units) $(sanitized) $(valgrinded) $(T)
check-units: units
	$(prove) $(units)
check-sanitize: sanitize
	$(prove) $(sanitized)
check-valgrind: $(valgrinded)
	$(prove) $(valgrinded)
check-kernel: all bench debug sanitize check-there
	$(prove) $(T)

# What `make check` does not wait for: a thousand nodes at once, and floods, under each supervisor.
check-more: T := $(sort $(wildcard tests/more/*.t))
check-more: all
	$(Q)$(MAKE) --no-print-directory check-kernel JOBS=1 T='$(T)'

check-prerequisites:
	$(Q)tests/prerequisites check
# Without tests on a kernel there is nothing to pass.
check-there:
	$(Q)$(if $(strip $(T)),:,echo 'make check: no tests on a kernel: T is empty' >&2; exit 1)

# Each for so many seconds, from the seeds, and what was found before.
FUZZ_TIME ?= 60
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_flags := $(sanitize_flags) -fsanitize=fuzzer-no-link

fuzz: fuzz-prerequisites
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang CFLAGS='$(fuzz_flags)' \
		$(fuzzers:%=fuzz-%)
fuzz-prerequisites:
	$(Q)tests/prerequisites fuzz
fuzz-%: $(BUILD)/%
	$(call say,FUZZ,$*)
	$(Q)mkdir -p $(BUILD)/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_TIME) -max_len=5000 -dict=tests/fuzz/words -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=$(BUILD)/$*- $(BUILD)/corpus/$* tests/fuzz/seeds
$(fuzzers:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/tests/fuzz/%.o $(addprefix $(BUILD)/,json.o config.o key.o note.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs json-c)

# How much of the code the units and the programs without a kernel reach.
coverage:
	+$(Q)$(MAKE) --no-print-directory STATIC= BUILD=$(BUILD)/coverage \
		CFLAGS='-O0 -g --coverage' units
	$(Q)prove --exec tests/vm/prove-exec $(units:$(BUILD)/%=$(BUILD)/coverage/%)
	$(Q)for unit in json config key note log; do \
		gcov -n -o $(BUILD)/coverage $$unit.c | grep -A1 "^File '$$unit.c'"; done

# Warnings are errors, of two compilers; then the format, and what reads C and shell for mistakes.
c_files := $(wildcard *.c tests/*/*.c)
objects := $(c_files:%.c=$(BUILD)/%.o)
scripts = $(shell grep -rlE '^\#!/bin/(ba|busybox )?sh|^\# shellcheck shell=' --exclude-dir=build \
	--exclude-dir=.git .)

lint: lint-prerequisites
	$(Q)$(MAKE) --no-print-directory lint-gcc lint-clang lint-format lint-tidy lint-cppcheck \
		lint-shell
lint-prerequisites:
	$(Q)tests/prerequisites lint
objects: $(objects)
lint-gcc lint-clang:
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/$@ CC=$(@:lint-%=%) \
		CFLAGS='-O2 -g -Werror' objects
lint-format:
	$(call say,LINT,'the format')
	$(Q)clang-format --dry-run -Werror $(c_files) $(wildcard *.h tests/*/*.h)
lint-tidy:
	$(call say,LINT,'with clang-tidy')
	$(Q)printf '%s\n' $(c_files) | xargs -P $(JOBS) -I {} clang-tidy --quiet {} -- \
		$(our_cflags) $(our_cppflags) -I. 2>/dev/null
lint-cppcheck:
	$(call say,LINT,'with cppcheck')
	$(Q)cppcheck -q --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
		-D_GNU_SOURCE -I. $(c_files)
lint-shell:
	$(call say,LINT,'the scripts')
	$(Q)shellcheck $(scripts)

# What tests/30-cost.t measures with, and measures: static, as the handler is.
bench: $(BUILD)/bench/spawn $(BUILD)/bench/bare

$(BUILD)/bench/%: tests/bench/%.c Makefile
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -D_GNU_SOURCE -static $(LDFLAGS) -o $@ $<

.PHONY: bench check check-all check-kernel check-more check-prerequisites check-sanitize check-there \
	check-units check-valgrind coverage debug fuzz fuzz-prerequisites lint lint-clang lint-cppcheck lint-format lint-gcc \
	lint-prerequisites lint-shell lint-tidy objects run sanitize units
