# SPDX-License-Identifier: GPL-2.0-only
# For the guest's part of a measurement: two namespaces, and readers.
tools=lab/tools/build
tracing=/sys/kernel/tracing

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

# tap FILTER FILE: a reader of the stream, in the background.
tap() {
	ip netns exec server bash -c "exec 3<>/proc/net/tcpsynq; echo '$1' >&3; exec cat <&3 >$2" &
	reader=$!
	until grep -q '^taps 1 ' /proc/net/tcpsynq_status; do sleep 0.2; done
	sleep 1
}

# Ends what was started in the background, where SIGINT is ignored.
end() {
	kill -TERM "$1"
	wait "$1" 2>/dev/null || true
}
