// SPDX-License-Identifier: GPL-2.0-only
/* Records: written by the hooks, kept in rings, read in the order of time. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/tcp.h>

#include "queue.h"
#include "record.h"

#define SYNQ_BUFSIZE_MIN	16
#define SYNQ_BUFSIZE_MAX	65536

static DEFINE_MUTEX(synq_feeds_lock);	/* guards the lists of feeds, and: */
static size_t synq_feeds_bytes;		/* of all rings */

static unsigned int synq_bufsize = 8192;

static int synq_bufsize_set(const char *val, const struct kernel_param *kp)
{
	unsigned int n;

	if (kstrtouint(val, 10, &n) || n < SYNQ_BUFSIZE_MIN || n > SYNQ_BUFSIZE_MAX) {
		pr_err("bufsize=%s: allowed is %u to %u records for each CPU\n",
		       val, SYNQ_BUFSIZE_MIN, SYNQ_BUFSIZE_MAX);
		return -EINVAL;
	}
	WRITE_ONCE(synq_bufsize, n);
	return 0;
}

static const struct kernel_param_ops synq_bufsize_ops = {
	.set = synq_bufsize_set,
	.get = param_get_uint,
};
module_param_cb(bufsize, &synq_bufsize_ops, &synq_bufsize, 0644);
MODULE_PARM_DESC(bufsize, "records a tap keeps for each CPU until they are read, 16 to 65536, rounded up to a power of two (default 8192: 512 KiB)");

/* ---- Written, by the hooks ---- */

static __always_inline bool synq_addr_wanted(const struct synq_filter *filter,
					     const struct in6_addr *addr)
{
	return ipv6_prefix_equal(addr, &filter->addr, filter->addr_bits);
}

static notrace bool synq_record_wanted(const struct synq_filter *filter,
				       const struct synq_record *r, u32 mark)
{
	if (!(filter->kinds & SYNQ_KIND_EVENT))
		return false;
	if (filter->port && filter->port != r->local_port && filter->port != r->remote_port)
		return false;
	if (filter->fwmark && filter->fwmark != mark)
		return false;
	return !filter->addr_bits || synq_addr_wanted(filter, &r->local) ||
	       synq_addr_wanted(filter, &r->remote);
}

static notrace void synq_ring_write(struct synq_ring *ring, const struct synq_record *r)
{
	struct synq_record *slot;
	unsigned long flags;

	local_irq_save(flags);
	WRITE_ONCE(ring->busy, 1);
	/* Busy before the clock: pairs with synq_feed_begin(). */
	smp_mb();
	WRITE_ONCE(ring->produced[r->kind], ring->produced[r->kind] + 1);
	if (ring->head - smp_load_acquire(&ring->tail) > ring->mask) {
		WRITE_ONCE(ring->lost[r->kind], ring->lost[r->kind] + 1);
	} else {
		slot = &ring->records[ring->head & ring->mask];
		*slot = *r;
		slot->time = ktime_get_ns();
		smp_store_release(&ring->head, ring->head + 1);
	}
	smp_store_release(&ring->busy, 0);
	local_irq_restore(flags);
}

static notrace void synq_record_write(const struct synq_net *sn, const struct synq_record *r,
				      u32 mark)
{
	struct synq_feed *feed;

	hlist_for_each_entry_rcu(feed, &sn->feeds, node, true)
		if (synq_record_wanted(rcu_dereference_check(feed->filter, true), r, mark))
			synq_ring_write(feed->rings[smp_processor_id()], r);
}

static notrace void synq_record_ends(struct synq_record *r, const struct request_sock *req)
{
	const struct inet_request_sock *ireq = inet_rsk(req);

#if IS_ENABLED(CONFIG_IPV6)
	if (ireq->ireq_family == AF_INET6) {
		r->local = ireq->ir_v6_loc_addr;
		r->remote = ireq->ir_v6_rmt_addr;
	} else
#endif /* CONFIG_IPV6 */
	{
		ipv6_addr_set_v4mapped(ireq->ir_loc_addr, &r->local);
		ipv6_addr_set_v4mapped(ireq->ir_rmt_addr, &r->remote);
	}
	r->local_port = ireq->ir_num;
	r->remote_port = ntohs(ireq->ir_rmt_port);
}

/* Bottom halves are off, the request is held by the caller's caller. */
noinline void notrace synq_record_added(const struct synq_net *sn, const struct sock *listener,
					const struct request_sock *req)
{
	struct synq_record r = {
		.kind = SYNQ_RECORD_ADDED,
		.qlen = reqsk_queue_len(&inet_csk(listener)->icsk_accept_queue),
		.limit = synq_listener_holds(listener),
	};

	synq_record_ends(&r, req);
	synq_record_write(sn, &r, inet_rsk(req)->ir_mark);
}

