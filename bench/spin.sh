# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For the guest's part of bench/cost: instructions spent, by what lab/tools/spin.c could not do.
# shellcheck disable=SC2154 # bench/guest.sh sets tools, and is sourced first.
coproc SPIN { exec "$tools/spin"; }
read -r turns nanoseconds <&"${SPIN[0]}"

# Waits are for the spinner's answer, and by it: nothing is executed.
look() {
	kill -USR1 "$SPIN_PID"
	read -r turns nanoseconds <&"${SPIN[0]}"
}

# A turn of the spinner, in instructions; and what a machine with nothing to do spends besides.
calibrate() {
	local t n
	look; t=$turns n=$nanoseconds
	sleep 2
	look
	turn=$(((nanoseconds - n) * 1000 / (turns - t)))
}

# spent COMMAND…: sets instructions to what all others than the spinner spent meanwhile.
spent() {
	local t=$turns n=$nanoseconds
	look; t=$turns n=$nanoseconds
	"$@"
	look
	# shellcheck disable=SC2034 # Scripts that source this file use it.
	instructions=$((nanoseconds - n - (turns - t) * turn / 1000))
}

# idle SECONDS: with the spinner stopped the guest's clock jumps over what nobody needs.
idle() {
	kill -STOP "$SPIN_PID"
	sleep "$1"
	kill -CONT "$SPIN_PID"
}
