#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# make dist: from every clone the same bytes, with all the files; and what is unpacked from it builds,
# passes its units and installs, on a machine without git.
source tests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SOURCE_DATE_EPOCH BUILD

[[ -e .git ]] || {
	echo '1..0 # SKIP this is no clone, so there is nothing to make a file of'
	exit
}
version=$(sed -n 's/^VERSION := //p' Makefile)
file=wg-broker-$version.tar.gz
tree=$work/wg-broker-$version

# Where nothing that git says can help: it is another one, which fails.
mkdir "$work/bin"
printf '%s\n' '#!/bin/sh' 'echo no git >&2' 'exit 128' >"$work/bin/git"
chmod +x "$work/bin/git"
in_tree() { env -C "$tree" "PATH=$work/bin:$PATH" "$@"; }

ok 'make dist' make -s "BUILD=$work" dist
# Another clone, of somebody with other settings, and at another second.
sleep 1
other_dist() {
	git clone -q --no-local . "$work/clone" &&
		(umask 077 && cd "$work/clone" && git config tar.umask user && TZ=Asia/Tokyo make -s dist)
}
ok 'make dist in another clone' other_dist
ok 'makes the same bytes' cmp "$work/clone/build/$file" "$work/$file"

ok 'it unpacks' tar -xzf "$work/$file" -C "$work"
is "$(cd "$tree" && find . ! -type d -printf '%m %P\n' | sort)" \
	"$(git ls-tree -r --format='%(objectmode) %(path)' HEAD | sed 's/^100//' | sort)" \
	'all that git has is there, and nothing else'
is "$(sha256sum <"$tree/COPYING" | cut -c 1-16)" 8177f97513213526 'COPYING is the GPL, version 2'
is "$(in_tree make -n V=1 all | grep -o 'BUILD_TIME=[0-9]*' | sort -u)" \
	"BUILD_TIME=$(git log -1 --format=%ct)" 'the time of its build is that of the commit'

ok 'it builds' in_tree make -s -j2 STATIC= CFLAGS='-O0 -g' all units
ok 'the units pass' in_tree make -s JOBS=2 STATIC= CFLAGS='-O0 -g' check-units
ok 'it installs' in_tree make -s STATIC= CFLAGS='-O0 -g' "DESTDIR=$work/dest" install
is "$("$work/dest/usr/local/sbin/broker-connect" -V)" "$(build/broker-connect -V)" 'its programs tell their version'
done_testing
