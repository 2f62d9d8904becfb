#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The model of tests/27-model.t, for very long.
# vm: --timeout 20000
# needs: sweep

TEST_STEPS=${TEST_STEPS:-10000}
source tests/27-model.t
