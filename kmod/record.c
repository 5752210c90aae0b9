// SPDX-License-Identifier: GPL-2.0-only
/* Feeds: the hooks write records into rings, the reader gets them in order of time. */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/tcp.h>

#include "record.h"
#include "ring.h"

static DEFINE_MUTEX(synq_feeds_lock);	/* guards the lists of feeds */
static atomic_long_t synq_feeds_bytes;	/* of all rings */
static int synq_feeds_hotplug;		/* the state of CPU hotplug in which a CPU gets its rings */

#define synq_for_each_ring(feed, cpu, ring)				\
	for_each_possible_cpu(cpu)					\
		if (((ring) = READ_ONCE((feed)->rings[cpu])))

static struct synq_uint_param synq_bufsize = SYNQ_UINT_PARAM(BUFSIZE);
module_param_cb(bufsize, &synq_uint_param_ops, &synq_bufsize, 0644);
MODULE_PARM_DESC(bufsize, SYNQ_BUFSIZE_HELP);

/* ---- Written by the hooks ---- */

/* Return the bytes that a record takes in a ring. */
notrace u32 synq_record_size(const struct synq_record *r)
{
	const struct synq_drop *drop = container_of(r, struct synq_drop, r);
	const struct synq_close *close = container_of(r, struct synq_close, r);

	switch (r->kind) {
	case SYNQ_RECORD_SAMPLE:
		return ALIGN(sizeof(struct synq_sample), 8);
	case SYNQ_RECORD_DROP:
		return ALIGN(offsetof(struct synq_drop, stack.frame[drop->stack.depth]), 8);
	case SYNQ_RECORD_CLOSE:
		return ALIGN(offsetof(struct synq_close, stack.frame[close->stack.depth]), 8);
	case SYNQ_RECORD_SYN:
		return ALIGN(sizeof(struct synq_syn), 8);
	case SYNQ_RECORD_ADDED:
		return ALIGN(sizeof(struct synq_event), 8);
	default:
		return ALIGN(offsetof(struct synq_event, print), 8);
	}
}

/* Fill in the two ends of a TCP socket's connection. */
notrace void synq_record_ends(struct synq_record *r, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		r->local = sk->sk_v6_rcv_saddr;
		r->remote = sk->sk_v6_daddr;
	} else
#endif /* CONFIG_IPV6 */
	{
		ipv6_addr_set_v4mapped(inet->inet_saddr, &r->local);
		ipv6_addr_set_v4mapped(inet->inet_daddr, &r->remote);
	}
	r->local_port = ntohs(inet->inet_sport);
	r->remote_port = ntohs(inet->inet_dport);
}

/* Return whether the tap asks for the record's connection, which has fwmark @mark. */
notrace bool synq_record_wanted(const struct synq_filter *filter, const struct synq_record *r,
				u32 mark)
{
	if (filter->port && filter->port != r->local_port && filter->port != r->remote_port)
		return false;
	if (filter->fwmark && filter->fwmark != mark)
		return false;
	return !filter->addr_bits ||
	       ipv6_prefix_equal(&r->local, &filter->addr, filter->addr_bits) ||
	       ipv6_prefix_equal(&r->remote, &filter->addr, filter->addr_bits);
}

/**
 * synq_feed_write() - write a record to a feed
 * @sn: the feed's namespace
 * @feed: the feed, under RCU
 * @r: the record, complete but for its time
 *
 * Safe in any context but an NMI. Takes no lock; an irq_work wakes the reader.
 * While the kernel updates the clock, its fast reading may run back by some
 * nanoseconds (Documentation/core-api/timekeeping.rst). Hence a record gets at
 * least the time of the one before it in the ring.
 *
 * Return: false if there was no room.
 */
