/* SPDX-License-Identifier: GPL-2.0-only */
/* The success of a check that a hook has seen begin: see syn_drop.c. */
#ifndef SYNQ_SYN_DROP_H
#define SYNQ_SYN_DROP_H

#include "counters.h"

static __always_inline void synq_check_end(struct synq_cpu *c, struct synq_check *check)
{
	raw_write_seqcount_begin(&c->seq);
	check->open = false;
	raw_write_seqcount_end(&c->seq);
}

static __always_inline bool synq_peer_check_open(const struct synq_net *sn)
{
	return this_cpu_read(READ_ONCE(sn->cpu)->peer.open);
}

/*
 * Close an open check after a SYN that the kernel did not refuse. The rule may not
 * have applied to that SYN. Then the check is that of an earlier SYN, which the
 * kernel refused if the counter has moved since.
 */
static inline void synq_peer_check_passed(struct net *net, const struct synq_net *sn)
{
	struct synq_cpu *c = this_cpu_ptr(READ_ONCE(sn->cpu));
	u64 drops = synq_mib_read(net, smp_processor_id(), SYNQ_MIB_LISTEN_DROPS);

	raw_write_seqcount_begin(&c->seq);
	if (c->peer.mib_then != drops)
		c->peer.failed++;
	c->peer.open = false;
	raw_write_seqcount_end(&c->seq);
}

#endif /* SYNQ_SYN_DROP_H */
