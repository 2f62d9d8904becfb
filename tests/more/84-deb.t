#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The packages for Debian, also over an earlier version's `make install`.
# vm: --systemd
# needs: deb

TEST_MORE=1
source tests/84-deb.t
