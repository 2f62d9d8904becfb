set -x
ip link add wg0 type wireguard && wg set wg0 listen-port 40001 && ip link set wg0 up && wg show wg0
ip netns add a && ip netns exec a ip link
unshare -T --boottime 1000 cat /proc/uptime
babeld -V; ls -l $(command -v xinetd socat nc jq nft prove make)
python3 -c 'import prometheus_client; print(prometheus_client.__file__)'
valgrind --error-exitcode=9 /bin/true; echo valgrind $?
strace -c -f true 2>&1 | tail -3
dmesg | head -1 | cut -c1-60
echo again >/dev/stderr; echo via >/dev/stdout; cat <(echo fd)
setpriv --ambient-caps +net_admin --inh-caps +net_admin true; echo setpriv $?
capsh --print | head -1
echo '{}' | jq -c .; nft list ruleset; ping -c1 ::1 | tail -2; df -h /wg-broker /dev/shm | cat; cat /proc/mounts; free -m
mkdir out; echo data > out/file; touch "/wg-broker/writable"; sleep 1000 & 
exit 5
