#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# The programs, their --help, the manual pages and bash completion say the same.
source tests/tap.sh
source tests/completion.sh
export LC_ALL=C

build=${BROKER_BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run PROGRAM [ARG...]: without input; only what goes to stderr is printed.
run() { "$build/$1" "${@:2}" 2>&1 >/dev/null </dev/null; }
# status_of COMMAND [ARG...]
status_of() {
	"$@" >/dev/null 2>&1 </dev/null
	echo $?
}
words() { sort -u | paste -sd ' '; }
page_of() { printf 'man/%s.8' "$1"; }
# section PAGE NAME: the source of one section of a page.
section() { awk -v name="$2" '/^\.Sh / { on = $0 == ".Sh " name; next } on' "$1"; }

# The options of a program: what it takes, what --help and its page explain, and what is proposed.
taken() {
	local program=$1 letter
	for letter in {a..z} {A..Z}; do
		[[ $(run "$program" "-$letter") == *@(invalid|unknown)\ option* ]] || printf '%s\n' "-$letter"
	done
	grep -ohE '\{ "[a-z]+", [a-z]+_argument' "${sources_of[$program]}" | sed 's/.*"\(.*\)".*/--\1/'
}
explained() {
	"$build/$1" --help | perl -ne 'next unless /^ {2,4}-/; print "$1\n" while /(?:^ +|, )(--?[A-Za-z]+)/g'
}
in_page() {
	section "$(page_of "$1")" DESCRIPTION | perl -ne 'next unless s/^\.It Fl //;
		for (split / , (?:Fl )?/) { /^(-?[A-Za-z]+)/; print "-$1\n" }'
}
completed() {
	local command
	for command in '' - status\ - prune\ - resync\ - allow\ -; do
		# shellcheck disable=SC2086 # words
		proposed "$1" $command ${command:-''} | tr ' ' '\n' | grep '^-'
	done
}
# item PROGRAM OPTION: what the page says of it, on one line.
item() {
	section "$(page_of "$1")" DESCRIPTION | awk -v option="${2#-}" '
		/^\.It / { on = $0 ~ "^\\.It (.* , )?(Fl )?" option "( |$)" }
		/^\.El/ { on = 0 }
		on' | paste -sd ' '
}

declare -A sources_of=([broker-handler]=broker-handler.c [broker-accept]=accept/options.c
	[broker-admin]=admin/options.c [broker-connect]=node/options.c)
# A mistake that getopt(3) does not see.
declare -A mistake_of=([broker-handler]=word [broker-accept]='-m 0' [broker-admin]=word [broker-connect]='-M 0')
for program in broker-handler broker-accept broker-admin broker-connect; do
	diag "$program"
	is "$(status_of "$build/$program" --help) $(run "$program" --help)" '0 ' '--help goes to stdout, with exit status 0'
	is "$("$build/$program" -h)" "$("$build/$program" --help)" '-h is the same'
	like "$("$build/$program" --version)" "^$program [0-9]" '--version has its name'
	like "$("$build/$program" --help)" "Example: .*$program" 'an example'
	taken=$(taken "$program" | words)
	is "$(explained "$program" | words)" "$taken" '--help explains the options that it takes'
	is "$(in_page "$program" | words)" "$taken" 'and so does its page'
	is "$(completed "$program" | words)" "$taken" 'and bash proposes them'
	is "$("$build/$program" --help | sed '/^$/,$d; s/^usage: //' | xargs)" \
		"$(mandoc -Tascii "$(page_of "$program")" | col -bx | awk '/^[A-Z]/ { on = /^SYNOPSIS/; next } on' | xargs)" \
		"the usage is the page's synopsis"
	while read -r option default; do
		like "$(item "$program" "$option")" "(^|[ ,])${default//./\\.}([ ,.]|\$)" "its page has the default of $option, $default"
	done < <("$build/$program" --help | sed -nE 's/^  (-[A-Za-z]) .*\((off|wgmesh|[0-9]+|[:\/][^ ]*)\)$/\1 \2/p')
	for misuse in --nonsense -c "${mistake_of[$program]}"; do
		# shellcheck disable=SC2086 # words
		said=$(run "$program" $misuse)
		# shellcheck disable=SC2086
		is "$(status_of "$build/$program" $misuse)" 64 "$misuse is misuse"
		like "$said" "$program: .*see --help$" 'and it says where the help is'
		like "$(wc -l <<<"$said")" '^[12]$' 'in a line or two'
	done
done
is "$("$build/broker-admin" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | words)" \
	"$(sed -n 's/^\.Ss //p' man/broker-admin.8 | tr -d , | tr ' ' '\n' | words)" 'the page has the commands of broker-admin'
is "$("$build/broker-connect" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | words)" \
	"$(sed -n 's/^\.It Cm //p' man/broker-connect.8 | words)" 'and of broker-connect'
is "$(status_of contrib/prometheus/wg-broker-metrics --help) $(status_of contrib/prometheus/wg-broker-metrics)" '0 64' \
	'wg-broker-metrics has a --help, too'

diag 'what they exit with'
head -c 32 /dev/urandom | base64 >"$work/secret"
chmod 400 "$work/secret"
mkdir "$work/list"
printf '%s\n' "PRIVATEKEY=$work/secret" BABELPORT= "ALLOWKEYS=$work/list" >"$work/config"
key=xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
# handle REQUEST [ARG...]: what the handler replies.
handle() { "$build/broker-handler" -c "${2-$work/config}" <<<"$1" 2>>"$work/log"; }
# free_port: one that nobody listens on.
free_port() {
	local port
	until port=$((20000 + RANDOM % 12000)) && ! : 2>/dev/null <>"/dev/tcp/127.0.0.1/$port"; do :; done
	echo "$port"
}
# ask_gateway [REPLY]: what broker-connect exits with where a gateway says that, or where there is none;
# and what broker-accept, which is the gateway, exits with after SIGTERM.
ask_gateway() {
	local port status
	port=$(free_port)
	if [[ $# != 0 ]]; then
		"$build/broker-accept" -l "$port" /bin/sh -c 'read -r request; echo "$0"' "$1" 2>>"$work/log" &
		for _ in {1..100}; do
			! : 2>/dev/null <>"/dev/tcp/127.0.0.1/$port" || break
			sleep 0.1
		done
	fi
	status=$(status_of "$build/broker-connect" -n -o -k "$work/secret" "127.0.0.1:$port")
	echo "broker-connect $status"
	[[ $# != 0 ]] || return
	echo "broker-accept $(status_of "$build/broker-accept" -l "$port" /bin/true)"
	kill $!
	status=0
	wait $! || status=$?
	echo "broker-accept $status"
}
# ended PROGRAM [ARG...]
ended() { echo "$1 $(status_of "$build/$1" "${@:2}")"; }
refusal() { printf '{"version":1,"error":{"code":%d,"reason":"no"}}' "$1"; }
{
	for program in "${!sources_of[@]}"; do ended "$program" --nonsense; done
	ask_gateway '{"version":1,"port":1,"time":1}'
	ask_gateway
	ask_gateway nonsense
	ask_gateway "$(refusal 1)"
	ask_gateway "$(refusal 5)"
	ended broker-connect -m nowhere -n -k "$work/secret" 127.0.0.1
	ended broker-connect -n -k /nowhere 127.0.0.1
	ended broker-handler -c /nowhere
	ended broker-admin -c /nowhere status
	echo "broker-admin $("$build/broker-admin" -c "$work/config" check >/dev/full 2>&1; echo $?)"
	ended broker-admin -c "$work/config" allow "$key"
	ended broker-admin -c "$work/config" allow -r "$key"
	handle "{\"pubkey\":\"$key\"}" >"$work/reply"
	echo "broker-handler $?"
	# Its parser cannot be started.
	(ulimit -n 4 && exec "$build/broker-handler") <<<'{}' >"$work/reply" 2>>"$work/log"
	echo "broker-handler $?"
	# That another one has the lock takes a kernel with WireGuard: tests/50-prune.t.
	echo broker-admin 75
} | sort -u >"$work/ended"
for program in "${!sources_of[@]}"; do
	is "$(sed -n "s/^$program //p" "$work/ended" | words)" \
		"$(section "$(page_of "$program")" 'EXIT STATUS' | sed -n 's/^\.It //p' | words)" "$program: its page has each, and no other"
done

diag 'the configuration'
page=man/wg-broker.conf.5
# complaint LINE...: what is said of a file with these lines, without the file's name.
complaint() {
	printf '%s\n' "$@" >"$work/bad"
	run broker-admin -c "$work/bad" status | sed "s|.*$work/bad:[0-9]*: ||"
}
# key_item KEY: what its page says of a key, on one line.
key_item() {
	section $page KEYS | awk -v key="$1" '
		/^\.It / { on = $0 ~ "^\\.It Ev (.* , )?" key "( |$)" }
		/^\.El/ { on = 0 }
		on' | paste -sd ' ' | sed -E 's/ \.(Ql|Pa|Ev) / /g; s/ ([,.])( |$)/\1\2/g'
}
known=$(complaint NONSENSE=1 | sed -n 's/.*known are //p' | tr ' ' '\n' | words)
like "$known" 'MAXCONNECTIONS' 'what is known is said'
is "$(section $page KEYS | sed -n 's/^\.It Ev //p' | tr -d , | tr ' ' '\n' | grep . | words)" "$known" 'the page has each key, and no other'
is "$(sed -n 's/^#\([A-Z0-9]*\)=.*/\1/p' contrib/config | words)" "$(tr ' ' '\n' <<<"$known" | grep -vxE 'WG|WAN' | words)" \
	'and contrib/config those that mean anything'
while IFS=$'\t' read -r name default; do
	like "$(key_item "$name")" " Default: ${default:-empty}\.( |\$)" "$name: the page has its default"
	like "$(grep "^#$name=" contrib/config)" "^#$name=$default($|"$'\t)' 'and so has contrib/config'
	range=$(complaint "$name=x" | sed -n "s/^$name must be a number //p")
	is "$(key_item "$name" | grep -oE 'from [0-9]+ to [0-9]+')" "$range" "$name: and its range"
done < <(sed -nE 's/^\t\{ "([A-Z0-9]+)", [A-Z_]+, (AT\([a-z0-9_]+\)|0), "([^"]*)", .*/\1\t\3/p' config.c | grep -vE '^(WG|WAN)\b')
sed 's/^#\([A-Z]\)/\1/' contrib/config >"$work/all"
is "$(PRIVATEKEY=$work/secret "$build/broker-admin" -c "$work/all" allow "$key" 2>&1)" \
	'broker-admin: there is no such list: set ALLOWKEYS, and make that directory' \
	'all that is commented out in contrib/config is valid'
like "$(printf '%s\n' '' '' MTU=1 >"$work/bad"; run broker-admin -c "$work/bad" status | sed "s|$work/bad|/etc/wg-broker/config|")" \
	"$(sed -n 's|^\.Dl \(/etc/wg-broker/config:3: .*\)|\1|p' $page)\$" 'the mistake that the page shows'
section $page EXAMPLES | sed -n '/^\.Bd/,/^\.Ed/{/^\./!p;}' | sed '/#!/,$d' >"$work/example"
is "$("$build/broker-admin" -c "$work/example" allow "$key" 2>&1)" \
	'broker-admin: there is no such list: set ALLOWKEYS, and make that directory' 'its example is valid'

diag 'the codes of the wire'
# What broker-handler answers, and, of a full gateway, what it would.
{
	for request in '[]' '{"version":2}' '{"pubkey":"x"}' "{\"pubkey\":\"$key\"}"; do handle "$request"; done
	handle "{\"pubkey\":\"$key\"}" /nowhere
} | sed 's/.*"code":\(.*\),"reason":"\(.*\)".*/\1 \2/' >"$work/codes"
sed -n 's/.*ERR_FULL, WIRE_FULL, "\(.*\)" .*/1 \1/p' json.c >>"$work/codes"
is "$(sort "$work/codes" | paste -sd '|')" "$(sed -n 's/^\.It \([0-9] .*\)/\1/p' man/wg-broker.7 | paste -sd '|')" \
	'wg-broker(7) has each with its reason'
is "$(wc -l <"$work/codes")" "$(grep -cE '^	WIRE_[A-Z]+ = [1-9]' error.h)" 'these are all that there are'
is "$(grep -oE '"code":1,"reason":"[^"]*"' man/wg-broker.7 | cut -d '"' -f 6)" "$(sed -n 's/^1 //p' "$work/codes")" \
	'its example has the reason to the letter'

diag 'the messages'
# unknown PAGE: messages of its DIAGNOSTICS that no source has. A message may be put together of several
# strings; "*" is what differs from line to line.
unknown() {
	section "$1" DIAGNOSTICS | perl -Mstrict -e '
		my $sources = do { local (@ARGV, $/) = glob("*.c *.h */*.c"); join "", <> };
		$sources =~ s/"\s*"//g;
		my %strings = map { s/%%/\x02/g; s/(%[-.*0-9]*[a-z]+)+/*/g; s/\x02/%/g; s/(\\n)+$//; $_ => 1 }
			$sources =~ /"((?:[^"\\\n]|\\.)*)"/g;
		my @strings = keys %strings;
		sub has { my $text = shift; grep { index($_, $text) >= 0 } @strings }
		# Whether a part is a string, or several with colons in between.
		sub is_known { my $text = shift; $text =~ s/^[* ]+|[* ]+$//g;
			$text eq "" || has($text) || ($text =~ /(.+?): (.+)/ && is_known($1) && is_known($2)) }
		sub is_made { my $message = shift;
			for my $string (grep { /[a-z].{4}/ && /\*/ } @strings) {
				my $pattern = join "(.+)", map quotemeta, split(/\*/, $string, -1);
				next unless my @parts = $message =~ /^$pattern$/;
				return 1 unless grep { !is_known($_) } @parts;
			} 0 }
		while (<STDIN>) {
			next unless s/^\.(It|Dl) //;
			my $is_example = $1 eq "Dl";
			chomp; s/[; ]*\.\.\.$//; s/\d+/*/g if $is_example;
			s/ ?\bAr [^:;,]*?(?= No | [:;,]|$)/ */g; s/ No / /g; s/ ([:;,])/$1/g; s/%[sdu]/*/g; s/^ //;
			print "$_\n" unless has($_) || is_made($_);
		}'
}
for program in "${!sources_of[@]}"; do
	like "$(section "$(page_of "$program")" DIAGNOSTICS | grep -cE '^\.(It|Dl) ')" '^[1-9]' "$program: its page names messages"
	is "$(unknown "$(page_of "$program")")" '' 'and all of them exist'
done
printf '.Sh DIAGNOSTICS\n.It %s\n' 'unable to sing : Ar reason' 'gateway %s (%s): sings' 'refused Ar address : No sung' >"$work/wrong"
is "$(unknown "$work/wrong" | wc -l)" 3 'one that does not exist would be found'

diag 'what refers to what'
is "$(grep -rohE '\b(wg-)?broker(-[a-z]+|\.conf)?\([5-8]\)' README HACKING man contrib ./*.[ch] | words)" \
	"$(find man -type f -printf '%f\n' | sed 's/\.\([0-9]\)$/(\1)/' | words)" 'each page that is named exists'
is "$(sed -nE 's/^\.Xr ((wg-)?broker[-a-z.]*) ([0-9]).*/man\/\1.\3/p' man/* | sort -u | xargs ls -d 2>&1 | words)" \
	"$(find man -type f | words)" 'each that another page refers to, too, and none is left out'
done_testing
