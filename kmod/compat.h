/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernel versions, and nothing else: the
 * rest of the module reads like code for the newest kernel.
 *
 * Prefer tests of the kernel's own declarations to version numbers, because
 * distributions backport changes to older kernels.
 */
#ifndef SYNQ_COMPAT_H
#define SYNQ_COMPAT_H

#include <linux/eventpoll.h>
#include <linux/freezer.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/skbuff.h>
#include <linux/stacktrace.h>
#include <linux/sysfs.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/netns/generic.h>
#include <net/tcp.h>
#include <trace/events/skb.h>

/*
 * Red Hat's kernels, and rebuilds of them, keep the version they branched off
 * at. The number of the release shows which later changes it has.
 */
#ifdef RHEL_RELEASE_CODE
#define SYNQ_RHEL(major, minor)	(RHEL_RELEASE_CODE >= RHEL_RELEASE_VERSION(major, minor))
#else
#define SYNQ_RHEL(major, minor)	0
#endif /* RHEL_RELEASE_CODE */

/* 6.0 added a header for the reasons of drops, with names (RHEL: 8.8, 9.2). */
#ifdef DEFINE_DROP_REASON
#include <net/dropreason.h>
#define SYNQ_HAVE_DROPREASON_H	1
#else
#define SYNQ_HAVE_DROPREASON_H	0
#endif /* 6.0 */

#if BITS_PER_LONG != 64
#error "tcpsynq: 64-bit kernels only: a count is read whole, and has 64 bits"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 14, 0)
#error "tcpsynq: this kernel is older than 4.14, the oldest this source has been shown right on"
#endif

/* ---- Hooks ---- */

/* 4.20 added regs_get_kernel_argument(), 5.2 on arm64. */
static __always_inline unsigned long synq_regs_arg(struct pt_regs *regs, unsigned int n)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 2, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(4, 20, 0) && defined(CONFIG_X86))
	return regs_get_kernel_argument(regs, n);
#elif defined(CONFIG_X86_64)
	const unsigned long arg[] = { regs->di, regs->si, regs->dx, regs->cx, regs->r8, regs->r9 };

	return arg[n];
#else
#error "tcpsynq: kernels before 5.2 are supported on x86-64 only"
#endif /* 4.20, 5.2 */
}

/*
 * 5.11 gave ftrace's callbacks ftrace_regs, which hold the arguments if
 * DYNAMIC_FTRACE_WITH_ARGS is set (arm64: since 6.2). 6.2 added accessors for
 * them (94d095ffa0e1). Otherwise, and before 5.11, a callback must ask for all
 * registers (arm64: since 5.5). Without either, hooks are kprobes.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define SYNQ_FTRACE_REGS	struct pt_regs
#define SYNQ_FTRACE_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#define synq_ftrace_arg		synq_regs_arg
#elif !defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define SYNQ_FTRACE_REGS	struct ftrace_regs
#define SYNQ_FTRACE_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#define synq_ftrace_arg(fregs, n)	synq_regs_arg(ftrace_get_regs(fregs), n)
#else
#define SYNQ_FTRACE_REGS	struct ftrace_regs
#define SYNQ_FTRACE_FLAGS	0
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) || defined(ftrace_regs_get_argument)
#define synq_ftrace_arg(fregs, n)	ftrace_regs_get_argument(fregs, n)
#else
#define synq_ftrace_arg(fregs, n)	synq_regs_arg(&(fregs)->regs, n)
#endif /* 6.2 */
#endif /* 5.11, CONFIG_DYNAMIC_FTRACE_WITH_ARGS */
#define SYNQ_FTRACE_ARGS							\
	(IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) ||				\
	 IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_REGS))

/* 5.3 gave it the first name (a50a3f4b6a31); patches for older kernels used the second. */
#define SYNQ_PREEMPT_RT \
	(IS_ENABLED(CONFIG_PREEMPT_RT) || IS_ENABLED(CONFIG_PREEMPT_RT_FULL))

/*
 * Whether another thread on the same CPU may preempt one with bottom halves off,
 * and have them off too. On PREEMPT_RT a lock per CPU prevents that, since 5.2 at
 * the latest; 6.18 made that lock an option (3253cb49cbad).
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 2, 0)
#define SYNQ_BH_PREEMPTED	SYNQ_PREEMPT_RT
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define SYNQ_BH_PREEMPTED	0
#else
#define SYNQ_BH_PREEMPTED \
	(SYNQ_PREEMPT_RT && !IS_ENABLED(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK))
#endif /* 5.2, 6.18 */

