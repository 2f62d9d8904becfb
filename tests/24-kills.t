#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs are killed before any of their system calls: what they leave heals itself. Here is a
# draw of all these; tests/more/24-kills.t has them all.
# needs: sweep
source tests/sweep/sweep.sh
add_live_node
sweep kills "${TEST_COUNT:-10}" "$live"
