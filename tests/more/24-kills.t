#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs are killed before every one of their system calls.
# vm: --timeout 6000
# needs: sweep

TEST_COUNT=${TEST_COUNT:-0}
source tests/24-kills.t