notrace bool synq_feed_write(const struct synq_net *sn, struct synq_feed *feed,
			     const struct synq_record *r)
{
	u32 bytes = synq_record_size(r);
	struct synq_ring *ring;
	struct synq_record *to;
	bool filling = false;
	unsigned long flags;
	u64 now;

	local_irq_save(flags);
	ring = READ_ONCE(feed->rings[smp_processor_id()]);
	if (unlikely(!ring)) {
		atomic64_inc(&feed->ringless[r->kind]);
		synq_count(sn, SYNQ_LOST);
		local_irq_restore(flags);
		return false;
	}
	WRITE_ONCE(ring->busy, 1);
	/* Set busy before reading the clock: pairs with synq_feed_begin(). */
	smp_mb();
	WRITE_ONCE(ring->produced[r->kind], ring->produced[r->kind] + 1);
	to = synq_ring_reserve(ring, bytes);
	if (to) {
		/* The compiler copies a constant size in words. */
		if (r->kind == SYNQ_RECORD_SAMPLE)
			*container_of(to, struct synq_sample, r) =
				*container_of(r, struct synq_sample, r);
		else
			memcpy(to, r, bytes);
		/*
		 * Printing through netconsole calls kfree_skb(), also while that CPU
		 * updates the clock: ktime_get_ns() would wait for that for ever.
		 */
		now = ktime_get_mono_fast_ns();
		ring->latest = max(now, ring->latest);
		to->time = ring->latest;
		filling = synq_ring_filling(ring);
		synq_ring_commit(ring, to, bytes);
		/* Wake once per half ring, or a slow reader would be woken by every record. */
		filling = !filling && synq_ring_filling(ring) && wq_has_sleeper(&feed->reader->wait);
		if (r->kind == SYNQ_RECORD_SAMPLE)
			synq_count(sn, SYNQ_SAMPLES);
	} else {
		WRITE_ONCE(ring->lost[r->kind], ring->lost[r->kind] + 1);
		synq_count(sn, SYNQ_LOST);
	}
	smp_store_release(&ring->busy, 0);
	/* Write the record before reading dozing: pairs with synq_tap_doze(). */
	smp_mb();
	if (filling || READ_ONCE(feed->reader->dozing) ||
	    !rcu_dereference_check(feed->filter, true)->latency_ms)
		irq_work_queue(&feed->reader->wake);
	local_irq_restore(flags);
	return to;
}

/* Write a record to each feed that asks for that kind, SYNQ_KIND_*, and that connection. */
notrace void synq_feeds_write(const struct synq_net *sn, unsigned int kind,
			      const struct synq_record *r, u32 mark)
{
	struct synq_feed *feed;

	synq_hlist_for_each_entry_hook(feed, &sn->feeds, node) {
		const struct synq_filter *filter = rcu_dereference_check(feed->filter, true);

		if (synq_filter_kinds(filter) & kind && synq_record_wanted(filter, r, mark))
			synq_feed_write(sn, feed, r);
	}
}

/* ---- Kept ---- */

static void synq_feed_free(struct synq_feed *feed)
{
	int cpu;

	atomic_long_sub(feed->bytes, &synq_feeds_bytes);
	if (feed->rings)
		for_each_possible_cpu(cpu)
			kvfree(feed->rings[cpu]);
	kfree(feed->rings);
	kfree(rcu_dereference_protected(feed->filter, true));
	kvfree(feed);
}

/* All rings together may take a sixteenth of the machine's memory. */
static bool synq_feed_charge(struct synq_feed *feed, size_t bytes)
{
	struct sysinfo ram;

	si_meminfo(&ram);
	if (atomic_long_add_return(bytes, &synq_feeds_bytes) > ram.totalram << PAGE_SHIFT >> 4) {
		atomic_long_sub(bytes, &synq_feeds_bytes);
		return false;
	}
	feed->bytes += bytes;
	return true;
}

/* Called with CPU hotplug locked, or for a CPU that is about to come online. */
static int synq_feed_add_ring(struct synq_feed *feed, int cpu)
{
	size_t bytes = sizeof(struct synq_ring) + feed->ring_size;
	struct synq_ring *ring;

	if (feed->rings[cpu])
		return 0;
	if (!synq_feed_charge(feed, bytes))
		return -ENOMEM;
	ring = synq_alloc_node(bytes, cpu_to_node(cpu));
	if (!ring) {
		feed->bytes -= bytes;
		atomic_long_sub(bytes, &synq_feeds_bytes);
		return -ENOMEM;
	}
	ring->size = feed->ring_size;
	/* Write the ring before the pointer to it, which other CPUs follow. */
	smp_store_release(&feed->rings[cpu], ring);
	return 0;
}

static int synq_feed_cpu_comes(unsigned int cpu, struct hlist_node *node)
{
	/* Without memory the CPU still comes online, and its records count as lost. */
	synq_feed_add_ring(hlist_entry(node, struct synq_feed, hotplug), cpu);
	return 0;
}

