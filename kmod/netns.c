// SPDX-License-Identifier: GPL-2.0-only
/* The counters of each network namespace, and their sum. */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "counters.h"
#include "hooks.h"
#include "syn.h"
#include "tap.h"

unsigned int synq_net_id;

static const int synq_mib_fields[SYNQ_MIBS] = {
	[SYNQ_MIB_COOKIES_RECV] = LINUX_MIB_SYNCOOKIESRECV,
	[SYNQ_MIB_COOKIES_FAILED] = LINUX_MIB_SYNCOOKIESFAILED,
	[SYNQ_MIB_QUEUE_FULL_DROP] = LINUX_MIB_TCPREQQFULLDROP,
	[SYNQ_MIB_LISTEN_OVERFLOWS] = LINUX_MIB_LISTENOVERFLOWS,
	[SYNQ_MIB_LISTEN_DROPS] = LINUX_MIB_LISTENDROPS,
};

u64 synq_mib_read(struct net *net, int cpu, enum synq_mib mib)
{
	return snmp_get_cpu_field(net->mib.net_statistics, cpu, synq_mib_fields[mib]);
}

/*
 * Read the refused SYNs of a CPU into @n. The latest SYN counts too, if the kernel has
 * refused it by now.
 *
 * Return: LISTENOVERFLOWS at the same moment, less refused SYNs: refused final ACKs.
 */
static u64 synq_refusals_read(struct net *net, const struct synq_cpu *c, int cpu, u64 *n)
{
	u64 queue_full, overflows, drops;
	enum synq_counter reason;
	unsigned int seq;
	bool asked;

	do {
		/* Raw, because lockdep does not know a seqcount that is only zeroed. */
		seq = raw_read_seqcount_begin(&c->seq);
		n[SYNQ_QUEUE_FULL] = READ_ONCE(c->n[SYNQ_QUEUE_FULL]);
		n[SYNQ_ACCEPT_FULL] = READ_ONCE(c->n[SYNQ_ACCEPT_FULL]);
		n[SYNQ_REFUSED_OTHER] = READ_ONCE(c->n[SYNQ_REFUSED_OTHER]);
		asked = READ_ONCE(per_cpu(synq_asked, cpu)) == c;
		queue_full = synq_mib_read(net, cpu, SYNQ_MIB_QUEUE_FULL_DROP);
		drops = synq_mib_read(net, cpu, SYNQ_MIB_LISTEN_DROPS);
		/* Read LISTENOVERFLOWS last: the kernel increments it before LISTENDROPS. */
		smp_rmb();
		overflows = synq_mib_read(net, cpu, SYNQ_MIB_LISTEN_OVERFLOWS);
		/* The flags after the counters: pairs with synq_on_peer_proven(). */
		smp_rmb();
		reason = asked ? synq_refusal(&c->question, READ_ONCE(c->question.flags),
					      queue_full, overflows, drops) : SYNQ_COUNTERS;
		/* An answered SYN leaves @seq alone: read whether it was after the counters. */
		smp_rmb();
	} while (read_seqcount_retry(&c->seq, seq) ||
		 asked != (READ_ONCE(per_cpu(synq_asked, cpu)) == c));
	if (reason != SYNQ_COUNTERS)
		n[reason]++;
	return overflows - n[SYNQ_ACCEPT_FULL];
}

static struct synq_kernel synq_kernel_read(struct net *net, const struct synq_cpu *c, int cpu,
					   u64 *n)
{
	return (struct synq_kernel){
		.cookies_ok = synq_mib_read(net, cpu, SYNQ_MIB_COOKIES_RECV),
		.cookies_bad = synq_mib_read(net, cpu, SYNQ_MIB_COOKIES_FAILED),
		.acks_refused = synq_refusals_read(net, c, cpu, n),
	};
}

/* Make the figures show what the kernel counts from now on. */
void synq_net_begin(struct net *net)
{
	u64 n[SYNQ_COUNTERS];
	int cpu;

	for_each_possible_cpu(cpu) {
		struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);

		c->at_load = synq_kernel_read(net, c, cpu, n);
	}
}

/* Return the half-opens that the counters @n leave: one CPU's share, meaningless on its own. */
static s64 synq_half_open(const u64 *n)
{
	s64 half_open = READ_ONCE(n[SYNQ_INITIAL]) + READ_ONCE(n[SYNQ_ADDED]);
	int i;

	for (i = SYNQ_COMPLETED; i <= SYNQ_OTHER; i++)
		half_open -= READ_ONCE(n[i]);
	return half_open;
}

/**
 * synq_cpu_figures() - read what one CPU has counted in a namespace
 * @net: the namespace; the caller holds it
 * @cpu: a possible CPU
 * @f: filled in; counters of taps are 0. SYNQ_HALF_OPEN is that CPU's share.
 *	SYNQ_MISSED is the whole host's, set for the first possible CPU only.
 */
void synq_cpu_figures(struct net *net, int cpu, struct synq_figures *f)
{
	const struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);
	struct synq_kernel kernel;
	int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < SYNQ_COUNTED; i++)
		f->n[i] = READ_ONCE(c->n[i]);
	kernel = synq_kernel_read(net, c, cpu, f->n);
	f->n[SYNQ_HALF_OPEN] = synq_half_open(f->n);
	f->n[SYNQ_COOKIES_OK] = kernel.cookies_ok - c->at_load.cookies_ok;
	f->n[SYNQ_COOKIES_BAD] = kernel.cookies_bad - c->at_load.cookies_bad;
	f->n[SYNQ_ACKS_REFUSED] = kernel.acks_refused - c->at_load.acks_refused;
	f->n[SYNQ_SYNS] = f->n[SYNQ_ADDED] + f->n[SYNQ_COOKIES] + f->n[SYNQ_QUEUE_FULL] +
			  f->n[SYNQ_ACCEPT_FULL] + f->n[SYNQ_FASTOPEN] +
			  f->n[SYNQ_REFUSED_OTHER];
	if (cpu == cpumask_first(cpu_possible_mask))
		f->n[SYNQ_MISSED] = synq_hooks_missed();
}