/*
 * Whether ftrace guards callbacks against recursion: by default before 5.11, only
 * on request since (a25d036d939a). The module's callbacks call no hooked function.
 * But the guard also disables preemption (ftrace_ops_assist_func()). On PREEMPT_RT
 * bottom halves off does not do so, and the callbacks need the guard.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define SYNQ_FTRACE_GUARD	(SYNQ_PREEMPT_RT ? 0 : FTRACE_OPS_FL_RECURSION_SAFE)
#else
#define SYNQ_FTRACE_GUARD	(SYNQ_PREEMPT_RT ? FTRACE_OPS_FL_RECURSION : 0)
#endif /* 5.11 */

/*
 * 5.5 added the flag that makes the kernel refuse kernel.ftrace_enabled=0 while a
 * hook is attached (RHEL: 8.3). Before, that setting silently disables the hook.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 5, 0) || SYNQ_RHEL(8, 3)
#define SYNQ_FTRACE_PERMANENT	FTRACE_OPS_FL_PERMANENT
#else
#define SYNQ_FTRACE_PERMANENT	0
#endif /* 5.5 */

/* 6.2 exported ftrace_free_filter(); before, setting an empty filter frees it. */
static inline void synq_ftrace_free_filter(struct ftrace_ops *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	ftrace_free_filter(ops);
#else
	ftrace_set_filter(ops, NULL, 0, 1);
#endif /* 6.2 */
}

/* 4.15 disabled jprobes, 4.19 removed them. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 15, 0)
#define SYNQ_HAVE_JPROBES	1
#define synq_jprobe		jprobe
#define synq_register_jprobe	register_jprobe
#define synq_unregister_jprobe	unregister_jprobe
#define synq_jprobe_return	jprobe_return
#else
#define SYNQ_HAVE_JPROBES	0
struct synq_jprobe {
	struct kprobe	kp;
	void		*entry;
};

#define synq_register_jprobe(jp)	(-ENOSYS)
#define synq_unregister_jprobe(jp)	do { } while (0)
#define synq_jprobe_return()		do { } while (0)
#endif /* 4.15 */

/* Return where a probed function returns to. Valid at its first instruction. */
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

/* 5.2 added stack_trace_save(). */
static __always_inline unsigned int synq_stack_save(unsigned long *frames, unsigned int most)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 2, 0)
	return stack_trace_save(frames, most, 0);
#else
	struct stack_trace trace = { .max_entries = most, .entries = frames };

	save_stack_trace(&trace);
	/* ULONG_MAX ends a stack that fits. */
	if (trace.nr_entries && frames[trace.nr_entries - 1] == ULONG_MAX)
		trace.nr_entries--;
	return trace.nr_entries;
#endif /* 5.2 */
}

/* 5.4 added lockdown. Return whether it closes tracefs, which shows the kernel's stacks too. */
static inline bool synq_locked_down(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 4, 0)
	return security_locked_down(LOCKDOWN_TRACEFS);
#else
	return false;
#endif /* 5.4 */
}

/* Sleep until woken; the machine can still suspend. 6.1 added TASK_FREEZABLE. */
static inline void synq_sleep_freezable(void)
{
#ifdef TASK_FREEZABLE
	set_current_state(TASK_IDLE | TASK_FREEZABLE);
	schedule();
#else
	set_current_state(TASK_IDLE);
	freezable_schedule();
#endif /* 6.1 */
}

/* ---- Time, memory, RCU ---- */

/* 4.16 added timers that run in a softirq; before, they run in the interrupt. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 16, 0)
#define SYNQ_HRTIMER_MODE	HRTIMER_MODE_REL_SOFT
#else
#define SYNQ_HRTIMER_MODE	HRTIMER_MODE_REL
#endif /* 4.16 */

/* 6.13 added hrtimer_setup(), 6.15 removed hrtimer_init(). */
static inline void synq_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, SYNQ_HRTIMER_MODE);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, SYNQ_HRTIMER_MODE);
	timer->function = fn;
#endif /* 6.13 */
}

/*
 * Memory of a tap, charged to the process that makes the tap record. If that
 * process's memory cgroup has no room, the tap is refused and no process is
 * killed (try_charge_memcg(), 6.1).
 */
#define SYNQ_GFP_TAP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/*
 * Allocate memory on a node; kvfree() frees it. The kernel exports only
 * kvmalloc_node() for both a node and flags, and that rounds up to a power of two.
 * With one node, use __vmalloc(), which does not. 5.8 removed its last argument.
 */
