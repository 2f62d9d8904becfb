#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What bash proposes for each program. That it knows all options of each is in tests/82-pages.t.
source tests/lib.sh
source tests/completion.sh

# joined KEY...: these, as proposed() has them.
joined() { printf '%s\n' "$@" | sort | paste -sd ' '; }

is "$(proposed broker-admin '')" '--help --version -V -c -h allow check deny flush kick prune resync show status' \
	'commands'
is "$(proposed broker-admin -c x s)" 'show status' 'that begin with a letter, behind an option'
is "$(proposed broker-admin '' | tr ' ' '\n' | grep -v '^-' | sort)" \
	"$("$admin" -h | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort)" 'these are the commands that -h explains'
is "$(proposed broker-admin status -)" '--json --prometheus --watch' 'the options of status'
is "$(proposed broker-admin prune -) $(proposed broker-admin resync -) $(proposed broker-admin deny -)" '-n -w -r' \
	'those of prune, resync and deny'
is "$(proposed broker-admin flush '')" '' 'flush has none'
is "$(proposed broker-admin resync -w '')" '' 'no seconds are proposed'
is "$(proposed broker-admin -c /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'files for -c'
is "$(proposed broker-admin show '')" '' 'no interface, no key'

configure "ALLOWKEYS=\"$etc/allow\" # comment" "export DENYKEYS=$etc/deny"
mkdir "$etc/allow" "$etc/deny"
# One begins with - in its file's name.
keys=("+$(head -c 32 /dev/zero | base64 | cut -c 2-)" "$(random_pubkey)" "$(random_pubkey)")
"$admin" allow "${keys[@]}"
"$admin" deny "${keys[0]}"
for key in "${keys[@]:0:2}"; do ask "$key"; done >"$work/reply"
"$admin" deny -r "${keys[0]}"
ask "${keys[0]}" >"$work/reply"
for command in show kick; do
	is "$(proposed broker-admin $command '')" "$(joined "${keys[@]:0:2}")" "$command: the keys of the interfaces"
	is "$(proposed broker-admin $command "${keys[1]}" "${keys[0]:0:9}")" "${keys[0]}" "$command: those that begin so"
done
"$admin" deny "${keys[0]}"
is "$(proposed broker-admin allow -r '')" "$(joined "${keys[@]}")" 'allow -r: the keys of the list'
is "$(proposed broker-admin deny -r '')" "${keys[0]}" 'deny -r: those of the other'
is "$(proposed broker-admin deny '')" -r 'deny: none of them'
printf 'DENYKEYS=%s\n' "$etc/allow" >"$work/config"
is "$(proposed broker-admin -c "$work/config" deny -r '')" "$(joined "${keys[@]}")" 'of another configuration'
is "$(proposed broker-admin -c /nowhere deny -r '')" '' 'of none'
is "$(env -i bash -c 'source contrib/bash-completion/broker-admin; COMP_WORDS=(broker-admin show "") COMP_CWORD=2
	_broker_admin' 2>&1)" '' 'nothing is said, whatever is missing'

is "$(proposed broker-connect d) $(proposed broker-connect s)" 'down status' 'commands'
is "$(proposed broker-connect -i '')" "$(interfaces | sort | paste -sd ' ')" 'interfaces for -i'
is "$(proposed broker-connect -B /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'sockets for -B'
is "$(proposed broker-connect -k /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'files for -k'

is "$(proposed broker-handler '')" '--help --version -V -c -h' 'broker-handler: its options'
is "$(proposed broker-handler -c /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'files for -c'
is "$(proposed broker-accept -)" '--help --version -V -c -h -l -m -s -w' 'broker-accept: its options'
is "$(proposed broker-accept -c /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'files for -c'
is "$(proposed broker-accept -m 5 /etc/host)" "$(compgen -f /etc/host | sort | paste -sd ' ')" 'for the handler'
is "$(proposed broker-accept -m '')" '' 'no numbers are proposed'
done_testing
