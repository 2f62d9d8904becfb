#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A program for CHECK that denies everyone, and says whom.
echo "$REMOTE_ADDR asks with $PUBKEY" | logger -t may-join
exit 1
