# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Sourced by measurements of bench/cost in the guest: counts instructions as the time that
# lab/tools/spin.c did not get.
# shellcheck disable=SC2154 # bench/guest.sh sets tools, and is sourced first.
coproc SPIN { exec "$tools/spin"; }
read -r turns nanoseconds <&"${SPIN[0]}"

# Ask the spinner for its turns and the time. While this shell waits, only the spinner runs.
look() {
	kill -USR1 "$SPIN_PID"
	read -r turns nanoseconds <&"${SPIN[0]}"
}

# Set turn to the instructions of 1,000 turns of the spinner, together with the work of an idle
# kernel meanwhile.
calibrate() {
	local t n
	look; t=$turns n=$nanoseconds
	sleep 1
	look
	turn=$(((nanoseconds - n) * 1000 / (turns - t)))
}

# spent COMMAND…: runs COMMAND, and sets instructions to those of everything except the spinner.
spent() {
	local t=$turns n=$nanoseconds
	look; t=$turns n=$nanoseconds
	"$@"
	look
	# shellcheck disable=SC2034 # Scripts that source this file use it.
	instructions=$((nanoseconds - n - (turns - t) * turn / 1000))
}

# idle SECONDS: waits with the spinner stopped: the guest is idle then, and its clock jumps to the
# next timer.
idle() {
	kill -STOP "$SPIN_PID"
	sleep "$1"
	kill -CONT "$SPIN_PID"
}
