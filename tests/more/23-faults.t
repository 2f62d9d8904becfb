#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything that can fail fails, all of it.
# vm: --timeout 6000
# needs: debug sweep

TEST_COUNT=${TEST_COUNT:-0}
source tests/23-faults.t
