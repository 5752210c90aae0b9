// SPDX-License-Identifier: GPL-2.0-only
/*
 * Half-opens from before the load.
 *
 * The listeners' own queue lengths leave out the half-opens of closed listeners,
 * so the module walks the established hash, while traffic goes on. The hooks are
 * attached before the walk, and life.h counts each half-open once: here, if its
 * SYN-ACK was sent before they were attached.
 *
 * The walk holds each bucket's lock, with bottom halves off: the kernel adds and
 * removes half-opens under it, on PREEMPT_RT too.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "counters.h"
#include "life.h"

static u64 synq_initial_ns;
static unsigned long synq_initial_sockets;
static unsigned long synq_initial_half_opens;

bool synq_initial_done __read_mostly;

static void synq_initial_bucket(struct inet_hashinfo *hash, unsigned int slot)
{
	spinlock_t *lock = inet_ehash_lockp(hash, slot);
	struct hlist_nulls_node *node;
	struct sock *sk;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &hash->ehash[slot].chain) {
		synq_initial_sockets++;
		if (sk->sk_state == TCP_NEW_SYN_RECV && synq_life_find(inet_reqsk(sk))) {
			synq_initial_half_opens++;
			synq_count(synq_net_hook(sock_net(sk)), SYNQ_INITIAL);
		}
	}
	spin_unlock_bh(lock);
}

static void synq_initial_walk(struct inet_hashinfo *hash)
{
	unsigned int slot;

	for (slot = 0; slot <= hash->ehash_mask; slot++) {
		if (!hlist_nulls_empty(&hash->ehash[slot].chain))
			synq_initial_bucket(hash, slot);
		cond_resched();
	}
}

/* Called for each namespace, which the kernel does not dismantle meanwhile, and for new ones. */
static int __net_init synq_initial_net(struct net *net)
{
	struct inet_hashinfo *hash = synq_hashinfo(net);

	if (READ_ONCE(synq_initial_done))
		return 0;
	synq_net_begin(net);
	/* Since 6.1 a namespace may have a table of its own. */
	if (net_eq(net, &init_net) || hash != synq_hashinfo(&init_net))
		synq_initial_walk(hash);
	return 0;
}

static struct pernet_operations synq_initial_ops = {
	.init = synq_initial_net,
};

/**
 * synq_initial_find() - count the half-opens that exist already
 *
 * Called after the hooks are attached, before a file can be read.
 *
 * Return: 0 or -errno.
 */
int synq_initial_find(void)
{
	u64 began = ktime_get_ns();
	int err = register_pernet_subsys(&synq_initial_ops);

	if (err)
		return err;
	WRITE_ONCE(synq_initial_done, true);
	synq_initial_ns = ktime_get_ns() - began;
	/* Waits for RCU. */
	unregister_pernet_subsys(&synq_initial_ops);
	pr_info("%lu half-open at load, found among %lu sockets in %llu us\n",
		synq_initial_half_opens, synq_initial_sockets,
		div_u64(synq_initial_ns, NSEC_PER_USEC));
	return 0;
}

void synq_initial_show(struct seq_file *seq, bool host)
{
	seq_printf(seq, "initial_walk %llu ", div_u64(synq_initial_ns, NSEC_PER_USEC));
	if (host)
		seq_printf(seq, "%lu\n", synq_initial_half_opens);
	else
		seq_puts(seq, "-\n");
}
