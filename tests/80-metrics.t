#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: none
# needs: monitoring
# The metrics, the alerts and the dashboard, as Prometheus' own programs see them: what a gateway in
# the machine printed goes through node_exporter, promtool reads it, and every name is there.
source tests/tap.sh

tools=${BROKER_BUILD:-build}/tests/monitoring
rules=contrib/prometheus/wg-broker.rules.yml
dashboard=contrib/prometheus/wg-broker.dashboard.json
work=$(mktemp -d)
exporter=''
trap '[[ ! $exporter ]] || kill "$exporter"; rm -rf "$work"' EXIT

# shellcheck disable=SC2016 # it expands there
sample='
	source tests/lib.sh
	configure BABELPORT=33123 "MMFDSOCK=$work/mmfd.sock"
	[[ $(code_of "$(ask "$(new_pubkey)")") == "" ]] || exit
	mkdir out
	"$admin" status --prometheus >out/wg-broker.prom 2>/dev/null &&
		"$admin" status --prometheus=40100 >out/wg-broker-40100.prom 2>/dev/null'

# names PATTERN: the metrics that a text has.
names() { grep -oE "$1" | sort -u; }
# scrape: what node_exporter tells of the folder.
scrape() {
	local port
	port=$(sed -n 's/.*msg="\?Listening on.* address=[^ ]*:\([0-9]*\).*/\1/p' "$work/exporter.log")
	[[ $port ]] || return
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
	tr -d '\r' <&3 >"$work/scraped"
	exec 3>&-
	grep -q '^HTTP/1.[01] 200 ' "$work/scraped"
}
# expressions: of the dashboard, one a line.
expressions() {
	perl -MJSON::PP -0ne 'print map { "$_->{expr}\n" } map { @{ $_->{targets} } } @{ decode_json($_)->{panels} }' \
		"$dashboard"
}
# alerts_pass [SED_EXPRESSION]: with the rules changed by it.
alerts_pass() {
	sed "${1-}" "$rules" >"$work/rules.yml"
	sed "s|\.\./$rules|$work/rules.yml|" tests/alerts.yml >"$work/alerts.yml"
	"$tools/promtool" test rules "$work/alerts.yml"
}
alerts_fail() { ! alerts_pass "$1"; }

diag 'the metrics'
# shellcheck disable=SC2086 # options are words
ok 'a gateway prints them' tests/vm/run -o "$work/real" ${VM_OPTIONS-} -- bash -c "$sample"
for file in wg-broker wg-broker-40100; do
	is "$("$tools/promtool" check metrics <"$work/real/$file.prom" 2>&1; echo $?)" 0 \
		"promtool check metrics has nothing to say of $file.prom"
done
"$tools/prometheus-node-exporter" --web.listen-address=127.0.0.1:0 \
	--collector.disable-defaults --collector.textfile --collector.netdev \
	--collector.textfile.directory="$work/real" 2>"$work/exporter.log" &
exporter=$!
for _ in {1..600}; do
	! scrape || break
	sleep 0.1
done
is "$(grep -E '^node_textfile_scrape_error' "$work/scraped")" 'node_textfile_scrape_error 0' \
	'node_exporter reads both files'
is "$(grep '^wg_broker' "$work/scraped" | sort)" "$(sort "$work"/real/*.prom | grep -v '^#')" \
	'and tells all that is in them, label for label'
is "$(sed -n 's/^node_textfile_mtime_seconds{file="\(.*\)"} [1-9].*/\1/p' "$work/scraped" | sed 's|.*/||' | sort | paste -sd ' ')" \
	'wg-broker-40100.prom wg-broker.prom' 'and how old they are'
is "$(names 'wg_broker_[a-z_]+' <"$work/real/wg-broker.prom")" \
	"$(sed -n 's/^\.It Va \(wg_broker_.*\)/\1/p' man/broker-admin.8 | sort)" 'the manual explains each metric, and no other'

diag 'the alerts'
ok 'promtool check rules' "$tools/promtool" check rules "$rules"
names '(wg_broker|node)_[a-z_]+[a-z]' <"$work/scraped" >"$work/there"
is "$(sed 's/#.*//' "$rules" | grep -A 3 expr: | names '(wg_broker|node)_[a-z_]+' | grep -vxFf "$work/there")" '' \
	'each metric that they use exists'
ok 'they fire when they should, and not else' alerts_pass
sed -n 's/.*- alert: //p' "$rules" >"$work/names"
while read -r alert; do
	ok "$alert: that it fires is tested" alerts_fail "s/alert: $alert\$/alert: No$alert/"
	ok "$alert: that it does not, too" alerts_fail "/alert: $alert\$/,/for:/s/for:.*/for: 0m/"
done <"$work/names"
for change in 's/slots_free == 0/slots_free < 2/' 's/ and wg_broker_slots > 0//' 's/wg-broker\[/.*[/' \
	's/ > 300/ > -1/' 's/ > 0\.5/ >= 0.5/' 's/ >= 10/ >= 1/' 's/ > 900/ > 899/' 's/daemon_up == 0/daemon_up < 2/' \
	's/interfaces_down > 0/interfaces_down >= 0/'; do
	ok "a mistake would be found: $change" alerts_fail "$change"
done

diag 'the dashboard'
like "$(expressions | wc -l)" '^[1-9]' 'it is JSON, and shows something'
is "$(expressions | names '(wg_broker|node)_[a-z_]+' | grep -vxFf "$work/there")" '' \
	'each metric that it uses exists'
# shellcheck disable=SC2016 # Grafana expands this
is "$(grep -o '"uid": .*' "$dashboard" | sort -u | paste -sd ' ')" '"uid": "${datasource}" "uid": "wg-broker",' \
	'no data source but the one that is chosen'
expressions | perl -MJSON::PP -ne 'chomp; s/\$__rate_interval/5m/; push @rules, { record => "x:$.", expr => $_ };
	END { print encode_json({ groups => [{ name => "x", rules => \@rules }] }) }' >"$work/panels.yml"
ok 'its expressions are well-formed' "$tools/promtool" check rules "$work/panels.yml"
done_testing