static inline void *synq_alloc_node(size_t bytes, int node)
{
	gfp_t flags = SYNQ_GFP_TAP | __GFP_ZERO;

	if (nr_online_nodes > 1)
		return kvmalloc_node(bytes, flags, node);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0)
	return __vmalloc(bytes, flags);
#else
	return __vmalloc(bytes, flags, PAGE_KERNEL);
#endif /* 5.8 */
}

/*
 * Since 4.20 synchronize_rcu() also waits for code with preemption or bottom
 * halves off, as in hooks (RHEL: 8.0).
 */
#define SYNQ_RCU_WAITS_FOR_BH							\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(4, 20, 0) || SYNQ_RHEL(8, 0))
#if !SYNQ_RCU_WAITS_FOR_BH
#define synchronize_rcu		synchronize_sched
#define call_rcu		call_rcu_sched
#define rcu_barrier		rcu_barrier_sched
#endif /* 4.20 */

/* Do net_generic() with bottom halves off: since 4.20 RCU waits for that too. */
static __always_inline void *synq_net_generic_bh(const struct net *net, unsigned int id)
{
#if SYNQ_RCU_WAITS_FOR_BH
	return rcu_dereference_check(net->gen, true)->ptr[id];
#else
	return net_generic(net, id);
#endif /* 4.20 */
}

/*
 * 5.3 added .pre_exit. The kernel waits for RCU between that and .exit, once for
 * all namespaces and all subsystems of one cleanup.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 3, 0)
#define SYNQ_DEFINE_NETNS_EXIT(leave, gone)
#define SYNQ_NETNS_EXIT(leave, gone)	.pre_exit = leave, .exit = gone
#else
#define SYNQ_DEFINE_NETNS_EXIT(leave, gone)					\
static void __net_exit synq_netns_exit(struct list_head *nets)			\
{										\
	struct net *net;							\
										\
	list_for_each_entry(net, nets, exit_list)				\
		leave(net);							\
	synchronize_rcu();							\
	list_for_each_entry(net, nets, exit_list)				\
		gone(net);							\
}
#define SYNQ_NETNS_EXIT(leave, gone)	.exit_batch = synq_netns_exit
#endif /* 5.3 */

/* 5.4 added the condition that satisfies lockdep. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 4, 0)
#define synq_hlist_for_each_entry_hook(pos, head, member)			\
	hlist_for_each_entry_rcu(pos, head, member, true)
#else
#define synq_hlist_for_each_entry_hook	hlist_for_each_entry_rcu_notrace
#endif /* 5.4 */

/* ---- Files ---- */

/* 5.6 added struct proc_ops for files of procfs. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
#define proc_ops	file_operations
#define proc_open	open
#define proc_read	read
#define proc_write	write
#define proc_lseek	llseek
#define proc_poll	poll
#define proc_release	release
#endif /* 5.6 */

/* 5.17 renamed PDE_DATA() (RHEL: 9.1). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0) && !SYNQ_RHEL(9, 1)
#define pde_data	PDE_DATA
#endif /* 5.17 */

/* 4.16 gave poll's bits a type. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 16, 0)
typedef unsigned int __poll_t;
#endif /* 4.16 */

/* 5.1 added stream_open(): no seeks, and a read does not block a write. */
static inline void synq_stream_open(struct inode *inode, struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 1, 0)
	stream_open(inode, file);
#else
	file->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS);
#endif /* 5.1 */
}

/* 4.18 added proc_create_net() and proc_create_net_single(). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 18, 0)
#define synq_proc_create_net		proc_create_net
#define synq_proc_create_net_single	proc_create_net_single
#else
/* The content of a file: rows, or one text. */
struct synq_proc_net {
	const struct seq_operations	*ops;
	int				size;
	int				(*show)(struct seq_file *seq, void *v);
};

static inline int synq_proc_net_open(struct inode *inode, struct file *file)
{
	const struct synq_proc_net *what = PDE_DATA(inode);

	return what->show ? single_open_net(inode, file, what->show) :
			    seq_open_net(inode, file, what->ops, what->size);
}

static inline int synq_proc_net_release(struct inode *inode, struct file *file)
{
	const struct synq_proc_net *what = PDE_DATA(inode);

	return what->show ? single_release_net(inode, file) : seq_release_net(inode, file);
}

static const struct file_operations synq_proc_net_fops __maybe_unused = {
	.open		= synq_proc_net_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= synq_proc_net_release,
};

