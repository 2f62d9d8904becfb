# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC1090,SC2154
# Stands in for OpenWrt's /lib/functions.sh, which no package of Debian has: the functions that our
# scripts use, true to a reading of the original. A file of /etc/config is read as `uci export`
# prints it: words of a shell. As with UCI, an option that is empty is as if it were not there.
append() { eval "$1=\"\${$1:+\$$1\${3:- }}\$2\""; }
list_contains() { eval "case \" \$$1 \" in *' $2 '*) ;; *) false ;; esac"; }

option_cb() { :; }
list_cb() { :; }

config() {
	CONFIG_SECTION=${2:-cfg$((CONFIG_COUNT += 1))}
	append CONFIG_SECTIONS "$CONFIG_SECTION"
	eval "CONFIG_${CONFIG_SECTION}_TYPE=\$1"
}

option() {
	[ -n "$2" ] || return 0
	eval "CONFIG_${CONFIG_SECTION}_$1=\$2"
	option_cb "$1" "$2"
}

list() {
	append "CONFIG_${CONFIG_SECTION}_$1" "$2"
	list_cb "$1" "$2"
}

config_load() {
	CONFIG_SECTIONS='' CONFIG_COUNT=0
	. "/etc/config/$1"
}

# config_get VARIABLE SECTION OPTION [DEFAULT]
config_get() { eval "$1=\${CONFIG_${2}_$3:-\$4}"; }

config_get_bool() {
	config_get "$@"
	eval "set -- $1 \"\$$1\" \"\$4\""
	case $2 in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$3" ;;
	esac
}

# config_foreach FUNCTION TYPE
config_foreach() {
	local section type

	for section in $CONFIG_SECTIONS; do
		config_get type "$section" TYPE
		[ "$type" != "$2" ] || "$1" "$section"
	done
}
