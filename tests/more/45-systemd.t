#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --memory 3072 --timeout 2000
# systemd: 1,000 nodes at once, and a flood of silent connections.

supervisor=systemd
source tests/load.sh

test_load
done_testing
