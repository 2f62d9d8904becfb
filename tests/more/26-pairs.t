#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program waits before every one of its system calls while another one runs.
# vm: --timeout 6000
# needs: sweep

TEST_COUNT=${TEST_COUNT:-0}
source tests/26-pairs.t
