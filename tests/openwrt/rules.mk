# SPDX-License-Identifier: GPL-2.0-or-later
# Stands in for OpenWrt's rules.mk, as far as our package's Makefile uses it. It builds for this host.
INCLUDE_DIR := $(TOPDIR)
BUILD_DIR ?= $(error BUILD_DIR: where to build)

INSTALL_DIR := install -d -m 755
INSTALL_BIN := install -m 755
INSTALL_CONF := install -m 600
INSTALL_DATA := install -m 644
CP := cp -fpR
LN := ln -sf
