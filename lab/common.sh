# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the scripts of the lab: where things are, and how to speak.

set -euo pipefail

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # Scripts that source this file use it.
top=$(dirname "$lab")
cache=${TCPSYNQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tcpsynq}
mkdir -p "$cache"

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Until this shell ends, nobody else makes what is called so.
lock() {
	exec 9>"$cache/$1.lock"
	flock 9
}

# Runs a command as root, or says that it can't.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for: $* (no sudo here; run make as root)"
	fi
}
