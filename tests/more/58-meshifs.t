#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 300 new nodes at once, and l3roamd and mmfd stopped and killed meanwhile; 200 while they are slow.
# vm: --memory 3072 --timeout 2000

TEST_BURST=${TEST_BURST:-300} TEST_SLOW=${TEST_SLOW:-200}
source tests/58-meshifs.t
