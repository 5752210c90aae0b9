/* SPDX-License-Identifier: GPL-2.0-only */
/* How the kernel answers a SYN: syn.c. */
#ifndef SYNQ_SYN_H
#define SYNQ_SYN_H

#include "counters.h"

/* The counters whose question is the SYN that this CPU answers or has refused; or NULL. */
DECLARE_PER_CPU(struct synq_cpu *, synq_asked);

int synq_syns_init(void);
void synq_syns_uninit(void);
void synq_syn_write(struct synq_net *sn, const struct request_sock *req,
		    enum synq_counter answer);

/* Note that the kernel answers the SYN, with a SYN-ACK. */
static __always_inline void synq_syn_answered(void)
{
	this_cpu_write(synq_asked, NULL);
}

/**
 * synq_refusal() - find why the kernel refused a SYN
 * @q: the SYN
 * @flags: its flags, read after the counters
 * @queue_full: the kernel's TCPREQQFULLDROP on that CPU now
 * @overflows: its LISTENOVERFLOWS
 * @drops: its LISTENDROPS
 *
 * What comes after the SYN may increment the last two: a final ACK that found the accept
 * queue full both, an ICMP error that ends a half-open only @drops. So decide only what
 * these cannot change, and leave the rest to synq_syn_settle().
 *
 * Return: the reason's counter; SYNQ_COUNTERS: not known yet.
 */
static inline enum synq_counter synq_refusal(const struct synq_question *q, u8 flags,
					     u64 queue_full, u64 overflows, u64 drops)
{
	if (queue_full != q->queue_full)
		return SYNQ_QUEUE_FULL;
	if (flags & SYNQ_QUESTION_FULL)
		return overflows != q->overflows ? SYNQ_ACCEPT_FULL : SYNQ_COUNTERS;
	if (drops == q->drops)
		return SYNQ_COUNTERS;
	if (flags & SYNQ_QUESTION_PEER)
		return SYNQ_QUEUE_FULL;
	return drops - q->drops > overflows - q->overflows ? SYNQ_REFUSED_OTHER : SYNQ_COUNTERS;
}

#endif /* SYNQ_SYN_H */
