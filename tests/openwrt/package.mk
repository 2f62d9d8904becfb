# SPDX-License-Identifier: GPL-2.0-or-later
# Stands in for OpenWrt's include/package.mk: the same steps in the same order, with its words for
# them, and no metadata. Targets:
#	compile			Build/Prepare, Build/Configure and Build/Compile in $(BUILD_DIR)
#	install-PACKAGE		its files, into $(ROOT)
#	show			what Package/$(SHOW) is, such as SHOW=wg-broker/prerm
PKG_BUILD_DIR ?= $(BUILD_DIR)/$(PKG_NAME)-$(PKG_VERSION)

define Build/Compile
	+CFLAGS='-O1' $(MAKE) -C $(PKG_BUILD_DIR) $(MAKE_FLAGS)
endef

compile:
	rm -rf $(PKG_BUILD_DIR)
	mkdir -p $(PKG_BUILD_DIR)
	$(Build/Prepare)
	$(Build/Configure)
	$(Build/Compile)

define BuildPackage
install-$(1):
	$$(call Package/$(1)/install,$$(ROOT))
endef

export SHOWN = $(Package/$(SHOW))
show:
	@printf '%s\n' "$$SHOWN"
