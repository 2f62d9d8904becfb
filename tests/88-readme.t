#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# Each command in README is run by a test, which follows it to the letter: see tests/readme.sh.
source tests/tap.sh
source tests/readme.sh

# What no test can follow, and why.
declare -A elsewhere=(
	['Try it: make run']='a check would run itself; tests/39-run.t runs what make run does'
	["OpenWrt: echo 'src-git wgbroker"]="OpenWrt's buildroot; tests/77-openwrt-packages.t makes the packages"
	['OpenWrt: uci set']="OpenWrt's uci; tests/76-openwrt-gateway.t has such a configuration"
	['OpenWrt: cp /usr/share']="OpenWrt's firewall; tests/33-firewall.t loads such a file"
	['OpenWrt: service network']="OpenWrt's netifd; tests/67-openwrt.t plays it"
)

# What commands begin with.
commands=' apt apt-get broker-admin broker-connect chgrp chmod chown cp curl echo groupadd install ip
	journalctl make mkdir nft ping sed service sysctl systemctl systemd-sysusers touch uci useradd wg
	wg-broker-socat '

# is_command LINE: begins with one, or sets a variable for those that follow.
is_command() {
	local word=${1%%[[:space:]]*}
	[[ $1 =~ ^[a-z]+= ]] || [[ $word && $commands == *[[:space:]]"$word"[[:space:]]* ]]
}

# first_lines: of each block of commands, as "TITLE: LINE".
first_lines() {
	awk '/^-+$/ { title = last } /^\t/ && last !~ /^\t/ { print title ": " substr($0, 2) } { last = $0 }' README |
		while IFS= read -r line; do
			! is_command "${line#*: }" || echo "$line"
		done
}

# followed: the arguments of each call of follow in the tests, as "TITLE: FIRST".
followed() {
	grep -hoE "\bfollow ('[^']*'|\"[^\"]*\") ('[^']*'|\"[^\"]*\")" tests/*.t |
		sed -E "s/^follow ['\"]([^'\"]*)['\"] ['\"](.*)['\"]$/\1: \2/"
}

# is_followed LINE: some test follows a block that begins so.
is_followed() {
	local each
	for each in "${!elsewhere[@]}" "${all[@]}"; do
		[[ $1 != "$each"* ]] || return 0
	done
	return 1
}

mapfile -t all < <(followed)
ok 'there are commands in README, and tests that follow them' \
	test "$(first_lines | wc -l)" -gt 20 -a "${#all[@]}" -gt 20
while IFS= read -r line; do
	ok "${line//#/}" is_followed "$line"
done < <(first_lines)
done_testing