int synq_feeds_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "net/tcpsynq:prepare",
					    synq_feed_cpu_comes, NULL);

	synq_feeds_hotplug = state;
	return min(state, 0);
}

void synq_feeds_uninit(void)
{
	cpuhp_remove_multi_state(synq_feeds_hotplug);
}

static int synq_feed_add_rings(struct synq_feed *feed)
{
	int cpu, err;

	err = cpuhp_state_add_instance_nocalls(synq_feeds_hotplug, &feed->hotplug);
	if (err)
		return err;
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = synq_feed_add_ring(feed, cpu);
		if (err)
			break;
	}
	cpus_read_unlock();
	if (err)
		cpuhp_state_remove_instance_nocalls(synq_feeds_hotplug, &feed->hotplug);
	return err;
}

static void synq_watch(struct synq_net *sn, enum synq_watch bit, bool on)
{
	if (on)
		set_bit(bit, &sn->watch);
	else
		clear_bit(bit, &sn->watch);
}

/* Note in a namespace's @watch what its feeds ask for. */
static void synq_feeds_watch(struct net *net)
{
	struct synq_net *sn = synq_net(net);
	struct synq_feed *feed;
	unsigned int kinds = 0;

	hlist_for_each_entry(feed, &sn->feeds, node)
		kinds |= synq_filter_kinds(rcu_dereference_protected(feed->filter,
						lockdep_is_held(&synq_feeds_lock)));
	synq_watch(sn, SYNQ_WATCH_RECORDS, !hlist_empty(&sn->feeds));
	synq_watch(sn, SYNQ_WATCH_PRINTS, kinds & (SYNQ_KIND_EVENT | SYNQ_KIND_SYN));
	synq_watch(sn, SYNQ_WATCH_SYNS, kinds & SYNQ_KIND_SYN);
}

/**
 * synq_feed_open() - give a tap rings, and let the hooks write to them
 * @net: the tap's namespace, held by the tap
 * @filter: the tap's; copied
 * @reader: the tap's
 *
 * Return: the feed, or an error pointer: -ENOMEM.
 */
struct synq_feed *synq_feed_open(struct net *net, const struct synq_filter *filter,
				 struct synq_reader *reader)
{
	struct synq_feed *feed = kvzalloc(sizeof(*feed), SYNQ_GFP_TAP);

	if (!feed)
		return ERR_PTR(-ENOMEM);
	/* Room for that many samples, for more smaller records, for fewer with a stack. */
	feed->ring_size = READ_ONCE(synq_bufsize.value) * ALIGN(sizeof(struct synq_sample), 8);
	feed->reader = reader;
	feed->since = ktime_get_ns();
	RCU_INIT_POINTER(feed->filter, kmemdup(filter, sizeof(*filter), SYNQ_GFP_TAP));
	feed->rings = kcalloc(nr_cpu_ids, sizeof(*feed->rings), SYNQ_GFP_TAP);
	if (!rcu_access_pointer(feed->filter) || !feed->rings || synq_feed_add_rings(feed)) {
		synq_feed_free(feed);
		return ERR_PTR(-ENOMEM);
	}
	mutex_lock(&synq_feeds_lock);
	hlist_add_head_rcu(&feed->node, &synq_net(net)->feeds);
	synq_feeds_watch(net);
	mutex_unlock(&synq_feeds_lock);
	return feed;
}

void synq_feed_close(struct net *net, struct synq_feed *feed)
{
	mutex_lock(&synq_feeds_lock);
	hlist_del_rcu(&feed->node);
	synq_feeds_watch(net);
	mutex_unlock(&synq_feeds_lock);
	/* The hooks run with preemption off: after this none uses a ring. */
	synchronize_rcu();
	irq_work_sync(&feed->reader->wake);
	cpuhp_state_remove_instance_nocalls(synq_feeds_hotplug, &feed->hotplug);
	synq_feed_free(feed);
}

int synq_feed_change(struct net *net, struct synq_feed *feed, const struct synq_filter *filter)
{
	struct synq_filter *changed = kmemdup(filter, sizeof(*filter), SYNQ_GFP_TAP);
	struct synq_filter *old;

	if (!changed)
		return -ENOMEM;
	mutex_lock(&synq_feeds_lock);
	old = rcu_dereference_protected(feed->filter, lockdep_is_held(&synq_feeds_lock));
	rcu_assign_pointer(feed->filter, changed);
	synq_feeds_watch(net);
	mutex_unlock(&synq_feeds_lock);
	synchronize_rcu();
	kfree(old);
	return 0;
}

