# SPDX-License-Identifier: GPL-2.0-or-later
# The tests, and `make run`. Included by the Makefile.

run:
	$(Q)tests/prerequisites run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/serve

# Which tests on a kernel: make check T=tests/20-*.t. The longest first, so that no processor is idle
# at the end.
longest := $(wildcard $(patsubst %,tests/%-*.t,27 30 41 13 42 70 65 61 55 56 23 44 21))
T ?= $(longest) $(filter-out $(longest),$(sort $(wildcard tests/*.t)))
# What they run that is not in `all`, by their comments "# needs: TARGET...".
needs = $(sort $(shell sed -sn '1,10s/^\# needs: //p' $(T) /dev/null))
# How many test files, and compilers, at once; each takes one processor.
JOBS ?= 2
# More options for the machine, such as --kvm: see tests/vm/run --help. And its release of Debian,
# bookworm or trixie; by default that of this host.
export VM_OPTIONS VM_SUITE
# What also runs on the other of the two: a tunnel, the supervisors as they are installed, and udev.
other_suite = $(shell tests/vm/build --other-suite)
elsewhere = $(addsuffix @$(other_suite),$(filter $(patsubst %,tests/%-%,10 41 42 43 48),$(T)))

# Units run on the host. Which unit is made of what, besides its own file and unit.o. Where log is
# missing, log-kept stands in for it and keeps the lines for the test; where clock is, fake-clock.
unit-access := access key
unit-announce := announce session slot note key number tests/unit/fake-wgif
unit-answer := json key
unit-choice := node/choice node/tunnel session slot note key number tests/unit/fake-wgif
unit-clock := clock
unit-blake2s := blake2s
unit-confined := confined deadline
unit-config := config allowed_ips number
unit-curve := node/curve key
unit-deadline := deadline
unit-endpoint := endpoint
unit-gateway := node/gateway confined deadline json key stream clock number
unit-key := key
unit-keygen := node/keygen node/curve key
unit-lists := admin/lists key
unit-log := log
unit-loop := node/loop node/repeats node/gateway confined deadline json key stream clock number
unit-mesh := mesh slot json key stream number
unit-netlink := netlink
unit-note := note
unit-options := node/options allowed_ips node/gateway node/walltime confined deadline json key stream clock number
unit-number := number
unit-parser := parser confined deadline key
unit-peer := peer room quota blake2s session slot note key number tests/unit/fake-wgif
unit-privileges := privileges
unit-prune := admin/prune admin/lists access peer room quota blake2s session slot note key number tests/unit/fake-wgif
unit-reply := json key
unit-report := accept/report endpoint notify
unit-request := json key
unit-session := session slot note key number tests/unit/fake-wgif
unit-slot := slot number
unit-status := admin/status words endpoint session slot note key number tests/unit/fake-wgif
unit-stream := stream
unit-turn := turn
unit-tunnel := node/tunnel session slot note key number tests/unit/fake-wgif
unit-walltime := node/walltime
unit_sources := $(filter-out %/unit.c %/log-kept.c tests/unit/fake-%.c,$(wildcard tests/unit/*.c))
units := $(unit_sources:%.c=$(BUILD)/%)
sanitized := $(units:$(BUILD)/%=$(BUILD)/sanitize/%)
# Not these: what they confine, valgrind cannot work in.
valgrinded := $(patsubst $(BUILD)/%,$(BUILD)/valgrind/%,\
	$(filter-out %/confined %/gateway %/parser %/privileges,$(units)))

units: $(units)

unit_objects = $(addprefix $(BUILD)/,$(addsuffix .o,tests/unit/$(1) tests/unit/unit $(unit-$(1)) \
	$(if $(filter log,$(unit-$(1))),,tests/unit/log-kept) \
	$(if $(filter clock,$(unit-$(1))),,tests/unit/fake-clock)))
$(foreach unit,$(notdir $(units)),$(eval $(BUILD)/tests/unit/$(unit): $(call unit_objects,$(unit))))

$(units):
	$(call say,LD,$@)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -Wl,--as-needed $(LDFLAGS) -o $@ $^ \
		$$($(PKG_CONFIG) --libs json-c libnl-genl-3.0 cmocka) $(LDLIBS)

# So that prove(1) runs a unit under valgrind like any other test.
$(BUILD)/valgrind/%: $(BUILD)/%
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec valgrind -q --error-exitcode=9 --leak-check=full %s\n' $< >$@
	$(Q)chmod +x $@

# All programs and units once more: with sanitizers; and for valgrind, which static programs elude.
build_other = +$(Q)$(MAKE) --no-print-directory STATIC=
sanitize_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-DUNCONFINED

sanitize:
	$(build_other) BUILD=$(BUILD)/sanitize CFLAGS='$(sanitize_flags)' all units
debug:
	$(build_other) BUILD=$(BUILD)/debug CFLAGS='-O1 -g -DUNCONFINED' all

prove = $(Q)prove --timer --failures -j$(JOBS) $(if $(filter 1,$(V)),-v) --exec tests/vm/prove-exec

check: check-prerequisites
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) check-all
check-all: all bench broken deb debug monitoring sweep units sanitize $(valgrinded) image check-there
	$(prove) $(T) $(elsewhere) $(units) $(sanitized) $(valgrinded)
check-units: units
	$(prove) $(units)
check-sanitize: sanitize
	$(prove) $(sanitized)
check-valgrind: $(valgrinded)
	$(prove) $(valgrinded)
check-kernel: kernel-programs check-there
	$(prove) $(T)
# What the tests on a kernel run.
kernel-programs: all $(needs)

# What `make check` does not wait for: a thousand nodes at once, and floods, under each supervisor.
check-more: T := $(sort $(wildcard tests/more/*.t))
check-more: all
	$(Q)$(MAKE) --no-print-directory check-kernel JOBS=1 T='$(T)'

check-prerequisites:
	$(Q)tests/prerequisites check
# The test machines, while others compile.
image:
	$(Q)tests/vm/build >/dev/null
	$(Q)$(if $(elsewhere),VM_SUITE=$(other_suite) tests/vm/build >/dev/null)
# Without tests on a kernel there is nothing to pass.
check-there:
	$(Q)$(if $(strip $(T)),:,echo 'make check: no tests on a kernel: T is empty' >&2; exit 1)

# Each for so many seconds, from the seeds, and what was found before.
fuzz-config := config allowed_ips number
fuzz-key := key
fuzz-mesh := mesh slot json key clock number
fuzz-netlink := key
fuzz-note := note
fuzz-reply := json key
fuzz-request := json key confined deadline
FUZZ_TIME ?= 40
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_flags := $(sanitize_flags) -fsanitize=fuzzer-no-link

fuzz: fuzz-prerequisites
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang CFLAGS='$(fuzz_flags)' \
		$(fuzzers:%=fuzz-%)
fuzz-prerequisites:
	$(Q)tests/prerequisites fuzz
fuzz-%: $(BUILD)/tests/fuzz/%
	$(call say,FUZZ,$*)
	$(Q)mkdir -p $(BUILD)/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_TIME) -max_len=5000 -dict=tests/fuzz/words -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=$(BUILD)/$*- $(BUILD)/corpus/$* tests/fuzz/seeds
fuzz_objects = $(addprefix $(BUILD)/,$(addsuffix .o,tests/fuzz/$(1) $(fuzz-$(1))))
$(foreach fuzzer,$(fuzzers),$(eval $(BUILD)/tests/fuzz/$(fuzzer): $(call fuzz_objects,$(fuzzer))))
$(fuzzers:%=$(BUILD)/tests/fuzz/%):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(libraries))

# What a request costs with more and more peers, beside the kernel's part alone and a plain script.
costs:
	$(Q)tests/prerequisites costs
	+$(Q)$(MAKE) --no-print-directory all bench
	$(Q)tests/vm/run --memory 3072 --out doc -- tests/bench/measure
	$(Q)tests/bench/plot doc/costs.json >doc/costs.svg

# How large it all is on a router, with musl.
size:
	$(Q)tests/prerequisites size
	$(Q)BUILD='$(BUILD)' tests/size

# All programs and units for 64 bits of ARM, and for 32 bits of big and little endian.
check-cross:
	$(Q)tests/prerequisites cross
	$(Q)BUILD='$(BUILD)' V='$(V)' tests/cross

# Tests the tests, see tests/mutants/run: M=note for those of one source; KERNEL=1 for all of them.
mutants:
	$(Q)BUILD='$(BUILD)' tests/mutants/run $(if $(KERNEL),-k) $(M)

# How much of the code the units and some of the tests on a kernel reach, and which lines not.
# Programs that are confined could not write down what they reach; nor could broker-accept, had an
# exec(2) in a child written that down before, as it does where it is a builtin.
covering := $(wildcard $(patsubst %,tests/%-*.t,10 12 16 17 18 20 25 28 29 31 32 35 36 37 50 51 52 53 58 \
	60 61 62 63 68 69 70 72 73 74 78 79))
coverage: elsewhere :=
coverage: coverage-prerequisites image
	$(Q)mkdir -p $(BUILD)/coverage
	$(Q)find $(BUILD)/coverage \( -name '*.gcda' -o -name '*.json' \) -delete
	$(Q)ln -sfn . $(BUILD)/coverage/sanitize # for tests/25-accept.t
	+$(Q)$(MAKE) --no-print-directory STATIC= BUILD=$(BUILD)/coverage \
		CFLAGS='-O0 -g --coverage -fno-builtin' CPPFLAGS='-DUNIT_GCOV -DUNCONFINED -include tests/coverage.h' all units
	$(Q)BROKER_BUILD=$(BUILD)/coverage prove -j$(JOBS) --exec tests/coverage-exec \
		$(units:$(BUILD)/%=$(BUILD)/coverage/%) $(covering)
	$(Q)gcovr --root . --exclude tests/ --json $(BUILD)/coverage/units.json $(BUILD)/coverage
	$(Q)gcovr --root . --fail-under-line 95 -a '$(BUILD)/coverage/*.json'
coverage-prerequisites:
	$(Q)tests/prerequisites coverage

# Warnings are errors, of two compilers and of gcc's analyzer; then the format, and what reads C and
# shell for mistakes.
c_files := $(wildcard *.c accept/*.c admin/*.c node/*.c tests/*/*.c)
objects := $(c_files:%.c=$(BUILD)/%.o)
scripts = $(shell grep -rlE '^\#!/bin/(ba|busybox )?sh|^\# shellcheck shell=' --exclude-dir=build \
	--exclude-dir=.git --exclude=Makefile .)

lint: lint-prerequisites
	$(Q)$(MAKE) --no-print-directory lint-gcc lint-clang lint-format lint-tidy lint-cppcheck \
		lint-shell lint-pages lint-deb
lint-prerequisites:
	$(Q)tests/prerequisites lint
objects: $(objects)
lint-gcc lint-clang:
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/$@ CC=$(@:lint-%=%) \
		CFLAGS='-O2 -g -Werror $(if $(@:lint-clang=),-fanalyzer)' objects
lint-format:
	$(call say,LINT,'the format')
	$(Q)clang-format --dry-run -Werror $(c_files) $(wildcard *.h accept/*.h admin/*.h node/*.h tests/*/*.h)
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
lint-pages:
	$(call say,LINT,'the manual pages')
	$(Q)mandoc -Tlint -W warning man/*
# What Debian would say of the packages. Overrides, with their reasons, are in debian/.
lint-deb: deb
	$(call say,LINT,'the packages')
	$(Q)lintian --allow-root --pedantic --fail-on error,warning,pedantic $(BUILD)/deb/*.changes

# Programs whose parser is broken on purpose, for tests/22-sandbox.t.
broken_programs := $(addprefix $(BUILD)/broken/,broker-handler broker-connect)
broken: $(broken_programs)
$(foreach program,broker-handler broker-connect,$(eval $(BUILD)/broken/$(program): \
	$(filter-out $(BUILD)/json.o,$(call objects_of,$(program)))))

$(broken_programs): $(BUILD)/tests/broken/json.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ $^ $(our_ldlibs) $(LDLIBS)

# What tests/23-faults.t has things go wrong with.
sweep: $(BUILD)/sweep/inject $(BUILD)/sweep/malloc.so

$(BUILD)/sweep/%: tests/sweep/%.c Makefile
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -D_GNU_SOURCE $(LDFLAGS) -o $@ $<
$(BUILD)/sweep/%.so: tests/sweep/%.c Makefile
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -D_GNU_SOURCE -fPIC -shared $(LDFLAGS) -o $@ $<

# What tests/80-metrics.t has read our metrics, and check alerts. Where no machine takes it along.
monitoring: $(BUILD)/tests/monitoring/promtool

$(BUILD)/tests/monitoring/promtool:
	$(call say,GET,$@)
	$(Q)tests/get-monitoring $(@D)

# What tests/30-cost.t and `make costs` measure with, and measure: static, as the handler is.
bench: $(BUILD)/bench/spawn $(BUILD)/bench/bare $(BUILD)/bench/ask $(BUILD)/bench/floor

$(BUILD)/bench/%: tests/bench/%.c Makefile
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) -D_GNU_SOURCE -static $(LDFLAGS) -o $@ $<

.PHONY: bench broken check check-all check-cross check-kernel check-more check-prerequisites \
	check-sanitize check-there check-units check-valgrind costs coverage coverage-prerequisites debug \
	fuzz fuzz-prerequisites image kernel-programs lint lint-clang lint-cppcheck lint-deb lint-format \
	lint-gcc lint-pages lint-prerequisites lint-shell lint-tidy monitoring mutants objects run sanitize \
	size sweep units
