# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For the guest's part of a measurement: two namespaces, SYNs, readers.
tools=lab/tools/build
# shellcheck disable=SC2034 # Scripts that source this file use it.
tracing=/sys/kernel/tracing
echo "on Linux $(uname -r)"

ip netns add server
ip netns add client
ip -n server link add veth0 type veth peer name veth1 netns client
ip -n server addr add 10.9.0.1/24 dev veth0
ip -n client addr add 10.9.0.2/24 dev veth1
for name in server client; do ip -n $name link set lo up; done
ip -n server link set veth0 up
ip -n client link set veth1 up
in_server() { ip netns exec server "$@"; }
in_client() { ip netns exec client "$@"; }

# listen_for_syns: a listener on port 80 that more half-opens fit in than any measurement makes. At
# half of what fits the kernel would begin to give up those that wait.
listen_for_syns() {
	in_server sysctl -qw net.core.somaxconn=2000000 net.ipv4.tcp_max_syn_backlog=2000000 \
		net.ipv4.tcp_synack_retries=0 net.ipv4.tcp_syncookies=1
	sysctl -qw net.core.netdev_max_backlog=1000000
	ip -n server route add 198.18.0.0/15 via 10.9.0.2
	ip -n client route add blackhole 198.18.0.0/15
	in_server $tools/listener --port 80 --backlog 2000000 --accept no --seconds 86400 >/dev/null &
	until in_server ss -Hltn | grep -q :80; do sleep 0.1; done
}

# send COUNT WORD…: so many SYNs, none sent before.
sent=0
send() {
	local count=$1
	shift
	in_client $tools/synsend --dev veth1 --dst 10.9.0.1 --dport 80 --count "$count" --seed 1 \
		--first $sent "$@" >/dev/null
	sent=$((sent + count))
}

# tap FILTER FILE: a reader of the stream, in the background.
tap() {
	ip netns exec server bash -c "exec 3<>/proc/net/tcpsynq; echo '$1' >&3; exec cat <&3 >$2" &
	# shellcheck disable=SC2034 # Scripts that source this file end it.
	reader=$!
	until grep -q '^taps 1 ' /proc/net/tcpsynq_status; do sleep 0.2; done
	sleep 1
}

# Ends what was started in the background, where SIGINT is ignored.
end() {
	kill -TERM "$1"
	wait "$1" 2>/dev/null || true
}

# for_bcc: the headers where its tools look for them, which Debian has in two trees; and what they
# print without delay.
for_bcc() {
	local release
	release=$(uname -r)
	ln -sfn "/usr/src/linux-headers-$release" "/lib/modules/$release/build"
	ln -sfn "/usr/src/linux-headers-${release%-*}-common" "/lib/modules/$release/source"
	export PYTHONUNBUFFERED=1
}
