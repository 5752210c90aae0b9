# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Sourced by measurements in the guest: makes two namespaces, and defines functions for SYNs and
# readers.
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

# listen_for_syns: starts a listener on port 80. More than twice as many half-opens fit into its SYN
# queue as any measurement makes: from half full on, the kernel gives up half-opens early.
listen_for_syns() {
	in_server sysctl -qw net.core.somaxconn=2000000 net.ipv4.tcp_max_syn_backlog=2000000 \
		net.ipv4.tcp_synack_retries=0 net.ipv4.tcp_syncookies=1
	sysctl -qw net.core.netdev_max_backlog=1000000
	ip -n server route add 198.18.0.0/15 via 10.9.0.2
	ip -n client route add blackhole 198.18.0.0/15
	in_server $tools/listener --port 80 --backlog 2000000 --accept no --seconds 86400 >/dev/null &
	until in_server ss -Hltn | grep -q :80; do sleep 0.1; done
}

# send COUNT OPTION…: sends COUNT SYNs that were not sent before.
sent=0
send() {
	local count=$1
	shift
	in_client $tools/synsend --dev veth1 --dst 10.9.0.1 --dport 80 --count "$count" --seed 1 \
		--first $sent "$@" >/dev/null
	sent=$((sent + count))
}

# tap FILTER FILE: starts a reader of the stream in the background, which writes FILE.
tap() {
	ip netns exec server bash -c "exec 3<>/proc/net/tcpsynq; echo '$1' >&3; exec cat <&3 >$2" &
	# shellcheck disable=SC2034 # Scripts that source this file end it.
	reader=$!
	until grep -q '^taps 1 ' /proc/net/tcpsynq_status; do sleep 0.2; done
	sleep 1
}

# end PID: ends a background process, with SIGTERM, since these processes ignore SIGINT.
end() {
	kill -TERM "$1"
	wait "$1" 2>/dev/null || true
}

# for_bcc: puts links to the kernel headers, which Debian keeps in two trees, where bcc's tools look
# for them. Makes the tools print without delay.
for_bcc() {
	local release
	release=$(uname -r)
	ln -sfn "/usr/src/linux-headers-$release" "/lib/modules/$release/build"
	ln -sfn "/usr/src/linux-headers-${release%-*}-common" "/lib/modules/$release/source"
	export PYTHONUNBUFFERED=1
}
