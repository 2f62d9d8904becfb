# SPDX-License-Identifier: GPL-2.0-or-later
# The tests, and `make run`. Included by the Makefile.
