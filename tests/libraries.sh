# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set before
# Builds the libraries from Debian's sources, of this host's release: for another libc, or for another
# machine. Source it, and set $work and $log, where they are built and what they say; $prefix, where
# they go; $cc and $flags, the compiler; and $host, what configure calls the machine.

# The sources, for all of them. apt has verified them.
sources=$PWD/${BUILD:-build}/sources

# fail WHAT
fail() {
	echo "${0##*/}: $*; the end of $log:" >&2
	tail -n 15 "$log" >&2
	exit 1
}

# fetch PACKAGE: Debian's sources of it, as the folder $work/PACKAGE.
fetch() {
	local options
	if ! compgen -G "$sources/$1_*.orig.tar.?z" >/dev/null; then
		mkdir -p "$sources/lists/partial"
		apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' \
			'Origin: Debian' 'Component: main' | sort -u >"$sources/list"
		options=(-o Dir::Etc::sourcelist="$sources/list" -o Dir::Etc::sourceparts=/dev/null
			-o Dir::State::lists="$sources/lists" -o APT::Sandbox::User=root)
		apt-get "${options[@]}" update
		(cd "$sources/lists" && apt-get "${options[@]}" --download-only source "$1" &&
			mv "$1"_*.orig.tar.?z "$sources/")
	fi
	rm -rf "${work:?}/$1"
	mkdir -p "$work/$1"
	tar -xf "$sources/$1"_*.orig.tar.?z -C "$work/$1" --strip-components=1
}

# link_headers FOLDER ASM: the kernel's, as $work/include: the compilers with musl know none.
link_headers() {
	mkdir -p "$work/include"
	ln -sfn "$1/linux" "$1/asm-generic" "$work/include/"
	ln -sfn "$2" "$work/include/asm"
}

# What is needed of each library is there if its file in $prefix/lib is.
build_libnl() {
	[[ -e $prefix/lib/libnl-route-3.so ]] && return
	fetch libnl3 && cd "$work/libnl3" &&
		./configure --host="$host" --prefix="$prefix" --disable-debug --disable-cli \
			CC="$cc" CFLAGS="$flags" && make -j2 && make install
}

# cmake_install PACKAGE OPTION...
cmake_install() {
	fetch "$1" && mkdir -p "$work/$1/build" && cd "$work/$1/build" &&
		cmake .. -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$flags" \
			-DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib "${@:2}" &&
		make -j2 install
}

build_json() {
	[[ -e $prefix/lib/libjson-c.so ]] ||
		cmake_install json-c -DCMAKE_BUILD_TYPE=MinSizeRel -DBUILD_TESTING=OFF -DBUILD_APPS=OFF \
			-DDISABLE_EXTRA_LIBS=ON
}

build_cmocka() {
	[[ -e $prefix/lib/libcmocka.so ]] ||
		cmake_install cmocka -DWITH_EXAMPLES=OFF -DWITH_STACK_PROTECTOR{,_STRONG}=OFF
}

# musl, and $prefix/bin/musl-gcc, which has $cc take that.
build_musl() {
	[[ -e $prefix/bin/musl-gcc ]] && return
	fetch musl && cd "$work/musl" &&
		./configure --target="$host" --prefix="$prefix" --syslibdir="$prefix/lib" CC="$cc" &&
		make -j2 && make install
}

# build LIBRARY...
build() {
	local each
	for each in "$@"; do
		("build_$each") >>"$log" 2>&1 || fail "unable to build $each"
	done
}
