#!/bin/sh
':' /*
# The command starts as a shell script, which is a comment to Node. Only a shell sees two facts: Node
# resets ignored signals to their defaults, and opens /dev/null in place of a closed stdout.
unset TCPSYNQ_HANGUP TCPSYNQ_STDOUT
while read -r name value; do
	case $name$value in
	SigIgn:*[13579bdf])
		export TCPSYNQ_HANGUP=ignored
		break
		;;
	SigIgn:*) break ;;
	esac
done 2>/dev/null </proc/self/status
# The link itself: root may not look at its target on FUSE or NFS.
[ -L /proc/self/fd/1 ] || [ ! -e /proc/self ] || export TCPSYNQ_STDOUT=closed
command -v node >/dev/null || {
	echo 'tcpsynq: needs Node 20.19 or newer, and there is no node in PATH' >&2
	exit 127
}
trap '' USR1 USR2
# Node opens its inspector if SIGUSR1 arrives before the command can take it. Here that fails: no
# host has this address (RFC 5737).
exec node --inspect-port=192.0.2.1:1024 "$0" "$@"
