// SPDX-License-Identifier: GPL-2.0-only
/*
 * spin: run an empty loop at the lowest priority. On SIGUSR1, print "TURNS
 * NANOSECONDS" since the start; on SIGTERM, exit. In a guest whose clock counts
 * instructions, the kernel or other processes spent the time that the turns do
 * not account for. While spin runs, the guest is never idle, so its clock never
 * jumps.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t report;

static void on_signal(int sig)
{
	report = sig;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(void)
{
	struct sched_param param = { 0 };
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t turns = 0;
	int64_t start;

	if (sched_setscheduler(0, SCHED_IDLE, &param)) {
		perror("spin: SCHED_IDLE");
		return 1;
	}
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	start = now();
	printf("0 0\n");
	for (;;) {
		while (!report)
			turns++;
		if (report == SIGTERM)
			return 0;
		report = 0;
		printf("%ju %jd\n", (uintmax_t)turns, (intmax_t)(now() - start));
	}
}
