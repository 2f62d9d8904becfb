# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# README's commands, as an operator pastes them. Source it after tap.sh or lib.sh.

# chapter TITLE: README's text under this title.
chapter() {
	awk -v title="$1" '/^-+$/ { inside = last == title } { last = $0 } inside' README
}

# block TITLE FIRST: that chapter's block of indented lines of which the first begins so.
block() {
	chapter "$1" | awk -v first="$2" '/^\t/ && !inside && index($0, "\t" first) == 1 { found = 1 }
		{ inside = /^\t/ } found && !inside { exit } found' | cut -f 2-
}

# follow TITLE FIRST [WORD=VALUE...]: runs a block, up to the first command that fails, with what each
# operator has of their own in place of README's words. In the namespace $at, if that is set. What it
# printed is in $work/output, a folder of the test's. tests/88-readme.t goes by these calls: it wants the
# first two arguments as plain words.
follow() {
	: "${work:?}"
	local lines word status=0
	lines=$(block "$1" "$2")
	[[ $lines ]] || {
		echo "README has no block that begins with \"$2\" under \"$1\""
		return 1
	}
	for word in "${@:3}"; do
		lines=${lines//"${word%%=*}"/"${word#*=}"}
	done
	${at:+ip netns exec "$at"} bash -euo pipefail -c "$lines" >"$work/output" 2>&1 </dev/null || status=$?
	# For ok, which shows it if this fails.
	echo "$lines"
	echo 'printed:'
	cat "$work/output"
	return "$status"
}
