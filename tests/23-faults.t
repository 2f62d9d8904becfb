#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each system call, request to the kernel and allocation of the programs fails, in every way it can:
# there is one line of reply or none, and no success without a complete interface. Here is a draw of
# all these; tests/more/23-faults.t has them all.
# needs: debug sweep
source tests/sweep/sweep.sh
add_live_node
sweep faults "${TEST_COUNT:-10}" "$live"
