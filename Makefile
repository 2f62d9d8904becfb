# SPDX-License-Identifier: GPL-2.0-or-later
# wg-broker. `make run` tries it, `make check` tests it, `make install` installs it: see README.

VERSION := 1.0.0

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
SYSTEMDUNITDIR ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
# Who accepts the connections: systemd, xinetd or socat.
SUPERVISOR ?= $(if $(wildcard /run/systemd/system),systemd,$(if $(wildcard /etc/xinetd.d),xinetd,socat))
# Static programs start in less than half of the instructions; STATIC= links them dynamically.
STATIC ?= 1
# Where all that is made goes; another folder for another set of flags.
BUILD ?= build

programs := broker-handler broker-admin broker-connect
common := peer.c mesh.c wgif.c json.c config.c key.c curve.c note.c deadline.c log.c

libraries := json-c libnl-route-3.0 libnl-genl-3.0 libnl-3.0

our_cppflags := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DCONFIG_FILE='"$(SYSCONFDIR)/wg-broker/config"' \
	$(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(libraries) 2>/dev/null))
our_cflags := -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wconversion -fstack-protector-strong
CFLAGS ?= -O2 -g
our_ldlibs := $(shell $(PKG_CONFIG) $(if $(STATIC),--static) --libs $(libraries) 2>/dev/null)
ifneq ($(STATIC),)
# libnl refers to the name service, which no program of ours uses: ld warns of that.
our_cflags += -ffunction-sections -fdata-sections
our_ldflags := -static -Wl,--gc-sections -Wl,--no-warnings
endif

# Quiet unless V=1.
V ?=
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' $(1) $(2))

compile = $(CC) $(our_cflags) $(CFLAGS) $(our_cppflags) $(CPPFLAGS)

all: $(programs:%=$(BUILD)/%)

$(BUILD)/broker-admin: $(BUILD)/prune.o $(BUILD)/status.o

$(BUILD)/%: $(BUILD)/%.o $(common:%.c=$(BUILD)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ $^ $(our_ldlibs) $(LDLIBS)

# Better words than the compiler's, where something is missing.
need_libraries = $(PKG_CONFIG) --print-errors --exists $(libraries) || { printf '%s\n' >&2 \
	'make: pkg-config is missing, or what it names above; with STATIC=1 also the static libraries.' \
	'  Debian: apt-get install pkg-config libjson-c-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev' \
	'  OpenWrt: select libjson-c libnl-core libnl-genl libnl-route, and build with STATIC='; exit 1; }

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$@)
	$(Q)$(need_libraries)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# The node's side alone has these; and it looks up names, for which libc must be dynamic.
$(BUILD)/broker-connect: $(addprefix $(BUILD)/,gateway.o tunnel.o)
$(BUILD)/broker-connect: our_ldflags := -Wl,--as-needed -Wl,--gc-sections
$(BUILD)/broker-connect: our_ldlibs := $(shell $(PKG_CONFIG) --libs $(libraries) 2>/dev/null)

.PRECIOUS: $(BUILD)/%.o
-include $(wildcard $(BUILD)/*.d)

include tests/tests.mk

install: all
install uninstall:
	$(Q)DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' PROGRAMS='$(programs)' SBINDIR='$(SBINDIR)' \
		MANDIR='$(MANDIR)' SYSCONFDIR='$(SYSCONFDIR)' SYSTEMDUNITDIR='$(SYSTEMDUNITDIR)' \
		SYSUSERSDIR='$(SYSUSERSDIR)' contrib/install $@ $(SUPERVISOR)

clean:
	rm -rf $(BUILD)

.PHONY: all clean install uninstall
