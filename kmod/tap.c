// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/tcpsynq: each open file is a tap, with a filter of its own.
 *
 * A tap makes its text when it is read, a line at a time. So readers with any
 * buffer size get whole lines in the end. The tap's timer takes the peak and wakes
 * the reader when a C line is due. While no half-open is added and no record waits,
 * it runs only for C lines.
 *
 * An open tap holds the module and the namespace: procfs would release the
 * file of a removed entry while a poller is still on its wait queue.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>
#include <linux/wait.h>

#include "hooks.h"
#include "record.h"

#define SYNQ_TICK_MS		10	/* between reads of the peak, at most */
#define SYNQ_TAP_TEXT		16384	/* bytes made at a time; the header is the longest */
#define SYNQ_TAP_LINE		2560	/* longer than any line: one with a stack */

/**
 * struct synq_tap - one open file
 * @net: the namespace, held
 * @start: when it was opened, nanoseconds of CLOCK_MONOTONIC
 * @reader: its readers and pollers, and whether @tick must be started for them
 * @node: in the list of its namespace
 * @tick: updates the peak, wakes the reader for a C line and for records
 * @waiting: since when there have been records to read, nanoseconds of
 *	CLOCK_MONOTONIC; 0: there were none at the last tick, or they were read
 * @ripe: they have waited for latency_ms
 * @let_go: a waiting reader must return without text
 * @peak: highest half-open count since the last C line
 * @latency_ms: of @filter, for the tick
 * @next_count: when the next C line is due, nanoseconds since @start; never
 *	if it shows none
 * @lock: guards all below; not held while waiting
 * @filter: the kinds and connections it asks for
 * @feed: its records, if it asks for any
 * @hooks: the hooks it uses, a set of BIT(enum synq_hook_id)
 * @header_due: the header has not been made yet
 * @filter_due: the filter was changed and has not been shown since
 * @batch: the tap prints records older than @until, then the lines due at @until
 * @until: when the batch ends, nanoseconds of CLOCK_MONOTONIC
 * @count_due: a C line ends the batch
 * @figures: its figures, taken at @until
 * @seq: writes into @text
 * @taken: how much of @text has been read
 * @text: made for the reader, @seq.count bytes
 */
struct synq_tap {
	struct net		*net;
	u64			start;
	struct synq_reader	reader;
	struct hlist_node	node;
	struct hrtimer		tick;
	u64			waiting;
	bool			ripe;
	bool			let_go;
	atomic64_t		peak;
	unsigned int		latency_ms;
	u64			next_count;

	struct mutex		lock;
	struct synq_filter	filter;
	struct synq_feed	*feed;
	unsigned long		hooks;
	bool			header_due;
	bool			filter_due;
	bool			batch;
	u64			until;
	bool			count_due;
	struct synq_figures	figures;
	struct seq_file		seq;
	size_t			taken;
	char			text[SYNQ_TAP_TEXT];
};

static int synq_gid = -1;
static char synq_boot_id[UUID_STRING_LEN + 1] = "-";
static atomic_t synq_taps = ATOMIC_INIT(0);
static DEFINE_MUTEX(synq_taps_lock);	/* guards the lists of taps */

static struct synq_uint_param synq_taps_max = SYNQ_UINT_PARAM(TAPS);
module_param_cb(taps, &synq_uint_param_ops, &synq_taps_max, 0644);
MODULE_PARM_DESC(taps, SYNQ_TAPS_HELP);

static int synq_gid_set(const char *val, const struct kernel_param *kp)
{
	int n;

	if (kstrtoint(val, 10, &n) || n < -1) {
		pr_err("gid=%s: allowed is a group number of the host, or -1 for none\n", val);
		return -EINVAL;
	}
	synq_gid = n;
	return 0;
}

static const struct kernel_param_ops synq_gid_ops = {
	.set = synq_gid_set,
	.get = param_get_int,
};
module_param_cb(gid, &synq_gid_ops, &synq_gid, 0444);
MODULE_PARM_DESC(gid, SYNQ_GID_HELP);

void synq_taps_show(struct seq_file *seq)
{
	seq_printf(seq, "taps %u %u\n", atomic_read(&synq_taps), READ_ONCE(synq_taps_max.value));
}

