/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of each network namespace: netns.c. */
#ifndef SYNQ_COUNTERS_H
#define SYNQ_COUNTERS_H

#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "tcpsynq.h"

/* The kernel's own counters we read beside ours. */
enum synq_mib {
	SYNQ_MIB_COOKIES_RECV,
	SYNQ_MIB_COOKIES_FAILED,
	SYNQ_MIB_QUEUE_FULL_DROP,
	SYNQ_MIB_LISTEN_OVERFLOWS,
	SYNQ_MIB_LISTEN_DROPS,
	SYNQ_MIBS
};

/**
 * struct synq_check - a check that the kernel makes on this CPU
 * @open: the result of the latest check is not known yet
 * @mib_then: the kernel's counter of failed checks when this one began
 * @failed: failed checks, without one that is still open
 *
 * A hook that runs only after success says that the check succeeded. The
 * counter moves if it failed: see syn_drop.c.
 */
struct synq_check {
	bool	open;
	u64	mib_then;
	u64	failed;
};

/**
 * struct synq_kernel - what the kernel has counted on one CPU since it booted
 * @cookies_ok: final ACKs with a good cookie
 * @cookies_bad: those with a bad one
 * @queue_full: SYNs dropped for a full SYN queue
 * @accept_full: SYNs dropped for a full accept queue
 *
 * The last two are made with the help of our checks, so that only what they
 * grow by after these are watched means anything.
 */
struct synq_kernel {
	u64	cookies_ok;
	u64	cookies_bad;
	u64	queue_full;
	u64	accept_full;
};

/**
 * struct synq_cpu - what one CPU has counted in one network namespace
 * @n: counts since load, written by their CPU alone
 * @early_ended: half-opens that ended before they were counted
 * @early_begun: those of them whose SYN-ACK was seen later
 * @late_completions: handshakes completed after their half-open was counted as
 *	ended otherwise
 * @at_load: what the kernel had counted at load
 * @seq: lets a reader take a check and its counter together
 * @ack: is the accept queue full, asked for a final ACK
 * @peer: is the peer proven, asked for a SYN by the three-quarters rule
 */
struct synq_cpu {
	u64			n[SYNQ_COUNTED];
	u64			early_ended;
	u64			early_begun;
	u64			late_completions;
	struct synq_kernel	at_load;
	seqcount_t		seq;
	struct synq_check	ack;
	struct synq_check	peer;
};

/* Bits of struct synq_net's @watch. */
enum synq_watch {
	SYNQ_WATCH_RECORDS,	/* @feeds is not empty */
	SYNQ_WATCH_PEAK,	/* a tap's tick dozes until a half-open is added */
};

/**
 * struct synq_net - our share of a network namespace
 * @cpu: the counters; once it is being dismantled, some that nobody reads
 * @dying: the counters from then until they are freed
 * @watch: BIT(enum synq_watch): read by the hook of an added half-open
 * @feeds: taps that ask for records; read under RCU
 * @taps: all open taps; read under RCU
 * @stir: starts the ticks of @taps that doze
 */
struct synq_net {
	struct synq_cpu __percpu *cpu;
	struct synq_cpu __percpu *dying;
	unsigned long watch;
	struct hlist_head feeds;
	struct hlist_head taps;
	struct irq_work stir;
};

/**
 * struct synq_figures - counters as shown
 * @n: by enum synq_counter; docs/format.md says what each is. Those of taps,
 *	SYNQ_PEAK and a tap's SYNQ_LOST, are the tap's to fill in.
 *
 * SYNQ_HALF_OPEN, SYNQ_INITIAL and SYNQ_PEAK are signed levels; the others only grow.
 */
struct synq_figures {
	u64 n[SYNQ_COUNTERS];
};

extern unsigned int synq_net_id;

static inline struct synq_net *synq_net(const struct net *net)
{
	return net_generic(net, synq_net_id);
}

/* The same in a hook of the counters, which all run with bottom halves off. */
static __always_inline struct synq_net *synq_net_hook(const struct net *net)
{
	return synq_net_generic_bh(net, synq_net_id);
}

int synq_netns_init(void);
void synq_netns_uninit(void);
void synq_net_figures(struct net *net, struct synq_figures *sum);
void synq_cpu_figures(struct net *net, int cpu, struct synq_figures *f);
s64 synq_net_half_open(struct net *net);
void synq_net_begin(struct net *net);
void synq_net_doubts(struct net *net, u64 *uncounted, u64 *late_completions);
u64 synq_mib_read(struct net *net, int cpu, enum synq_mib mib);

/* Called with bottom halves off, which keeps @cpu from being freed. */
static __always_inline void synq_count(const struct synq_net *sn, enum synq_counter what)
{
	BUILD_BUG_ON(__builtin_constant_p(what) && what >= SYNQ_COUNTED);
	this_cpu_inc(READ_ONCE(sn->cpu)->n[what]);
}

const char *synq_outcome_name(enum synq_counter outcome);

/* Does a tap ask for records of this namespace? */
static __always_inline bool synq_recording(const struct synq_net *sn)
{
	return unlikely(!hlist_empty(&sn->feeds));
}

/* Is there more to do for a half-open that is added than to count it? */
static __always_inline bool synq_watching(const struct synq_net *sn)
{
	return unlikely(READ_ONCE(sn->watch));
}

#endif /* SYNQ_COUNTERS_H */
