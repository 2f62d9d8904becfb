#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 200 new nodes at once, and babeld killed, slow and away for minutes meanwhile.
# vm: --memory 3072

TEST_BURST=${TEST_BURST:-200} TEST_AWAY=${TEST_AWAY:-200}
source tests/56-burst.t
