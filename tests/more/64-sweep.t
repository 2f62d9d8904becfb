#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node's side: every fault and every kill.
# vm: --timeout 6000
# needs: debug sweep

TEST_COUNT=${TEST_COUNT:-0}
source tests/64-sweep.t
