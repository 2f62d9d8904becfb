#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A gateway with all its defaults for half an hour: one source with 60 requests a minute, and then 50
# with 30, while 100 nodes come and go. BROKER_BUILD=FOLDER attacks other programs.
# vm: --timeout 20000

: "${TEST_NODES:=100}" "${TEST_SLOTS:=150}" "${TEST_SOURCES:=50}" "${TEST_MINUTES:=30}"
source tests/34-exhaustion.t
