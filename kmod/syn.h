/* SPDX-License-Identifier: GPL-2.0-only */
/* How the kernel answers a SYN: syn.c. */
#ifndef SYNQ_SYN_H
#define SYNQ_SYN_H

#include "counters.h"

/* The counters whose question is the SYN that this CPU answers or has refused; or NULL. */
DECLARE_PER_CPU(struct synq_cpu *, synq_asked);

int synq_syns_init(void);
void synq_syns_uninit(void);
void synq_syn_write(struct synq_net *sn, enum synq_counter answer);

/* Note that the kernel answers the SYN, with a SYN-ACK. */
static __always_inline void synq_syn_answered(void)
{
	this_cpu_write(synq_asked, NULL);
}

/**
 * synq_refusal() - find why the kernel refused a SYN
 * @q: the SYN
 * @queue_full: the kernel's TCPREQQFULLDROP on that CPU now
 * @overflows: its LISTENOVERFLOWS
 * @drops: its LISTENDROPS
 *
 * Since the SYN, refused final ACKs may have incremented the last two, both by the
 * same number. A full accept queue does so for the SYN too; other reasons increment
 * only the last.
 *
 * Return: the reason's counter; SYNQ_COUNTERS: the kernel has not refused it yet.
 */
static inline enum synq_counter synq_refusal(const struct synq_question *q, u64 queue_full,
					     u64 overflows, u64 drops)
{
	bool other = drops - q->drops > overflows - q->overflows;

	if (queue_full != q->queue_full || (other && q->flags & SYNQ_QUESTION_PEER))
		return SYNQ_QUEUE_FULL;
	if (other)
		return SYNQ_REFUSED_OTHER;
	return overflows != q->overflows ? SYNQ_ACCEPT_FULL : SYNQ_COUNTERS;
}

#endif /* SYNQ_SYN_H */
