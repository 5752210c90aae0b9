# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the scripts of the lab: sets paths, and defines functions for messages, locks and root.

set -euo pipefail

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # Scripts that source this file use it.
top=$(dirname "$lab")
cache=${TCPSYNQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tcpsynq}
mkdir -p "$cache"

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# lock NAME: waits until no other process makes NAME, and makes others wait until this shell ends.
lock() {
	exec 9>"$cache/$1.lock"
	flock 9
}

# Run a command as root. Exit with a message if that is not possible.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for: $* (no sudo here; run make as root)"
	fi
}