#define synq_proc_create_what(name, mode, parent, ...)				\
({										\
	static const struct synq_proc_net __what = { __VA_ARGS__ };		\
										\
	proc_create_data(name, mode, parent, &synq_proc_net_fops, (void *)&__what); \
})
#define synq_proc_create_net(name, mode, parent, _ops, _size)			\
	synq_proc_create_what(name, mode, parent, .ops = _ops, .size = _size)
#define synq_proc_create_net_single(name, mode, parent, _show, data)		\
	synq_proc_create_what(name, mode, parent, .show = _show)

static inline struct net *seq_file_single_net(struct seq_file *seq)
{
	return seq->private;
}
#endif /* 4.18 */

/* ---- TCP ---- */

/* 4.16 renamed sk_state_load(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 16, 0)
#define inet_sk_state_load	sk_state_load
#endif /* 4.16 */

/*
 * 5.8 added rsk_drop_req(): whether a request is of an MPTCP join, which
 * tcp_check_req() drops although it is completed (RHEL: 8.3). 5.7 has joins but
 * not this function: there they count as reset.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0) || SYNQ_RHEL(8, 3)
#include <net/mptcp.h>
#else
static inline bool rsk_drop_req(const struct request_sock *req)
{
	return false;
}
#endif /* 5.8 */

/* 5.14 added requests that move to another listener, and a count of them on each CPU. */
#define SYNQ_HAVE_MOVES		(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0))

static __always_inline u64 synq_moves(struct net *net, int cpu)
{
#if SYNQ_HAVE_MOVES
	return snmp_get_cpu_field(net->mib.net_statistics, cpu, LINUX_MIB_TCPMIGRATEREQSUCCESS);
#else
	return 0;
#endif /* 5.14 */
}

/* 5.11 gave tcp_reset() the segment. */
#define SYNQ_TCP_RESET_HAS_SKB							\
	__builtin_types_compatible_p(typeof(tcp_reset),				\
				     void(struct sock *, struct sk_buff *))

/* Return the table of a namespace's sockets. From 5.18 to 6.0 tcp_death_row is a pointer. */
#define SYNQ_DEATH_ROW_POINTER							\
	__builtin_types_compatible_p(typeof(init_net.ipv4.tcp_death_row),	\
				     struct inet_timewait_death_row *)

static inline struct inet_hashinfo *synq_hashinfo(struct net *net)
{
	struct inet_timewait_death_row *row =
		__builtin_choose_expr(SYNQ_DEATH_ROW_POINTER, net->ipv4.tcp_death_row,
				      &net->ipv4.tcp_death_row);

	return row->hashinfo;
}

/*
 * Listening sockets, chain by chain, under RCU alone: read the head or next
 * pointer once, since its socket may be gone at a second read. 5.19 removed the
 * table hashed by port alone (cae3873c5b3a; RHEL 9.2 and stable 5.15 kernels too).
 * It also removed the macro that walks the other table, which 4.17 added. A chain
 * ends with NULL. Since 5.5, and in stable kernels with 8dbd76e79a16, it ends with
 * a nulls marker, as those of the established hash do.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 17, 0) && !defined(inet_lhash2_for_each_icsk_rcu)
#define synq_listen_chains(hash)	((hash)->lhash2_mask + 1)
#define synq_listen_head(hash, chain)	((hash)->lhash2[chain].nulls_head.first)
#else
#define synq_listen_chains(hash)	INET_LHTABLE_SIZE
#define synq_listen_head(hash, chain)	((hash)->listening_hash[chain].head.first)
#endif /* 5.19 */

/* @node: sk_node and sk_nulls_node share their place in a socket. */
static inline struct sock *synq_listen_sock(const void *node)
{
	return !node || is_a_nulls(node) ? NULL : container_of(node, struct sock, sk_nulls_node);
}

static inline struct sock *synq_listen_first(const struct inet_hashinfo *hash, unsigned int chain)
{
	return synq_listen_sock(READ_ONCE(synq_listen_head(hash, chain)));
}

static inline struct sock *synq_listen_next(const struct sock *sk)
{
	return synq_listen_sock(READ_ONCE(sk->sk_nulls_node.next));
}

/* ---- Drops ---- */

/*
 * 5.17 gave drops a reason, as RHEL 9.0 and stable 5.15 kernels do. From there
 * to 5.19 this macro is the list of reasons.
 */