/**
 * synq_net_figures() - sum the counters of all CPUs
 * @net: the namespace; the caller holds it
 * @sum: filled in. initial + added - outcomes = half_open always holds, but
 *	while traffic runs the CPUs are not read at one instant.
 */
void synq_net_figures(struct net *net, struct synq_figures *sum)
{
	struct synq_figures f;
	int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		synq_cpu_figures(net, cpu, &f);
		for (i = 0; i < SYNQ_COUNTERS; i++)
			sum->n[i] += f.n[i];
	}
}

/* Return the number of half-opens in a namespace. Safe in any context. */
s64 synq_net_half_open(struct net *net)
{
	struct synq_cpu __percpu *cpus = synq_net(net)->cpu;
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += synq_half_open(per_cpu_ptr(cpus, cpu)->n);
	return sum;
}

/**
 * synq_net_doubts() - find how many half-opens of a namespace were miscounted
 * @net: the namespace; the caller holds it
 * @uncounted: set to how many ended without having been counted
 * @late_completions: set to how many completed after they were counted as ended otherwise
 *
 * May sleep.
 */
void synq_net_doubts(struct net *net, u64 *uncounted, u64 *late_completions)
{
	u64 ended = 0, begun = 0;
	int cpu;

	*late_completions = 0;
	for_each_possible_cpu(cpu) {
		const struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);

		ended += READ_ONCE(c->early_ended);
		*late_completions += READ_ONCE(c->late_completions);
	}
	/* Wait until the SYN-ACKs of those that have ended are sent. */
	if (ended)
		synchronize_rcu();
	for_each_possible_cpu(cpu)
		begun += READ_ONCE(per_cpu_ptr(synq_net(net)->cpu, cpu)->early_begun);
	*uncounted = ended > begun ? ended - begun : 0;
}

/* Return the R line's word for an outcome. */
const char *synq_outcome_name(enum synq_counter outcome)
{
	static const char * const names[] = SYNQ_OUTCOME_NAMES;

	return names[outcome];
}

/**
 * struct synq_garbage - the counters of a namespace that is gone
 * @rcu: the grace period after which no CPU's question is in them
 * @cpu: the counters
 */
struct synq_garbage {
	struct rcu_head rcu;
	struct synq_cpu __percpu *cpu;
};

static int __net_init synq_netns_new(struct net *net)
{
	struct synq_net *sn = synq_net(net);
	int cpu;

	sn->garbage = kmalloc(sizeof(*sn->garbage), GFP_KERNEL_ACCOUNT);
	if (!sn->garbage)
		return -ENOMEM;
	sn->cpu = alloc_percpu_gfp(struct synq_cpu, GFP_KERNEL_ACCOUNT);
	if (!sn->cpu) {
		kfree(sn->garbage);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
		per_cpu_ptr(sn->cpu, cpu)->net = net;
	init_irq_work(&sn->stir, synq_taps_stir);
	return 0;
}

/*
 * The module's exit runs before TCP purges the namespace's last requests, so the
 * hooks may still fire for it. They then use these counters, which are never
 * read. After an RCU grace period no hook uses the namespace's own.
 */
static DEFINE_PER_CPU(struct synq_cpu, synq_dummy_counters);

/* Drop the open questions of a dying namespace. */
static void synq_netns_drop_asked(const struct synq_net *sn)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct synq_cpu *c = per_cpu_ptr(sn->dying, cpu);

		if (READ_ONCE(per_cpu(synq_asked, cpu)) == c)
			cmpxchg(&per_cpu(synq_asked, cpu), c, NULL);
	}
}

static void synq_garbage_free(struct rcu_head *rcu)
{
	struct synq_garbage *garbage = container_of(rcu, struct synq_garbage, rcu);

	free_percpu(garbage->cpu);
	kfree(garbage);
}

static void __net_exit synq_netns_leave(struct net *net)
{
	struct synq_net *sn = synq_net(net);

	sn->dying = sn->cpu;
	WRITE_ONCE(sn->cpu, &synq_dummy_counters);
	synq_netns_drop_asked(sn);
	/* Its taps are closed. */
	WRITE_ONCE(sn->watch, 0);
}

static void __net_exit synq_netns_gone(struct net *net)
{
	struct synq_net *sn = synq_net(net);

	irq_work_sync(&sn->stir);
	/* A hook that began before leaving may have asked after it, and may still use that. */
	synq_netns_drop_asked(sn);
	sn->garbage->cpu = sn->dying;
	call_rcu(&sn->garbage->rcu, synq_garbage_free);
}

SYNQ_DEFINE_NETNS_EXIT(synq_netns_leave, synq_netns_gone)

static struct pernet_operations synq_netns_ops = {
	.init = synq_netns_new,
	SYNQ_NETNS_EXIT(synq_netns_leave, synq_netns_gone),
	.id = &synq_net_id,
	.size = sizeof(struct synq_net),
};

int synq_netns_init(void)
{
	return register_pernet_subsys(&synq_netns_ops);
}

void synq_netns_uninit(void)
{
	unregister_pernet_subsys(&synq_netns_ops);
	/* Their callback is in this module. */
	rcu_barrier();
}
