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

/* The kernel's own counters that the module reads too. */
enum synq_mib {
	SYNQ_MIB_COOKIES_RECV,
	SYNQ_MIB_COOKIES_FAILED,
	SYNQ_MIB_QUEUE_FULL_DROP,
	SYNQ_MIB_LISTEN_OVERFLOWS,
	SYNQ_MIB_LISTEN_DROPS,
	SYNQ_MIBS
};

/* Bits of struct synq_question's @flags. */
#define SYNQ_QUESTION_PEER	BIT(0)	/* the three-quarters rule asks whether the peer is proven */
#define SYNQ_QUESTION_FULL	BIT(1)	/* the accept queue was full when it came */
#define SYNQ_QUESTION_SAVED	BIT(2)	/* the fields of its record are saved on this CPU */

/**
 * struct synq_question - the SYN that this CPU answers, or has refused
 * @queue_full: the kernel's TCPREQQFULLDROP when it came
 * @overflows: its LISTENOVERFLOWS
 * @drops: its LISTENDROPS
 * @flags: SYNQ_QUESTION_*
 *
 * The kernel increments these counters if it refuses the SYN: see syn.c.
 */
struct synq_question {
	u64	queue_full;
	u64	overflows;
	u64	drops;
	u8	flags;
};

/**
 * struct synq_kernel - the kernel's counts on one CPU since boot
 * @cookies_ok: final ACKs with a good cookie
 * @cookies_bad: those with a bad one
 * @acks_refused: final ACKs that found the accept queue full; only its growth has a
 *	meaning
 */
struct synq_kernel {
	u64	cookies_ok;
	u64	cookies_bad;
	u64	acks_refused;
};

/**
 * struct synq_cpu - counts of one CPU in one network namespace
 * @n: counts since load, written only by that CPU
 * @early_ended: half-opens that ended before they were counted
 * @early_begun: of these, half-opens whose SYN-ACK a hook saw later
 * @late_completions: handshakes completed after their half-open was counted as
 *	ended otherwise
 * @net: the namespace; NULL in synq_dummy_counters
 * @at_load: the kernel's counts at load
 * @seq: lets a reader read a question and the kernel's counters together
 * @question: the latest SYN; see synq_asked
 */
struct synq_cpu {
	u64			n[SYNQ_COUNTED];
	u64			early_ended;
	u64			early_begun;
	u64			late_completions;
	struct net		*net;
	struct synq_kernel	at_load;
	seqcount_t		seq;
	struct synq_question	question;
};

/* Bits of struct synq_net's @watch. */
enum synq_watch {
	SYNQ_WATCH_RECORDS,	/* @feeds is not empty */
	SYNQ_WATCH_PRINTS,	/* a feed asks for records with the fingerprint of a SYN */
	SYNQ_WATCH_SYNS,	/* a feed asks for SYNs that do not enter the queue */
	SYNQ_WATCH_PEAK,	/* a tap's tick dozes until a half-open is added */
};

/**
 * struct synq_net - the module's data of a network namespace
 * @cpu: the counters; synq_dummy_counters once it is being dismantled
 * @dying: the counters from then until they are freed
 * @garbage: frees them after an RCU grace period
 * @watch: BIT(enum synq_watch): read by the hook of an added half-open
 * @feeds: taps that ask for records; read under RCU
 * @taps: all open taps; read under RCU
 * @stir: starts the ticks of @taps that doze
 */
struct synq_net {
	struct synq_cpu __percpu *cpu;
	struct synq_cpu __percpu *dying;
	struct synq_garbage *garbage;
	unsigned long watch;
	struct hlist_head feeds;
	struct hlist_head taps;
	struct irq_work stir;
};

/**
 * struct synq_figures - counters as shown
 * @n: by enum synq_counter; docs/format.md defines each. A tap fills in its
 *	own, SYNQ_PEAK and SYNQ_LOST.
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

/* Do the same in a hook of the counters; these all run with bottom halves off. */
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

/* Return whether a tap asks for records of this namespace. */
static __always_inline bool synq_recording(const struct synq_net *sn)
{
	return unlikely(!hlist_empty(&sn->feeds));
}

/* Return whether an added half-open needs more than counting. */
static __always_inline bool synq_watching(const struct synq_net *sn)
{
	return unlikely(READ_ONCE(sn->watch));
}

#endif /* SYNQ_COUNTERS_H */
