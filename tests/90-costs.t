#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# doc/costs.svg is drawn from doc/costs.json, and shows itself without anything else.
source tests/tap.sh

svg=doc/costs.svg
is "$(grep -o 'from the data [0-9a-f]*' $svg)" "from the data $(sha256sum <doc/costs.json | cut -d ' ' -f 1)" \
	'it tells what data it is drawn from; else run make costs'
is "$(grep -ciE '<script|<image|@import|url\(.?http|href=.http' $svg)" 0 'it loads nothing'
# Another gnuplot draws other bytes.
if [[ $(gnuplot -V 2>&1) == "$(sed -n 's/^Produced by GNUPLOT \(.*\) <\/desc>$/gnuplot \1/p' $svg)" ]]; then
	ok 'drawn again it is the same' diff $svg <(tests/bench/plot doc/costs.json)
else
	diag 'not drawn again: this gnuplot is missing, or another one'
fi
done_testing
