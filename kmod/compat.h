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
#include <linux/version.h>
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
 * How many half-opens a listener's SYN queue takes before it is full:
 * inet_csk_reqsk_queue_is_full() compares with ">" since 6.1, with ">="
 * before (include/net/inet_connection_sock.h).
 */
static inline u64 synq_queue_room(const struct sock *sk)
{
	return (u64)READ_ONCE(sk->sk_max_ack_backlog) + 1;
}

#endif /* SYNQ_COMPAT_H */
