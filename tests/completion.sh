# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What bash proposes for the command lines of our programs.

for _each in contrib/bash-completion/*; do
	# shellcheck source=/dev/null
	source "$_each"
done

# proposed WORD...: for the last of these words.
proposed() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	"$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')"
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
