#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prunes and requests of dying keys at the same moment, very often.

TEST_ROUNDS=${TEST_ROUNDS:-4000}
source tests/54-race.t
