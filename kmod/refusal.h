/* SPDX-License-Identifier: GPL-2.0-only */
/* How a check that a hook has seen begin turns out well: see refusal.c. */
#ifndef SYNQ_REFUSAL_H
#define SYNQ_REFUSAL_H

#include "tcpsynq.h"

static __always_inline void synq_answered(struct synq_cpu *c, struct synq_question *question)
{
	raw_write_seqcount_begin(&c->seq);
	question->open = false;
	raw_write_seqcount_end(&c->seq);
}

/* A SYN was not refused. */
static __always_inline void synq_peer_answered(const struct synq_net *sn)
{
	struct synq_cpu __percpu *cpus = READ_ONCE(sn->cpu);
	struct synq_cpu *c;

	if (unlikely(!cpus))
		return;
	c = this_cpu_ptr(cpus);
	if (unlikely(c->peer.open))
		synq_answered(c, &c->peer);
}

#endif /* SYNQ_REFUSAL_H */