/* ---- Read by the tap, with its lock held ---- */

/* Return whether a ring has a record or, if @half, is half full. Called without the lock. */
bool synq_feed_holds(const struct synq_feed *feed, bool half)
{
	struct synq_ring *ring;
	int cpu;

	synq_for_each_ring(feed, cpu, ring)
		if (half ? synq_ring_filling(ring) : synq_ring_waiting(ring))
			return true;
	return false;
}

/**
 * synq_feed_begin() - begin a batch
 * @feed: the tap's
 *
 * Return: a time, CLOCK_MONOTONIC in nanoseconds. The batch has all records
 * older than that, and no later record will be shown as older.
 */
u64 synq_feed_begin(struct synq_feed *feed)
{
	struct synq_ring *ring;
	int cpu;

	feed->since = max(feed->since, feed->until);
	feed->until = ktime_get_ns();
	/* Read the clock before busy: pairs with synq_feed_write(). */
	smp_mb();
	synq_for_each_ring(feed, cpu, ring) {
		while (smp_load_acquire(&ring->busy))
			cpu_relax();
		synq_ring_snapshot(ring);
	}
	feed->others = 0;
	return feed->until;
}

/* Return the oldest record of the batch in a ring, or NULL. */
static const struct synq_record *synq_feed_oldest(const struct synq_feed *feed, int cpu)
{
	struct synq_ring *ring = READ_ONCE(feed->rings[cpu]);
	struct synq_record *r = ring ? synq_ring_peek(ring) : NULL;

	if (!r || r->time >= feed->until)
		return NULL;
	/* If the clock ran back, a record written after the last batch may look older. */
	r->time = max(r->time, feed->since);
	return r;
}

/* Return the oldest record of the batch; NULL at its end. */
const struct synq_record *synq_feed_peek(struct synq_feed *feed)
{
	const struct synq_record *oldest = synq_feed_oldest(feed, feed->cpu);
	int cpu;

	/* Segments come in runs: keep to this ring until another one's record is older. */
	if (oldest && oldest->time <= feed->others)
		return oldest;
	feed->others = U64_MAX;
	oldest = NULL;
	for_each_possible_cpu(cpu) {
		const struct synq_record *r = synq_feed_oldest(feed, cpu);

		if (!r)
			continue;
		if (!oldest || r->time < oldest->time) {
			if (oldest)
				feed->others = oldest->time;
			oldest = r;
			feed->cpu = cpu;
		} else if (r->time < feed->others) {
			feed->others = r->time;
		}
	}
	return oldest;
}

/* Release the record that synq_feed_peek() returned. */
void synq_feed_take(struct synq_feed *feed, const struct synq_record *r)
{
	synq_ring_take(feed->rings[feed->cpu], synq_record_size(r));
}

/* Return the records of all kinds lost since the feed was opened. */
u64 synq_feed_lost(const struct synq_feed *feed)
{
	struct synq_ring *ring;
	u64 lost = 0;
	int cpu, kind;

	for (kind = 0; kind < SYNQ_RECORD_KINDS; kind++) {
		lost += atomic64_read(&feed->ringless[kind]);
		synq_for_each_ring(feed, cpu, ring)
			lost += READ_ONCE(ring->lost[kind]);
	}
	return lost;
}

/**
 * synq_feed_unreported() - count the losses not reported to the reader yet
 * @feed: the tap's
 * @kind: the kind of record
 * @lost: set to all losses of that kind
 * @produced: set to all records of that kind, lost or not
 *
 * Return: how many are new; they count as reported from now on.
 */
u64 synq_feed_unreported(struct synq_feed *feed, enum synq_record_kind kind,
			 u64 *lost, u64 *produced)
{
	struct synq_ring *ring;
	u64 fresh;
	int cpu;

	*lost = *produced = atomic64_read(&feed->ringless[kind]);
	synq_for_each_ring(feed, cpu, ring) {
		*lost += READ_ONCE(ring->lost[kind]);
		*produced += READ_ONCE(ring->produced[kind]);
	}
	fresh = *lost - feed->reported[kind];
	feed->reported[kind] = *lost;
	return fresh;
}