noinline void notrace synq_record_removed(const struct synq_net *sn, const struct request_sock *req,
					  enum synq_counter outcome, bool dequeued)
{
	const struct sock *listener = req->rsk_listener;
	u64 sent = tcp_rsk(req)->snt_synack;
	struct synq_record r = {
		.kind = SYNQ_RECORD_REMOVED,
		.outcome = outcome,
		.qlen = reqsk_queue_len(&inet_csk(listener)->icsk_accept_queue) - !dequeued,
		.limit = synq_listener_holds(listener),
		.age_us = sent ? tcp_clock_us() - sent : 0,
		.synacks = req->num_retrans + 1,
	};

	synq_record_ends(&r, req);
	synq_record_write(sn, &r, inet_rsk(req)->ir_mark);
}

/* ---- Kept ---- */

static void synq_feed_free(struct synq_feed *feed)
{
	int cpu;

	mutex_lock(&synq_feeds_lock);
	synq_feeds_bytes -= feed->bytes;
	mutex_unlock(&synq_feeds_lock);
	if (feed->rings)
		for_each_possible_cpu(cpu)
			vfree(feed->rings[cpu]);
	kfree(feed->rings);
	kfree(rcu_dereference_protected(feed->filter, true));
	kfree(feed);
}

/* All rings together may take a sixteenth of the machine's memory. */
static int synq_feed_charge(struct synq_feed *feed, size_t bytes)
{
	size_t most = (size_t)totalram_pages() << PAGE_SHIFT >> 4;
	int err = 0;

	mutex_lock(&synq_feeds_lock);
	if (bytes > most || synq_feeds_bytes > most - bytes) {
		err = -ENOMEM;
	} else {
		synq_feeds_bytes += bytes;
		feed->bytes = bytes;
	}
	mutex_unlock(&synq_feeds_lock);
	return err;
}

/**
 * synq_feed_open() - give a tap rings, and have the hooks write to them
 * @net: the tap's namespace, held by the tap
 * @filter: what it asks for; copied
 *
 * Return: the feed, or an error pointer: -ENOMEM.
 */
struct synq_feed *synq_feed_open(struct net *net, const struct synq_filter *filter)
{
	u32 records = roundup_pow_of_two(READ_ONCE(synq_bufsize));
	struct synq_feed *feed;
	size_t bytes;
	int cpu;

	feed = kzalloc(sizeof(*feed), GFP_KERNEL_ACCOUNT);
	if (!feed)
		return ERR_PTR(-ENOMEM);
	bytes = struct_size(feed->rings[0], records, records);
	if (synq_feed_charge(feed, bytes * num_possible_cpus()))
		goto err;
	RCU_INIT_POINTER(feed->filter, kmemdup(filter, sizeof(*filter), GFP_KERNEL_ACCOUNT));
	if (!rcu_access_pointer(feed->filter))
		goto err;
	feed->rings = kcalloc(nr_cpu_ids, sizeof(*feed->rings), GFP_KERNEL_ACCOUNT);
	if (!feed->rings)
		goto err;
	for_each_possible_cpu(cpu) {
		/* Not kmalloc: it would round half a mebibyte and a bit up to one. */
		feed->rings[cpu] = __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!feed->rings[cpu])
			goto err;
		feed->rings[cpu]->mask = records - 1;
	}
	mutex_lock(&synq_feeds_lock);
	hlist_add_head_rcu(&feed->node, &synq_net(net)->feeds);
	mutex_unlock(&synq_feeds_lock);
	return feed;

err:
	synq_feed_free(feed);
	return ERR_PTR(-ENOMEM);
}

void synq_feed_close(struct synq_feed *feed)
{
	mutex_lock(&synq_feeds_lock);
	hlist_del_rcu(&feed->node);
	mutex_unlock(&synq_feeds_lock);
	/* The hooks run with bottom halves off: none is in a ring after this. */
	synchronize_rcu();
	synq_feed_free(feed);
}

int synq_feed_change(struct synq_feed *feed, const struct synq_filter *filter)
{
	struct synq_filter *changed = kmemdup(filter, sizeof(*filter), GFP_KERNEL_ACCOUNT);
	struct synq_filter *old;

	if (!changed)
		return -ENOMEM;
	mutex_lock(&synq_feeds_lock);
	old = rcu_replace_pointer(feed->filter, changed, lockdep_is_held(&synq_feeds_lock));
	mutex_unlock(&synq_feeds_lock);
	synchronize_rcu();
	kfree(old);
	return 0;
}

