# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The Test Anything Protocol, for prove(1). Source it, and end the script with done_testing:
# a script that dies before has no plan, and so fails.

tests=0 failures=0

# Each line for itself: one that begins with "ok" would count as a test.
diag() { printf '%s\n' "$@" | sed 's/^/# /'; }

# report STATUS DESCRIPTION
report() {
	tests=$((tests + 1))
	if [[ $1 == 0 ]]; then
		printf 'ok %d - %s\n' "$tests" "$2"
	else
		failures=$((failures + 1))
		printf 'not ok %d - %s\n' "$tests" "$2"
	fi
	return 0
}

# ok DESCRIPTION COMMAND [ARG...]: the command succeeds. What it printed is shown if not.
ok() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	report "$status" "$description"
	if [[ $status != 0 ]]; then
		diag "failed with $status: $*"
		# shellcheck disable=SC2001 # at the start of each line
		[[ -z $output ]] || sed 's/^/#   /' <<<"$output"
	fi
}

# is GOT WANTED DESCRIPTION: two texts are the same.
is() {
	local status=0
	[[ $1 == "$2" ]] || status=1
	report "$status" "$3"
	[[ $status == 0 ]] || diag "got:    $1" "wanted: $2"
}

# like GOT PATTERN DESCRIPTION: a text matches an extended regular expression.
like() {
	local status=0
	[[ $1 =~ $2 ]] || status=1
	report "$status" "$3"
	[[ $status == 0 ]] || diag "got:    $1" "wanted: a match of $2"
}

# unlike GOT PATTERN DESCRIPTION
unlike() {
	local status=0
	[[ ! $1 =~ $2 ]] || status=1
	report "$status" "$3"
	[[ $status == 0 ]] || diag "got:    $1" "wanted: no match of $2"
}

done_testing() {
	printf '1..%d\n' "$tests"
	# For prove, a plan of nothing is a test that was skipped.
	[[ $tests -gt 0 && $failures == 0 ]]
	exit
}
