// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measure how long interrupts and softirqs wait on one CPU: a timer fires every
 * 10 us in hard interrupt context and raises a tasklet. `irq` is the longest
 * time that the timer was late, `softirq` the longest from the timer to the
 * tasklet, both in ns; writing to one sets it to 0.
 */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/module.h>

#define PERIOD_NS	10000

static ulong irq;
module_param(irq, ulong, 0644);
MODULE_PARM_DESC(irq, "longest wait of an interrupt, ns");

static ulong softirq;
module_param(softirq, ulong, 0644);
MODULE_PARM_DESC(softirq, "longest wait of a softirq, ns");

static struct hrtimer timer;
static ktime_t raised;

static void gap_softirq(struct tasklet_struct *unused)
{
	ulong waited = ktime_to_ns(ktime_sub(ktime_get(), READ_ONCE(raised)));

	/* `raised` is 0 between a run of the tasklet and the next interrupt. */
	if (READ_ONCE(raised) && waited > softirq)
		softirq = waited;
	WRITE_ONCE(raised, 0);
}

static DECLARE_TASKLET(tasklet, gap_softirq);

static enum hrtimer_restart gap_irq(struct hrtimer *timer)
{
	ktime_t now = ktime_get();
	ulong late = ktime_to_ns(ktime_sub(now, hrtimer_get_expires(timer)));

	if (late > irq)
		irq = late;
	if (!READ_ONCE(raised))
		WRITE_ONCE(raised, now);
	tasklet_schedule(&tasklet);
	hrtimer_forward(timer, now, PERIOD_NS);
	return HRTIMER_RESTART;
}

static int __init gap_init(void)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = gap_irq;
	hrtimer_start(&timer, PERIOD_NS, HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static void __exit gap_exit(void)
{
	hrtimer_cancel(&timer);
	tasklet_kill(&tasklet);
}

module_init(gap_init);
module_exit(gap_exit);
MODULE_DESCRIPTION("How long interrupts and softirqs wait");
MODULE_LICENSE("GPL");
