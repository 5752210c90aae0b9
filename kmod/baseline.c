// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was half-open before the hooks.
 *
 * The listeners' own queue lengths would leave out the half-opens of
 * listeners that have closed since, so the established hash is walked. It is
 * walked with all CPUs stopped: then no softirq is half-way between changing
 * the hash and passing a hook, and the walk and the counters, which restart
 * from zero in the same stop, agree exactly. The CPUs share the walk.
 */
#include <linux/ktime.h>
#include <linux/stop_machine.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "tcpsynq.h"

/*
 * The walk stops nobody's machine longer than this. A bucket costs some ten
 * nanoseconds empty and a cache miss per socket; the largest table the kernel
 * makes by itself has 524,288 buckets (tcp_init(), net/ipv4/tcp.c).
 */
#define SYNQ_STOP_LIMIT_NS	(500 * NSEC_PER_MSEC)
#define SYNQ_STOP_LOOK		256	/* buckets between looks at the clock */

#define SYNQ_STOP_SHARES	64	/* of each table, for the CPUs to take in turn */

struct synq_walk {
	atomic_t	next_share;
	atomic_t	sockets;
	atomic_t	found;
	atomic_t	cut_short;
	atomic64_t	began;		/* ktime_get_mono_fast_ns(); 0: not yet */
	atomic64_t	ended;
};

static struct synq_walk synq_walk;

/* With all CPUs stopped, microseconds. */
static u64 synq_walk_us(void)
{
	return div_u64(atomic64_read(&synq_walk.ended) - atomic64_read(&synq_walk.began),
		       NSEC_PER_USEC);
}

static void synq_baseline_restart(int cpu)
{
	struct net *net;
	int i;

	for_each_net_rcu(net) {
		struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);

		/* Skip SYNQ_INITIAL: the walk increments it at the same time. */
		for (i = SYNQ_ADDED; i < SYNQ_COUNTED; i++)
			c->n[i] = 0;
		for (i = 0; i < SYNQ_MIBS; i++)
			c->mib_at_load[i] = synq_mib_read(net, cpu, i);
		memset(&c->ack, 0, sizeof(c->ack));
		memset(&c->peer, 0, sizeof(c->peer));
	}
}

static void synq_baseline_walk(struct inet_hashinfo *hash, unsigned int share)
{
	u64 buckets = (u64)hash->ehash_mask + 1;
	unsigned int slot = div_u64(buckets * share, SYNQ_STOP_SHARES);
	unsigned int end = div_u64(buckets * (share + 1), SYNQ_STOP_SHARES);
	unsigned int sockets = 0, found = 0;

	for (; slot < end; slot++) {
		struct hlist_nulls_node *node;
		struct sock *sk;

		if (slot % SYNQ_STOP_LOOK == 0 &&
		    ktime_get_mono_fast_ns() > atomic64_read(&synq_walk.began) + SYNQ_STOP_LIMIT_NS) {
			atomic_set(&synq_walk.cut_short, 1);
			break;
		}
		sk_nulls_for_each_rcu(sk, node, &hash->ehash[slot].chain) {
			sockets++;
			if (sk->sk_state != TCP_NEW_SYN_RECV)
				continue;
			found++;
			synq_count(synq_net(sock_net(sk)), SYNQ_INITIAL);
		}
	}
	atomic_add(sockets, &synq_walk.sockets);
	atomic_add(found, &synq_walk.found);
}

static void synq_baseline_share(unsigned int share)
{
	struct inet_hashinfo *common = synq_hashinfo(&init_net);
	struct net *net;

	for_each_net_rcu(net) {
		struct inet_hashinfo *hash = synq_hashinfo(net);

		/* Since 6.1 a namespace may have a table of its own. */
		if (net_eq(net, &init_net) || (hash && hash != common))
			synq_baseline_walk(hash, share);
	}
}

static int synq_baseline_stopped(void *unused)
{
	unsigned int share;
	int cpu;

	atomic64_cmpxchg(&synq_walk.began, 0, ktime_get_mono_fast_ns());
	rcu_read_lock();
	synq_baseline_restart(smp_processor_id());
	while ((share = atomic_inc_return(&synq_walk.next_share) - 1) < SYNQ_STOP_SHARES) {
		synq_baseline_share(share);
		if (share > 0)
			continue;
		for_each_possible_cpu(cpu)
			if (!cpu_online(cpu))
				synq_baseline_restart(cpu);
	}
	rcu_read_unlock();
	atomic64_set(&synq_walk.ended, ktime_get_mono_fast_ns());
	return 0;
}

/* Hooks are attached, nobody reads yet. */
void synq_baseline_take(void)
{
	stop_machine(synq_baseline_stopped, NULL, cpu_online_mask);
	pr_info("%u half-open at load, found among %u sockets in %llu us with all CPUs stopped%s\n",
		atomic_read(&synq_walk.found), atomic_read(&synq_walk.sockets), synq_walk_us(),
		atomic_read(&synq_walk.cut_short) ? "; cut short, the count is low" : "");
}

void synq_baseline_show(struct seq_file *seq, bool host)
{
	seq_printf(seq, "initial stop_machine %llu ", synq_walk_us());
	if (host)
		seq_printf(seq, "%u\n", atomic_read(&synq_walk.found));
	else
		seq_puts(seq, "-\n");
}

bool synq_baseline_exact(struct seq_file *seq)
{
	bool exact = true;

	if (SYNQ_PREEMPT_RT) {
		seq_puts(seq, "why PREEMPT_RT: stopping the CPUs does not stop a softirq half-way, initial may be off by a few\n");
		exact = false;
	}
	if (atomic_read(&synq_walk.cut_short)) {
		seq_printf(seq, "why the walk at load was cut short after %llu us: initial is low\n",
			   synq_walk_us());
		exact = false;
	}
	return exact;
}
