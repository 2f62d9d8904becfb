#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand peers: status agrees with wg; a prune of half of them, while requests go on; a flush.

TEST_PEERS=${TEST_PEERS:-1000}
source tests/55-many.t
