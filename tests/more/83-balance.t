#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How nodes spread over gateways: as many as a mesh has.

TEST_NODES=300
source tests/83-balance.t
