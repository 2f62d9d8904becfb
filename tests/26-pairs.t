#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program waits before one of its system calls while another one runs, and goes on or is killed:
# two requests of one key, requests and prunes, two prunes. Here is a draw of all these;
# tests/more/26-pairs.t has them all.
# needs: sweep
source tests/sweep/sweep.sh
add_live_node
sweep pairs "${TEST_COUNT:-10}" "$live"
