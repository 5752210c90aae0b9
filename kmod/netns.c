// SPDX-License-Identifier: GPL-2.0-only
/* The counters of each network namespace, and their sum. */
#include <net/ip.h>
#include <net/tcp.h>

#include "counters.h"
#include "hooks.h"
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
 * Return the number of failed checks. The latest one failed if the kernel's
 * counter has moved since it began. Set @now to that counter at the same moment.
 */
static u64 synq_checks_failed(struct net *net, const struct synq_cpu *c, int cpu,
			      const struct synq_check *check, enum synq_mib mib,
			      u64 *now)
{
	unsigned int seq;
	u64 failed;

	do {
		/* Raw, because lockdep does not know a seqcount that is only zeroed. */
		seq = raw_read_seqcount_begin(&c->seq);
		failed = check->failed;
		*now = synq_mib_read(net, cpu, mib);
		if (check->open && *now != check->mib_then)
			failed++;
	} while (read_seqcount_retry(&c->seq, seq));
	return failed;
}

static struct synq_kernel synq_kernel_read(struct net *net, const struct synq_cpu *c, int cpu)
{
	u64 overflows, drops;
	u64 acks = synq_checks_failed(net, c, cpu, &c->ack, SYNQ_MIB_LISTEN_OVERFLOWS,
				      &overflows);

	return (struct synq_kernel){
		.cookies_ok = synq_mib_read(net, cpu, SYNQ_MIB_COOKIES_RECV),
		.cookies_bad = synq_mib_read(net, cpu, SYNQ_MIB_COOKIES_FAILED),
		.queue_full = synq_mib_read(net, cpu, SYNQ_MIB_QUEUE_FULL_DROP) +
			      synq_checks_failed(net, c, cpu, &c->peer,
						 SYNQ_MIB_LISTEN_DROPS, &drops),
		/* LISTENOVERFLOWS without the final ACKs in it */
		.accept_full = overflows - acks,
	};
}

/* Make the figures show what the kernel counts from now on. */
void synq_net_begin(struct net *net)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);

		c->at_load = synq_kernel_read(net, c, cpu);
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
	struct synq_kernel kernel = synq_kernel_read(net, c, cpu);
	int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < SYNQ_COUNTED; i++)
		f->n[i] = READ_ONCE(c->n[i]);
	f->n[SYNQ_HALF_OPEN] = synq_half_open(f->n);
	f->n[SYNQ_COOKIES_OK] = kernel.cookies_ok - c->at_load.cookies_ok;
	f->n[SYNQ_COOKIES_BAD] = kernel.cookies_bad - c->at_load.cookies_bad;
	f->n[SYNQ_QUEUE_FULL] = kernel.queue_full - c->at_load.queue_full;
	f->n[SYNQ_ACCEPT_FULL] = kernel.accept_full - c->at_load.accept_full;
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

static int __net_init synq_netns_new(struct net *net)
{
	struct synq_net *sn = synq_net(net);

	sn->cpu = alloc_percpu_gfp(struct synq_cpu, GFP_KERNEL_ACCOUNT);
	init_irq_work(&sn->stir, synq_taps_stir);
	return sn->cpu ? 0 : -ENOMEM;
}

/*
 * The module's exit runs before TCP purges the namespace's last requests, so the
 * hooks may still fire for it. They then use these counters, which are never
 * read. After an RCU grace period no hook uses the namespace's own.
 */
static DEFINE_PER_CPU(struct synq_cpu, synq_dummy_counters);

static void __net_exit synq_netns_leave(struct net *net)
{
	struct synq_net *sn = synq_net(net);

	sn->dying = sn->cpu;
	WRITE_ONCE(sn->cpu, &synq_dummy_counters);
	/* Its taps are closed. */
	WRITE_ONCE(sn->watch, 0);
}

static void __net_exit synq_netns_gone(struct net *net)
{
	irq_work_sync(&synq_net(net)->stir);
	free_percpu(synq_net(net)->dying);
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
}