/* Return the host group that may open a tap without CAP_NET_ADMIN, or none. */
static kgid_t synq_tap_gid(void)
{
	return synq_gid < 0 ? INVALID_GID : make_kgid(&init_user_ns, synq_gid);
}

/* Read the boot's id from init's /proc: the kernel does not export it. */
void synq_taps_init(void)
{
	struct file *file = filp_open("/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
	loff_t pos = 0;

	if (IS_ERR(file))
		return;
	if (kernel_read(file, synq_boot_id, UUID_STRING_LEN, &pos) != UUID_STRING_LEN)
		memcpy(synq_boot_id, "-", sizeof("-"));
	filp_close(file, NULL);
}

/* Keep a quarter for the first namespace, so that containers cannot take all taps. */
static unsigned int synq_taps_for(const struct net *net)
{
	unsigned int most = READ_ONCE(synq_taps_max.value);

	return net_eq(net, &init_net) ? most : most - most / 4;
}

static u64 synq_tap_now(const struct synq_tap *tap)
{
	return ktime_get_ns() - tap->start;
}

static bool synq_tap_counts(const struct synq_tap *tap)
{
	return synq_filter_kinds(&tap->filter) & SYNQ_KIND_COUNT;
}

/* Return whether there is text, or a line due that is not a record. */
static bool synq_tap_due(const struct synq_tap *tap)
{
	return READ_ONCE(tap->taken) < READ_ONCE(tap->seq.count) ||
	       READ_ONCE(tap->header_due) || READ_ONCE(tap->filter_due) ||
	       READ_ONCE(tap->batch) ||
	       synq_tap_now(tap) >= READ_ONCE(tap->next_count);
}

static bool synq_tap_ready(const struct synq_tap *tap)
{
	/* Pairs with the release in synq_tap_record(). */
	const struct synq_feed *feed = smp_load_acquire(&tap->feed);

	return synq_tap_due(tap) || (feed && synq_feed_holds(feed, false));
}

/*
 * Return whether there is enough for a waiting reader. Otherwise a fast reader
 * would get the records one by one.
 */
static bool synq_tap_ripe(const struct synq_tap *tap)
{
	const struct synq_feed *feed = smp_load_acquire(&tap->feed);
	bool half = READ_ONCE(tap->latency_ms) && !READ_ONCE(tap->ripe);

	return synq_tap_due(tap) || (feed && synq_feed_holds(feed, half));
}

/* Note whether records have waited for latency_ms, in steps of the tick. */
static void synq_tap_ripen(struct synq_tap *tap, u64 now)
{
	const struct synq_feed *feed = smp_load_acquire(&tap->feed);
	u64 latency = (u64)READ_ONCE(tap->latency_ms) * NSEC_PER_MSEC;
	u64 since = READ_ONCE(tap->waiting);

	if (!feed || !synq_feed_holds(feed, false)) {
		WRITE_ONCE(tap->waiting, 0);
		WRITE_ONCE(tap->ripe, false);
		return;
	}
	if (!since) {
		since = now;
		WRITE_ONCE(tap->waiting, now);
	}
	/* Records that a tick finds may have come just after the tick before. */
	if (now - since + SYNQ_TICK_MS * NSEC_PER_MSEC >= latency)
		WRITE_ONCE(tap->ripe, true);
}

static ktime_t synq_tap_period(const struct synq_tap *tap)
{
	unsigned int latency_ms = READ_ONCE(tap->latency_ms);

	return ms_to_ktime(latency_ms ? min_t(unsigned int, latency_ms, SYNQ_TICK_MS) :
			   SYNQ_TICK_MS);
}

/* Start the tick of a tap if it dozes. Safe in any context but an NMI. */
static void synq_tap_stir(struct synq_tap *tap)
{
	if (READ_ONCE(tap->reader.dozing) && xchg(&tap->reader.dozing, false))
		hrtimer_start(&tap->tick, synq_tap_period(tap), SYNQ_HRTIMER_MODE);
}

/* Start the ticks of a namespace that doze, because a half-open was added. */
void synq_taps_stir(struct irq_work *stir)
{
	struct synq_net *sn = container_of(stir, struct synq_net, stir);
	struct synq_tap *tap;

	rcu_read_lock();
	hlist_for_each_entry_rcu(tap, &sn->taps, node)
		synq_tap_stir(tap);
	rcu_read_unlock();
}

/* Called after a record was written for a reader that must be woken, or whose tick dozes. */
static void synq_tap_wake(struct irq_work *wake)
{
	struct synq_tap *tap = container_of(wake, struct synq_tap, reader.wake);

	synq_tap_stir(tap);
	if (synq_tap_ripe(tap))
		wake_up_interruptible(&tap->reader.wait);
}

/* Return whether the tick must run again: records wait for latency_ms, or the count has risen. */
static bool synq_tap_busy(const struct synq_tap *tap)
{
	const struct synq_feed *feed = smp_load_acquire(&tap->feed);

	return (feed && !READ_ONCE(tap->ripe) && synq_feed_holds(feed, false)) ||
	       (READ_ONCE(tap->next_count) != U64_MAX &&
		!test_bit(SYNQ_WATCH_PEAK, &synq_net(tap->net)->watch));
}

/*
 * Stop the tick until synq_tap_stir(), which may start it even before this
 * returns, or until the next C line. If a C line is already due, reading it
 * calls synq_tap_stir().
 */
static enum hrtimer_restart synq_tap_doze(struct synq_tap *tap)
{
	u64 next = READ_ONCE(tap->next_count);
	bool due = synq_tap_now(tap) >= next;

	if (next != U64_MAX && !due)
		hrtimer_set_expires(&tap->tick, ns_to_ktime(tap->start + next));
	/* A full barrier: pairs with synq_feed_write(). */
	smp_store_mb(tap->reader.dozing, true);
	if (synq_tap_busy(tap) && xchg(&tap->reader.dozing, false)) {
		hrtimer_set_expires(&tap->tick, ktime_add(ktime_get(), synq_tap_period(tap)));
		return HRTIMER_RESTART;
	}
	return next != U64_MAX && !due ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static enum hrtimer_restart synq_tap_tick(struct hrtimer *timer)
{
	struct synq_tap *tap = container_of(timer, struct synq_tap, tick);

	if (READ_ONCE(tap->next_count) != U64_MAX) {
		s64 half_open;

		/* Set the bit first: a half-open that this sum leaves out clears it. */
		set_bit(SYNQ_WATCH_PEAK, &synq_net(tap->net)->watch);
		smp_mb__after_atomic();
		half_open = synq_net_half_open(tap->net);
		if (half_open > atomic64_read(&tap->peak))
			atomic64_set(&tap->peak, half_open);
	}
	synq_tap_ripen(tap, ktime_get_ns());
	if (synq_tap_ripe(tap))
		wake_up_interruptible(&tap->reader.wait);
	if (!synq_tap_busy(tap))
		return synq_tap_doze(tap);
	hrtimer_forward_now(timer, synq_tap_period(tap));
	return HRTIMER_RESTART;
}

/* Print the filter, but not with format=tcpprobe: tcp_probe printed no comments. */
static void synq_tap_put_filter(struct synq_tap *tap)
{
	WRITE_ONCE(tap->filter_due, false);
	if (tap->filter.tcpprobe)
		return;
	seq_puts(&tap->seq, "# filter ");
	synq_filter_show(&tap->seq, &tap->filter);
	seq_putc(&tap->seq, '\n');
}

static void synq_tap_put_header(struct synq_tap *tap)
{
	struct seq_file *seq = &tap->seq;

	WRITE_ONCE(tap->header_due, false);
	if (tap->filter.tcpprobe)
		return;
	seq_puts(seq, "# tcpsynq " SYNQ_FORMAT_VERSION "\n");
	seq_printf(seq, "# kernel %s\n", init_utsname()->release);
	seq_printf(seq, "# netns %u\n", tap->net->ns.inum);
	seq_printf(seq, "# boot_id %s\n", synq_boot_id);
	seq_puts(seq, "# clock_offset ");
	synq_time_show(seq, ktime_get_real_ns() - synq_tap_now(tap));
	seq_putc(seq, '\n');
	synq_tap_put_filter(tap);
	seq_puts(seq, "# C " SYNQ_COLUMNS_C "\n");
	synq_record_header(seq);
	seq_puts(seq, "# L " SYNQ_COLUMNS_L "\n");
}

static void synq_tap_put_count(struct synq_tap *tap)
{
	static const enum synq_counter counters[] = SYNQ_C_COUNTERS;
	struct seq_file *seq = &tap->seq;
	unsigned int i;

	seq_puts(seq, "C ");
	synq_time_show(seq, tap->until - tap->start);
	/* Print as signed: half_open and initial are, and the others are far below 2^63. */
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		seq_printf(seq, " %lld", (s64)tap->figures.n[counters[i]]);
	seq_putc(seq, '\n');
}

static void synq_tap_put_lost(struct synq_tap *tap)
{
	u64 fresh, lost, produced;
	int kind;

	for (kind = 0; kind < SYNQ_RECORD_KINDS; kind++) {
		fresh = synq_feed_unreported(tap->feed, kind, &lost, &produced);
		if (!fresh)
			continue;
		seq_puts(&tap->seq, tap->filter.tcpprobe ? "# L " : "L ");
		synq_time_show(&tap->seq, tap->until - tap->start);
		seq_printf(&tap->seq, " %c %llu %llu %llu\n", synq_record_letter(kind),
			   fresh, lost, produced);
	}
}

/* Take the figures of the C line at @tap->until. */
static void synq_tap_count(struct synq_tap *tap)
{
	s64 half_open;

	synq_net_figures(tap->net, &tap->figures);
	half_open = tap->figures.n[SYNQ_HALF_OPEN];
	tap->figures.n[SYNQ_PEAK] = max_t(s64, atomic64_xchg(&tap->peak, half_open), half_open);
	tap->figures.n[SYNQ_LOST] = tap->feed ? synq_feed_lost(tap->feed) : 0;
	tap->count_due = true;
}

/*
 * Begin a batch: the records up to a point in time. The C line that may end it is
 * of that time, so no record after it is older. The first batch is empty; its
 * time is when the tap was opened, or began to record.
 */
static void synq_tap_begin(struct synq_tap *tap)
{
	u64 interval = (u64)tap->filter.interval_ms * NSEC_PER_MSEC;
	u64 now, next;

	/* A tick during the batch starts again with the records it leaves. */
	WRITE_ONCE(tap->ripe, false);
	WRITE_ONCE(tap->waiting, 0);
	tap->until = tap->feed ? synq_feed_begin(tap->feed) : ktime_get_ns();
	now = tap->until - tap->start;
	tap->count_due = false;
	if (now >= tap->next_count) {
		synq_tap_count(tap);
		/* A slow reader gets one line, not one for each interval that it missed. */
		next = tap->next_count + interval;
		WRITE_ONCE(tap->next_count, next > now ? next : now + interval);
	}
	WRITE_ONCE(tap->batch, true);
	synq_tap_stir(tap);
}

/* Print lines of the batch while they fit, and end the batch with its last line. */
static void synq_tap_put_batch(struct synq_tap *tap)
{
	const struct synq_record *record;

	while (tap->feed && (record = synq_feed_peek(tap->feed))) {
		if (tap->seq.count + SYNQ_TAP_LINE > tap->seq.size)
			return;
		synq_record_show(&tap->seq, record, tap->start, tap->filter.tcpprobe,
				 tap->feed->ends);
		synq_feed_take(tap->feed, record);
	}
	/* Room for a C line and an L line of each kind, which are short. */
	if (tap->seq.count + 2 * SYNQ_TAP_LINE > tap->seq.size)
		return;
	/* The first batch is older than the feed. */
	if (tap->feed && tap->feed->until)
		synq_tap_put_lost(tap);
	if (tap->count_due && synq_tap_counts(tap))
		synq_tap_put_count(tap);
	WRITE_ONCE(tap->batch, false);
}

/* Make the next text; false if none is due. */
static bool synq_tap_make(struct synq_tap *tap)
{
	WRITE_ONCE(tap->taken, 0);
	WRITE_ONCE(tap->seq.count, 0);
	/* A batch may turn out empty, and a header too. */
	while (!tap->seq.count && synq_tap_ready(tap)) {
		if (tap->header_due)
			synq_tap_put_header(tap);
		else if (!tap->batch && tap->filter_due)
			synq_tap_put_filter(tap);
		if (!tap->batch)
			synq_tap_begin(tap);
		synq_tap_put_batch(tap);
	}
	return tap->seq.count;
}

static unsigned long synq_tap_hooks(const struct synq_filter *filter)
{
	unsigned long hooks = 0;

	if (synq_filter_kinds(filter) & SYNQ_KIND_SAMPLE) {
		if (filter->hook & SYNQ_SAMPLE_RCV)
			hooks |= BIT(SYNQ_HOOK_RCV);
		if (filter->hook & SYNQ_SAMPLE_XMIT)
			hooks |= BIT(SYNQ_HOOK_XMIT);
	}
	if (synq_filter_kinds(filter) & SYNQ_KIND_SYN)
		hooks |= BIT(SYNQ_HOOK_SYN_RECV4) | BIT(SYNQ_HOOK_SYN_RECV6);
	if (synq_filter_kinds(filter) & SYNQ_KIND_DROP)
		hooks |= synq_drop_hooks;
	if (synq_filter_kinds(filter) & SYNQ_KIND_CLOSE)
		hooks |= BIT(SYNQ_HOOK_SET_STATE) | BIT(SYNQ_HOOK_TCP_RESET) |
			 BIT(SYNQ_HOOK_TIME_WAIT);
	return hooks;
}

/* Attach the hooks that the filter needs, and allocate the rings of its records. */
static int synq_tap_record(struct synq_tap *tap, const struct synq_filter *filter)
{
	struct synq_feed *feed;
	unsigned long hooks;
	int err;

	err = synq_hooks_get(synq_tap_hooks(filter), &hooks);
	if (err)
		return err;
	if (tap->feed) {
		err = synq_feed_change(tap->net, tap->feed, filter);
		if (err)
			goto err_hooks;
	} else if (synq_filter_kinds(filter) & SYNQ_KIND_RECORDS) {
		u64 now = ktime_get_ns();

		feed = synq_feed_open(tap->net, filter, &tap->reader);
		if (IS_ERR(feed)) {
			err = PTR_ERR(feed);
			goto err_hooks;
		}
		/* The tick and pollers read it without the lock. */
		smp_store_release(&tap->feed, feed);
		if (tap->header_due) {
			tap->until = now;
			synq_tap_count(tap);
		}
	}
	synq_hooks_put(tap->hooks);
	tap->hooks = hooks;
	return 0;

err_hooks:
	synq_hooks_put(hooks);
	return err;
}

static int synq_tap_check(const struct synq_filter *filter)
{
	if (!synq_filter_kinds(filter)) {
		pr_notice_ratelimited("format=tcpprobe: its lines are samples, and kinds has none\n");
		return -EINVAL;
	}
	if (filter->stack && (synq_filter_kinds(filter) & (SYNQ_KIND_DROP | SYNQ_KIND_CLOSE)) &&
	    synq_locked_down()) {
		pr_notice_ratelimited("stack=1: refused while the kernel is locked down for confidentiality, as tracefs is; see kernel_lockdown(7)\n");
		return -EPERM;
	}
	return 0;
}

/* Set the tap's filter. The tick and pollers read parts of it without the lock. */
static void synq_tap_set_filter(struct synq_tap *tap, const struct synq_filter *filter)
{
	u64 interval = (u64)filter->interval_ms * NSEC_PER_MSEC;
	u64 next = tap->header_due ? interval :
				     min(tap->next_count, synq_tap_now(tap) + interval);

	tap->filter = *filter;
	WRITE_ONCE(tap->next_count, synq_tap_counts(tap) ? next : U64_MAX);
	WRITE_ONCE(tap->latency_ms, filter->latency_ms);
}

/* Start recording, at the first read. Leave out kinds whose hooks cannot be attached. */
static int synq_tap_first_read(struct synq_tap *tap)
{
	struct synq_filter fewer = tap->filter;
	int err;

	err = synq_tap_check(&fewer);
	if (err)
		return err;
	err = synq_tap_record(tap, &fewer);
	fewer.kinds &= ~SYNQ_KIND_HOOKED;
	if (!err || err == -ENOMEM || err == -EINTR || !synq_filter_kinds(&fewer))
		return err;
	err = synq_tap_record(tap, &fewer);
	if (!err)
		tap->filter.kinds = fewer.kinds;
	return err;
}

/*
 * Wait, unless @nonblock, until there is text, or an empty write ends the wait.
 * Return 0 with the tap's lock held, or -errno without it.
 */
static int synq_tap_wait(struct synq_tap *tap, bool nonblock)
{
	bool let_go;
	int err;

	for (;;) {
		if (mutex_lock_interruptible(&tap->lock))
			return -ERESTARTSYS;
		err = tap->header_due && !tap->feed ? synq_tap_first_read(tap) : 0;
		if (err) {
			mutex_unlock(&tap->lock);
			return err;
		}
		if (tap->taken < tap->seq.count)
			return 0;
		let_go = READ_ONCE(tap->let_go);
		if ((nonblock || let_go || synq_tap_ripe(tap)) && synq_tap_make(tap))
			return 0;
		if (let_go) {
			WRITE_ONCE(tap->let_go, false);
			return 0;
		}
		mutex_unlock(&tap->lock);

		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(tap->reader.wait, READ_ONCE(tap->let_go) ||
					       synq_tap_ripe(tap));
		if (err)
			return err;
	}
}

static ssize_t synq_tap_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	struct synq_tap *tap = file->private_data;
	size_t done = 0, n;
	int err;

	if (!size)
		return 0;
	err = synq_tap_wait(tap, file->f_flags & O_NONBLOCK);
	if (err)
		return err;
	/* An empty write ends the wait: return 0. Text made since is for the next read. */
	if (tap->taken == tap->seq.count) {
		mutex_unlock(&tap->lock);
		return 0;
	}
	do {
		n = min(size - done, tap->seq.count - tap->taken);
		if (copy_to_user(to + done, tap->text + tap->taken, n)) {
			err = -EFAULT;
			break;
		}
		WRITE_ONCE(tap->taken, tap->taken + n);
		done += n;
		/* Return as much as there is, never waiting for more. */
		cond_resched();
	} while (done < size && synq_tap_make(tap) && !signal_pending(current));
	mutex_unlock(&tap->lock);
	return done ?: err;
}

static ssize_t synq_tap_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct synq_tap *tap = file->private_data;
	struct synq_filter filter;
	char *text;
	int err;

	/*
	 * An empty write makes a waiting reader return. Nothing else could, if its
	 * thread takes no signals.
	 */
	if (!size) {
		WRITE_ONCE(tap->let_go, true);
		wake_up_interruptible(&tap->reader.wait);
		return 0;
	}
	if (size > SYNQ_FILTER_TEXT) {
		pr_notice_ratelimited("a filter of %zu bytes: allowed is %d\n",
				      size, SYNQ_FILTER_TEXT);
		return -EINVAL;
	}
	text = memdup_user_nul(from, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (mutex_lock_interruptible(&tap->lock)) {
		kfree(text);
		return -ERESTARTSYS;
	}
	filter = tap->filter;
	err = synq_filter_parse(&filter, text) ?: synq_tap_check(&filter) ?:
	      synq_tap_record(tap, &filter);
	if (!err) {
		bool headless = tap->filter.tcpprobe && !filter.tcpprobe;

		/* Records of the old filter go before the line that shows the new one. */
		if (tap->feed && !tap->batch && !tap->header_due)
			synq_tap_begin(tap);
		synq_tap_set_filter(tap, &filter);
		synq_tap_stir(tap);
		WRITE_ONCE(tap->header_due, tap->header_due || headless);
		WRITE_ONCE(tap->filter_due, !tap->header_due);
	}
	mutex_unlock(&tap->lock);
	kfree(text);
	if (err)
		return err;
	wake_up_interruptible(&tap->reader.wait);
	return size;
}

/*
 * A tap cannot seek. But head(1) seeks back over the excess it has read of a
 * regular file, and fails if it cannot: accept that and do nothing. A shell's
 * read asks for the position; the error makes it read byte by byte, as it must.
 */
static loff_t synq_tap_lseek(struct file *file, loff_t offset, int whence)
{
	return whence == SEEK_CUR && offset < 0 ? 0 : -ESPIPE;
}

static __poll_t synq_tap_poll(struct file *file, poll_table *table)
{
	struct synq_tap *tap = file->private_data;

	poll_wait(file, &tap->reader.wait, table);
	return EPOLLOUT | EPOLLWRNORM |
	       (READ_ONCE(tap->let_go) || synq_tap_ripe(tap) ? EPOLLIN | EPOLLRDNORM : 0);
}

/*
 * The file's mode is not enough: the kernel looks up entries under /proc/net
 * through a namespace, and anyone can be root of a namespace they create.
 */
static bool synq_tap_allowed(void)
{
	kgid_t gid = synq_tap_gid();

	return capable(CAP_NET_ADMIN) || (gid_valid(gid) && in_egroup_p(gid));
}

static int synq_tap_open(struct inode *inode, struct file *file)
{
	struct net *net = pde_data(inode);
	struct synq_filter filter;
	struct synq_tap *tap;
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EINVAL;
	if (!synq_tap_allowed())
		return -EPERM;
	/* Init may still fail, and would then close open taps by force. */
	if (READ_ONCE(THIS_MODULE->state) != MODULE_STATE_LIVE)
		return -ENODEV;
	if (atomic_inc_return(&synq_taps) > synq_taps_for(net)) {
		err = -EBUSY;
		goto err_count;
	}
	err = -ENODEV;
	if (!try_module_get(THIS_MODULE))
		goto err_count;
	if (!maybe_get_net(net))
		goto err_module;
	err = -ENOMEM;
	tap = kvzalloc(sizeof(*tap), SYNQ_GFP_TAP);
	if (!tap)
		goto err_net;

	tap->net = net;
	tap->start = ktime_get_ns();
	mutex_init(&tap->lock);
	init_waitqueue_head(&tap->reader.wait);
	init_irq_work(&tap->reader.wake, synq_tap_wake);
	tap->seq.buf = tap->text;
	tap->seq.size = sizeof(tap->text);
	tap->header_due = true;
	synq_filter_default(&filter);
	synq_tap_set_filter(tap, &filter);
	tap->until = tap->start;
	atomic64_set(&tap->peak, S64_MIN);
	synq_tap_count(tap);
	tap->batch = true;
	synq_hrtimer_setup(&tap->tick, synq_tap_tick);
	hrtimer_start(&tap->tick, ms_to_ktime(SYNQ_TICK_MS), SYNQ_HRTIMER_MODE);
	mutex_lock(&synq_taps_lock);
	hlist_add_head_rcu(&tap->node, &synq_net(net)->taps);
	mutex_unlock(&synq_taps_lock);

	file->private_data = tap;
	synq_stream_open(inode, file);
	file->f_mode |= FMODE_LSEEK;
	return 0;

err_net:
	put_net(net);
err_module:
	module_put(THIS_MODULE);
err_count:
	atomic_dec(&synq_taps);
	return err;
}

static int synq_tap_release(struct inode *inode, struct file *file)
{
	struct synq_tap *tap = file->private_data;
	struct synq_feed *feed = tap->feed;
	struct net *net = tap->net;

	/* No tick uses the feed any more, though the feed may still start one. */
	smp_store_release(&tap->feed, NULL);
	hrtimer_cancel(&tap->tick);
	if (feed)
		synq_feed_close(net, feed);
	mutex_lock(&synq_taps_lock);
	hlist_del_rcu(&tap->node);
	mutex_unlock(&synq_taps_lock);
	/* Wait for a walk of the list that found the tap; later walks do not find it. */
	irq_work_sync(&synq_net(net)->stir);
	hrtimer_cancel(&tap->tick);
	synq_hooks_put(tap->hooks);
	kvfree(tap);
	put_net(net);
	atomic_dec(&synq_taps);
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops synq_tap_proc_ops = {
	.proc_open	= synq_tap_open,
	.proc_read	= synq_tap_read,
	.proc_write	= synq_tap_write,
	.proc_lseek	= synq_tap_lseek,
	.proc_poll	= synq_tap_poll,
	.proc_release	= synq_tap_release,
};

struct proc_dir_entry *synq_tap_create(struct net *net)
{
	kgid_t gid = synq_tap_gid();
	struct proc_dir_entry *entry;

	entry = proc_create_data("tcpsynq", gid_valid(gid) ? 0660 : 0600,
				 net->proc_net, &synq_tap_proc_ops, net);
	/* The host's root owns it, not the root of the namespace's user namespace. */
	if (entry)
		proc_set_user(entry, GLOBAL_ROOT_UID, gid_valid(gid) ? gid : GLOBAL_ROOT_GID);
	return entry;
}
