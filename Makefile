# SPDX-License-Identifier: GPL-2.0-or-later
# wg-broker. `make run` tries it, `make check` tests it, `make install` installs it: see README.

VERSION := 1.1.0

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
SYSCONFDIR ?= /etc
# Below /usr/local, or /usr for a package: systemd and its udev look there and nowhere else.
system_lib := $(if $(filter /usr,$(PREFIX:/=)),/usr/lib,/usr/local/lib)
SYSTEMDUNITDIR ?= $(system_lib)/systemd/system
SYSUSERSDIR ?= $(system_lib)/sysusers.d
UDEVRULESDIR ?= $(system_lib)/udev/rules.d
NETWORKDIR ?= $(system_lib)/systemd/network
# Who accepts the connections: systemd, xinetd or socat.
SUPERVISOR ?= $(if $(wildcard /run/systemd/system),systemd,$(if $(wildcard /etc/xinetd.d),xinetd,socat))
# Static programs start in less than half of the instructions; STATIC= links them dynamically, and
# STATIC=libnl all but that, of which we use little: the least that a router needs.
STATIC ?= 1
# Where all that is made goes; another folder for another set of flags.
BUILD ?= build

# When the sources were last changed, in unix time: a node's clock is never set to one before it.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct -- . 2>/dev/null),$(shell \
	stat -c %Y *.c *.h */*.c */*.h | sort -n | tail -n 1))

# Which program is made of what.
kernel := session wgif netlink note slot key clock number
settings := config allowed_ips number
admission := peer room quota blake2s
broker-handler := broker-handler $(admission) check parser confined access privileges endpoint announce turn json mesh \
	stream deadline log $(kernel) $(settings)
broker-accept := $(addprefix accept/,broker-accept options listener handlers report) endpoint notify log clock \
	$(settings)
broker-admin := $(addprefix admin/,broker-admin check lists options prune show status watch) \
	$(admission) access endpoint announce turn \
	json mesh stream deadline log privileges words $(kernel) $(settings)
broker-connect := $(addprefix node/,broker-connect options report choice gateway tunnel walltime keygen curve schedule loop repeats status down daemons) \
	json confined deadline stream log allowed_ips endpoint words mesh turn $(kernel)
programs := broker-handler broker-accept broker-admin broker-connect

libraries := json-c libnl-route-3.0 libnl-genl-3.0 libnl-3.0

our_cppflags := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DVERSION='"$(VERSION)"' \
	-DBUILD_TIME=$(BUILD_TIME) \
	-DCONFIG_FILE='"$(SYSCONFDIR)/wg-broker/config"' \
	$(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(libraries) 2>/dev/null))
our_cflags := -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wconversion -fstack-protector-strong -fPIE
# Here is what needs -O, and what distributions have flags of their own for.
CFLAGS ?= -O2 -g -D_FORTIFY_SOURCE=2
dynamic_ldlibs := $(shell $(PKG_CONFIG) --libs $(libraries) 2>/dev/null)
our_ldlibs = $(dynamic_ldlibs)
read_only := -Wl,-z,relro -Wl,-z,now
our_ldflags := -pie $(read_only)
ifneq ($(STATIC),)
our_cflags += -ffunction-sections -fdata-sections
endif
ifeq ($(STATIC),libnl)
our_ldflags += -Wl,--gc-sections
dynamic_ldlibs := -Wl,-Bstatic $(filter -L% -lnl-%,$(dynamic_ldlibs)) -Wl,-Bdynamic \
	$(filter-out -lnl-%,$(dynamic_ldlibs))
else ifneq ($(STATIC),)
# libnl refers to the name service, which no program of ours uses: ld warns of that.
our_ldlibs := $(shell $(PKG_CONFIG) --static --libs $(libraries) 2>/dev/null)
# The handler is not PIE, and the code that a request runs through stands side by side in it: without
# the one a refused request would take a tenth more instructions, without the other a quarter.
order := handler.ld
our_ldflags = $(if $(filter %/broker-handler,$@),-static -T $(order),-static-pie) $(read_only) \
	-Wl,--gc-sections -Wl,--no-warnings
endif

# Quiet unless V=1.
V ?=
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' $(1) $(2))

compile = $(CC) $(our_cflags) $(CFLAGS) $(our_cppflags) $(CPPFLAGS)

all: $(programs:%=$(BUILD)/%)

objects_of = $(sort $(addprefix $(BUILD)/,$(addsuffix .o,$($(1)))))
$(foreach program,$(programs),$(eval $(BUILD)/$(program): $(call objects_of,$(program))))

$(BUILD)/broker-handler: $(order)

$(programs:%=$(BUILD)/%):
	$(call say,LD,$@)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(our_ldlibs) $(LDLIBS)

# Better words than the compiler's, where something is missing.
need_libraries = $(PKG_CONFIG) --print-errors --exists $(libraries) || { printf '%s\n' >&2 \
	'make: pkg-config is missing, or what it names above; with STATIC=1 also the static libraries.' \
	'  Debian: apt-get install pkg-config libjson-c-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev' \
	'  OpenWrt: contrib/openwrt/ has packages'; exit 1; }

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$@)
	$(Q)$(need_libraries)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# It looks up names, for which libc must be dynamic.
$(BUILD)/broker-connect $(BUILD)/broken/broker-connect: our_ldflags := \
	-pie $(read_only) -Wl,--as-needed -Wl,--gc-sections
$(BUILD)/broker-connect $(BUILD)/broken/broker-connect: our_ldlibs = $(dynamic_ldlibs)

.PRECIOUS: $(BUILD)/%.o
-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

include tests/tests.mk

install: all
install uninstall:
	$(Q)DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' PROGRAMS='$(programs)' SBINDIR='$(SBINDIR)' \
		MANDIR='$(MANDIR)' BASHCOMPDIR='$(BASHCOMPDIR)' SYSCONFDIR='$(SYSCONFDIR)' SYSTEMDUNITDIR='$(SYSTEMDUNITDIR)' \
		SYSUSERSDIR='$(SYSUSERSDIR)' UDEVRULESDIR='$(UDEVRULESDIR)' NETWORKDIR='$(NETWORKDIR)' \
		tools/install $@ $(SUPERVISOR)

# The sources of the last commit in one file: from every clone the same bytes.
tarball := $(BUILD)/wg-broker-$(VERSION).tar
dist:
	$(call say,TAR,$(tarball).gz)
	$(Q)mkdir -p $(BUILD)
	$(Q)git -c tar.umask=0022 archive --prefix=wg-broker-$(VERSION)/ -o $(tarball) HEAD
	$(Q)gzip -9nf $(tarball)

# Packages for the release of Debian that this host is, in build/deb/. They are made in a copy of the
# tree, with what tests/prerequisites sees to (-d). What make was called with is not for them, but
# STATIC=1 is.
deb:
	$(Q)tests/prerequisites deb
	$(call say,DEB,$(BUILD)/$@)
	$(Q)rm -rf $(BUILD)/$@ && mkdir -p $(BUILD)/$@/wg-broker
	$(Q)tar -c --exclude=./.git --exclude=./build --exclude='./$(BUILD)' . | tar -x -C $(BUILD)/$@/wg-broker
	$(Q)cd $(BUILD)/$@/wg-broker && \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -d -us -uc >../build.log 2>&1 || \
		{ tail -n 20 ../build.log >&2; echo 'make: the whole of it is in $(BUILD)/$@/build.log' >&2; exit 1; }
	$(Q)rm -r $(BUILD)/$@/wg-broker

clean:
	rm -rf $(BUILD)

.PHONY: all clean deb dist install uninstall