#if !SYNQ_HAVE_DROPREASON_H && !defined(TRACE_SKB_DROP_REASON)
enum skb_drop_reason { SKB_DROP_REASON_NOT_SPECIFIED };
#endif /* 5.17 */

/*
 * Since 5.18 TCP and the output path give reasons. Before, tcp_drop() frees the
 * segments that a socket discards, and skb:kfree_skb does not report those.
 */
#define SYNQ_HAVE_TCP_DROP							\
	(LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0) && !SYNQ_HAVE_DROPREASON_H)
#if SYNQ_HAVE_TCP_DROP
#define SYNQ_DROP_NO_ROUTE	U32_MAX
#else
#define SYNQ_DROP_NO_ROUTE	SKB_DROP_REASON_IP_OUTNOROUTES
#endif /* 5.18 */

/*
 * Define the probe of skb:kfree_skb, which calls fn(skb, location, reason, rx_sk).
 * 5.17 added the reason to the tracepoint, 6.11 the segment's receiving socket
 * (c53795d48ee8), which is const in 7.3.
 */
#define SYNQ_KFREE_SKB_HAS(...)							\
	__builtin_types_compatible_p(typeof(trace_kfree_skb),			\
				     void(struct sk_buff *, void *, ##__VA_ARGS__))
#define SYNQ_KFREE_SKB_HAS_SOCKET						\
	(!SYNQ_KFREE_SKB_HAS() && !SYNQ_KFREE_SKB_HAS(enum skb_drop_reason))
#define SYNQ_KFREE_SKB_SOCKET							\
	typeof(__builtin_choose_expr(						\
		SYNQ_KFREE_SKB_HAS(enum skb_drop_reason, struct sock *),	\
		(struct sock *)NULL, (const struct sock *)NULL))
#define SYNQ_DEFINE_KFREE_SKB(name, fn)						\
	static void notrace __maybe_unused					\
	name##_bare(void *data, struct sk_buff *skb, void *location)		\
	{									\
		fn(skb, location, SKB_DROP_REASON_NOT_SPECIFIED, NULL);		\
	}									\
	static void notrace __maybe_unused					\
	name##_reason(void *data, struct sk_buff *skb, void *location,		\
		      enum skb_drop_reason reason)				\
	{									\
		fn(skb, location, reason, NULL);				\
	}									\
	static void notrace __maybe_unused					\
	name##_sock(void *data, struct sk_buff *skb, void *location,		\
		    enum skb_drop_reason reason, SYNQ_KFREE_SKB_SOCKET rx_sk)	\
	{									\
		fn(skb, location, reason, rx_sk);				\
	}
#define SYNQ_KFREE_SKB_PROBE(name)						\
	__builtin_choose_expr(SYNQ_KFREE_SKB_HAS(), name##_bare,		\
	__builtin_choose_expr(SYNQ_KFREE_SKB_HAS(enum skb_drop_reason), name##_reason, \
			      name##_sock))

/*
 * Print the kernel's name of a reason to drop, or a dash. 6.0 exported the names,
 * which only the tracepoint had before. 6.4 gave each subsystem its own table
 * (071c0fc6fb91), which goes away with the subsystem's module.
 */
static inline void synq_drop_reason_show(struct seq_file *seq, u32 reason)
{
	const char *name = NULL;
#ifdef SKB_DROP_REASON_SUBSYS_SHIFT
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
#if SYNQ_HAVE_DROPREASON_H
	if (reason < SKB_DROP_REASON_MAX)
		name = drop_reasons[reason];
#elif defined(TRACE_SKB_DROP_REASON)
#undef EM
#undef EMe
#define EM(value, text)		[value] = #text,
#define EMe(value, text)
	static const char *const names[] = { TRACE_SKB_DROP_REASON };

	if (reason < ARRAY_SIZE(names))
		name = names[reason];
#endif /* 6.0, 5.17 */
	seq_puts(seq, name ?: "-");
#endif /* 6.4 */
}

/*
 * Return how many half-opens a listener's SYN queue holds before it is full. An
 * empty queue of length 0 is full if inet_csk_reqsk_queue_is_full() compares with
 * ">=". It is not if that compares with ">": since 3479c7549fb1, in 6.13 and the
 * stable kernels of its time.
 */
static inline u64 synq_queue_room(const struct sock *sk)
{
	static const struct inet_connection_sock empty;

	return (u64)READ_ONCE(sk->sk_max_ack_backlog) +
	       !inet_csk_reqsk_queue_is_full((const struct sock *)&empty);
}

#endif /* SYNQ_COMPAT_H */