/* ---- Read, by the tap; its lock is held ---- */

/* Is there a record? Without the tap's lock. */
bool synq_feed_waiting(const struct synq_feed *feed)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct synq_ring *ring = feed->rings[cpu];

		if (READ_ONCE(ring->head) != READ_ONCE(ring->tail))
			return true;
	}
	return false;
}

/**
 * synq_feed_begin() - begin a batch
 * @feed: the tap's
 *
 * Return: a time, CLOCK_MONOTONIC in nanoseconds: the batch has all records
 * older than that, and none that come after it will be.
 */
u64 synq_feed_begin(struct synq_feed *feed)
{
	u64 until = ktime_get_ns();
	int cpu;

	/* The clock before busy: pairs with synq_ring_write(). */
	smp_mb();
	for_each_possible_cpu(cpu) {
		struct synq_ring *ring = feed->rings[cpu];
		u32 head;

		while (smp_load_acquire(&ring->busy))
			cpu_relax();
		head = smp_load_acquire(&ring->head);
		while (head != ring->tail &&
		       ring->records[(head - 1) & ring->mask].time >= until)
			head--;
		ring->end = head;
	}
	return until;
}

/* The oldest record of the batch, and whose ring it is in; NULL at its end. */
const struct synq_record *synq_feed_peek(struct synq_feed *feed, int *cpu)
{
	const struct synq_record *oldest = NULL;
	int i;

	for_each_possible_cpu(i) {
		const struct synq_ring *ring = feed->rings[i];
		const struct synq_record *r;

		if (ring->tail == ring->end)
			continue;
		r = &ring->records[ring->tail & ring->mask];
		if (!oldest || r->time < oldest->time) {
			oldest = r;
			*cpu = i;
		}
	}
	return oldest;
}

/* Done with the record that synq_feed_peek() gave. */
void synq_feed_take(struct synq_feed *feed, int cpu)
{
	struct synq_ring *ring = feed->rings[cpu];

	smp_store_release(&ring->tail, ring->tail + 1);
}

/* Records lost since the feed was opened, of all kinds. */
u64 synq_feed_lost(const struct synq_feed *feed)
{
	u64 lost = 0;
	int cpu, kind;

	for_each_possible_cpu(cpu)
		for (kind = 0; kind < SYNQ_RECORD_KINDS; kind++)
			lost += READ_ONCE(feed->rings[cpu]->lost[kind]);
	return lost;
}

/**
 * synq_feed_unreported() - losses the reader has not been told of
 * @feed: the tap's
 * @kind: of what kind
 * @lost: set to all losses of that kind
 * @produced: set to all records of that kind, lost or not
 *
 * Return: how many are new; they count as told from now on.
 */
u64 synq_feed_unreported(struct synq_feed *feed, enum synq_record_kind kind,
			 u64 *lost, u64 *produced)
{
	u64 fresh;
	int cpu;

	*lost = *produced = 0;
	for_each_possible_cpu(cpu) {
		*lost += READ_ONCE(feed->rings[cpu]->lost[kind]);
		*produced += READ_ONCE(feed->rings[cpu]->produced[kind]);
	}
	fresh = *lost - feed->reported[kind];
	feed->reported[kind] = *lost;
	return fresh;
}

/* ---- Shown ---- */

static void synq_end_show(struct seq_file *seq, const struct in6_addr *addr, u16 port)
{
	if (ipv6_addr_v4mapped(addr))
		seq_printf(seq, " %pI4:%u", &addr->s6_addr32[3], port);
	else
		seq_printf(seq, " [%pI6c]:%u", addr, port);
}

char synq_record_letter(enum synq_record_kind kind)
{
	return kind == SYNQ_RECORD_ADDED ? 'A' : 'R';
}

void synq_record_show(struct seq_file *seq, const struct synq_record *r, u64 start)
{
	seq_putc(seq, synq_record_letter(r->kind));
	seq_putc(seq, ' ');
	synq_time_show(seq, r->time - start);
	synq_end_show(seq, &r->local, r->local_port);
	synq_end_show(seq, &r->remote, r->remote_port);
	/* A removal that other CPUs' raced may find the queue counted down already. */
	seq_printf(seq, " %d", max_t(s32, r->qlen, 0));
	if (r->kind == SYNQ_RECORD_ADDED)
		seq_printf(seq, " %u\n", r->limit);
	else
		seq_printf(seq, " %s %llu %u\n", synq_outcome_name(r->outcome),
			   r->age_us, r->synacks);
}
