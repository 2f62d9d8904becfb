#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# shellcheck disable=SC2317,SC2329 # functions called by wait_for and ok
# What udev, systemd, systemd-networkd and NetworkManager do with the interfaces of peers, before
# and after they are told to keep off: by `make install`, and by the file for NetworkManager.
source tests/lib.sh

count=50

quiet() { udevadm settle && sleep 5; }

# make_interface: a peer's, as the handler makes it; its name is left in $name.
make_interface() {
	local key
	key=$(new_pubkey)
	ask "$key" >/dev/null
	name=$(interface_of "$key")
	udevadm settle
}

# cost: of a new interface to all of the system but the kernel's making it, in thousands of
# instructions.
cost() {
	local begun
	seq -f "link add $prefix%g type wireguard" 101 $((100 + count)) >"$work/batch"
	quiet
	begun=$(busy)
	ip -batch "$work/batch"
	quiet
	echo $((($(busy) - begun) / count / 1000))
	seq -f "link del $prefix%g" 101 $((100 + count)) | ip -batch -
	quiet
}

# device_units INTERFACE: how many units systemd has made of it. Their names have \x2d for a -.
device_units() {
	local name=${1//-/\\x2d}
	systemctl list-units --all --plain --no-legend "*-$name.device" | wc -l
}

# properties INTERFACE: as udev has them, but not those that differ anyway or that we set.
properties() {
	udevadm info -q property "/sys/class/net/$1" | sed "s/$1/NAME/" |
		grep -vE '^(IFINDEX|USEC_INITIALIZED|SYSTEMD_READY|WG_BROKER)=' | sort
}

# hotplugged: for which interfaces the program of another package ran, which would be ifupdown's.
hotplugged() { sort -u /run/hotplugged | paste -sd ' '; }

# networkd_is STATE: of the interface $name.
networkd_is() { [[ $(networkctl list --no-legend --no-pager "$name" | awk '{ print $5 }') == "$1" ]]; }

# manager_is STATE: of the interface $name, as NetworkManager sees it.
manager_is() { [[ $(nmcli -g GENERAL.STATE device show "$name") == *"($1)" ]]; }

addresses() { ip -o addr show dev "$name" | awk '{ print $4 }' | paste -sd ' '; }
own_address() { printf 'fe80::%x/64\n' "${name#"$prefix"}"; }

stop_networkd() { systemctl stop systemd-networkd.socket systemd-networkd; }

configure
rm -f /{etc,usr/local/lib}/udev/rules.d/70-wg-broker.rules
cat >/usr/local/sbin/hotplug <<-'END'
	#!/bin/sh
	echo "$ACTION-$INTERFACE" >>/run/hotplugged
END
chmod +x /usr/local/sbin/hotplug
echo 'SUBSYSTEM=="net", ACTION=="add|remove", RUN+="/usr/local/sbin/hotplug"' \
	>/etc/udev/rules.d/80-hotplug.rules
# What an operator may have for all other interfaces.
printf '%s\n' '[Match]' 'Name=*' '[Network]' Address=10.99.0.1/32 >/etc/systemd/network/50-all.network
printf '%s\n' '[device-all]' 'match-device=*' managed=1 >/etc/NetworkManager/conf.d/all.conf

diag 'what they do'
before=$(cost)
diag "a new interface costs $before thousand instructions"
rm /run/hotplugged
make_interface
first=$name
is "$(hotplugged)" "add-$name" 'udev starts a program for a new interface'
is "$(device_units "$name")" 2 'systemd makes units of it'
properties "$name" >"$work/properties"
ip addr add 10.98.0.1/32 dev "$name"
systemctl start systemd-networkd
ok 'networkd configures it' wait_for 60 networkd_is configured
is "$(addresses)" "10.99.0.1/32 $(own_address)" 'takes an address away and gives it another'
stop_networkd
delete_interfaces
make_interface
is "$(addresses)" "$(own_address)" 'another interface has its address'
systemctl start NetworkManager
ok 'NetworkManager takes it for its own' wait_for 60 manager_is disconnected
is "$(addresses)" '' 'and takes its address away'
systemctl stop NetworkManager
delete_interfaces
udevadm settle
is "$(hotplugged)" "$(printf '%s\n' {add,remove}-{"$first","$name"} | sort | paste -sd ' ')" \
	'udev starts a program when an interface goes'

diag 'when they are told'
systemctl start systemd-networkd
make -s install SUPERVISOR=systemd >"$work/printed"
ok 'what networkd needs is printed' grep -x '  networkctl reload' "$work/printed"
networkctl reload
cp contrib/gateway/NetworkManager-wg-broker.conf /etc/NetworkManager/conf.d/
systemctl start NetworkManager
# udev looks for new rules every three seconds.
sleep 4
rm /run/hotplugged
make_interface
ip addr add 10.98.0.1/32 dev "$name"
ok 'networkd leaves it alone' wait_for 60 networkd_is unmanaged
ok 'as does NetworkManager' wait_for 60 manager_is unmanaged
systemctl restart systemd-networkd NetworkManager
quiet
is "$(addresses)" "10.98.0.1/32 $(own_address)" 'it has its addresses, and no other'
is "$(device_units "$name")" 0 'systemd makes no unit of it'
udevadm trigger --settle --action=add "/sys/class/net/$name"
udevadm trigger --settle --action=change "/sys/class/net/$name"
is "$(device_units "$name")" 0 'nor when udev is made to look again'
is "$(properties "$name")" "$(<"$work/properties")" 'all else that udev knows of it is as before'
stop_networkd
systemctl stop NetworkManager
ip link add other1 type wireguard
udevadm settle
is "$(device_units other1)" 2 'systemd makes units of another interface'
delete_interfaces
udevadm settle
is "$(hotplugged)" add-other1 'udev starts programs for that one alone'
rm /etc/udev/rules.d/80-hotplug.rules
sleep 4
after=$(cost)
diag "a new interface costs $after thousand instructions, of which the kernel takes some 1,000"
ok 'a new interface costs at most 6 million instructions' test "$after" -le 6000

diag 'another prefix'
sed -n 's/^  \(sed s.*\)/\1/p' "$work/printed" | sed s/IFPREFIX/wgpeer/ >"$work/step"
ok 'the printed line works' bash "$work/step"
sleep 4
ip link add wgpeer1 type wireguard
udevadm settle
is "$(device_units wgpeer1)" 0 'systemd makes no unit of it'
done_testing
