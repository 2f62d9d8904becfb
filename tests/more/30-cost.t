#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a request costs, also at 3,000 peers.
# vm: --memory 3072
# needs: bench

TEST_MORE=1
source tests/30-cost.t
