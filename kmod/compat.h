/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernel versions, and nothing else: the
 * rest of the module reads like code for the newest kernel.
 */
#ifndef SYNQ_COMPAT_H
#define SYNQ_COMPAT_H

#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>
#include <linux/version.h>
#include <net/dropreason.h>
#include <net/inet_connection_sock.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "tcpsynq: this kernel is older than 6.1, the oldest this source has been shown right on"
#endif

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#error "tcpsynq: this kernel lacks CONFIG_DYNAMIC_FTRACE_WITH_ARGS"
#endif

/* 6.3 gave ftrace_regs accessors of their own (94d095ffa0e1). */
static __always_inline unsigned long
synq_ftrace_arg(struct ftrace_regs *fregs, unsigned int n)
{
#ifdef ftrace_regs_get_argument
	return ftrace_regs_get_argument(fregs, n);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return ftrace_regs_get_argument(fregs, n);
#else
	return regs_get_kernel_argument(&fregs->regs, n);
#endif /* 6.3 */
}

/* 6.13 added hrtimer_setup(), 6.15 took hrtimer_init() away. */
static inline void synq_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	timer->function = fn;
#endif /* 6.13 */
}

/* Where a probed function returns to, read at its first instruction. */
static __always_inline unsigned long synq_return_address(struct pt_regs *regs)
{
#if defined(CONFIG_X86)
	return *(unsigned long *)kernel_stack_pointer(regs);
#elif defined(CONFIG_ARM64)
	return procedure_link_pointer(regs);
#else
	return 0;
#endif /* CONFIG_X86 */
}

/*
 * The probe of skb:kfree_skb, made of fn(skb, location, reason, rx_sk). 6.11
 * gave the tracepoint the socket that the segment came for (c53795d48ee8), 7.3
 * has that const. Told by the tracepoint's own type: distributions bring such
 * changes to older kernels.
 */
#define SYNQ_KFREE_SKB_HAS(sock)						\
	__builtin_types_compatible_p(typeof(trace_kfree_skb),			\
				     void(struct sk_buff *, void *, enum skb_drop_reason, sock))
#define SYNQ_KFREE_SKB_HAS_SOCKET						\
	(SYNQ_KFREE_SKB_HAS(struct sock *) || SYNQ_KFREE_SKB_HAS(const struct sock *))
#define SYNQ_DEFINE_KFREE_SKB(name, fn)						\
	static void notrace __maybe_unused					\
	name##_bare(void *data, struct sk_buff *skb, void *location,		\
		    enum skb_drop_reason reason)				\
	{									\
		fn(skb, location, reason, NULL);				\
	}									\
	static void notrace __maybe_unused					\
	name##_sock(void *data, struct sk_buff *skb, void *location,		\
		    enum skb_drop_reason reason, struct sock *rx_sk)		\
	{									\
		fn(skb, location, reason, rx_sk);				\
	}									\
	static void notrace __maybe_unused					\
	name##_const(void *data, struct sk_buff *skb, void *location,		\
		     enum skb_drop_reason reason, const struct sock *rx_sk)	\
	{									\
		fn(skb, location, reason, rx_sk);				\
	}
#define SYNQ_KFREE_SKB_PROBE(name)						\
	__builtin_choose_expr(SYNQ_KFREE_SKB_HAS(struct sock *), name##_sock,	\
	__builtin_choose_expr(SYNQ_KFREE_SKB_HAS(const struct sock *), name##_const, \
			      name##_bare))

/*
 * Prints what the kernel calls a reason to drop, or a dash. 6.4 gave each
 * subsystem a table of its own (071c0fc6fb91), which goes with its module.
 */
static inline void synq_drop_reason_show(struct seq_file *seq, u32 reason)
{
	const char *name = NULL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	u32 subsys = reason >> SKB_DROP_REASON_SUBSYS_SHIFT;
	u32 n = reason & ~SKB_DROP_REASON_SUBSYS_MASK;
	const struct drop_reason_list *list;

	rcu_read_lock();
	if (subsys < SKB_DROP_REASON_SUBSYS_NUM) {
		list = rcu_dereference(drop_reasons_by_subsys[subsys]);
		if (list && n < list->n_reasons)
			name = list->reasons[n];
	}
	seq_puts(seq, name ?: "-");
	rcu_read_unlock();
#else
	if (reason < SKB_DROP_REASON_MAX)
		name = drop_reasons[reason];
	seq_puts(seq, name ?: "-");
#endif /* 6.4 */
}

/*
 * How many half-opens a listener's SYN queue takes before it is full:
 * inet_csk_reqsk_queue_is_full() compares with ">" since 6.1, with ">="
 * before (include/net/inet_connection_sock.h).
 */
static inline u64 synq_queue_room(const struct sock *sk)
{
	return (u64)READ_ONCE(sk->sk_max_ack_backlog) + 1;
}

#endif /* SYNQ_COMPAT_H */
