/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcpsynq: exact counts of half-open TCP connections.
 *
 * The internal header. Who does what:
 *
 *   schema.h    names, columns and ranges, generated from src/stream/schema.json
 *   main.c      init and exit
 *   symbol.c    functions of the running kernel, found by name
 *   hooks.c     the table of hooks, and how each is attached
 *   halfopen.c  handlers: a half-open added, and why one ended
 *   removal.c   the function that a half-open leaves through
 *   refusal.c   handlers: SYNs that never became half-open
 *   claim.c     one removal, one count, whichever CPUs race for it
 *   baseline.c  what was half-open before the hooks
 *   netns.c     counters of each network namespace, and their sum
 *   record.c    records for taps that ask for more than counts: kept, read
 *   event.c     records of half-opens added and removed
 *   sample.c    records of established connections
 *   drop.c      records of dropped segments
 *   close.c     records of connections closed
 *   format.c    a record as a line
 *   text.c      numbers as text
 *   filter.c    what a tap asks for; module parameters and tap writes alike
 *   tap.c       /proc/net/tcpsynq
 *   stat.c      /proc/net/stat/tcpsynq
 *   listen.c    /proc/net/tcpsynq_listeners
 *   status.c    /proc/net/tcpsynq_status
 *   files.c     all four, in every network namespace
 */
#ifndef SYNQ_TCPSYNQ_H
#define SYNQ_TCPSYNQ_H

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/in6.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat.h"
#include "schema.h"

#define SYNQ_VERSION "0.1.0"

/* ---- Counters (netns.c) ---- */

/* The kernel's own counters we read beside ours. */
enum synq_mib {
	SYNQ_MIB_COOKIES_RECV,
	SYNQ_MIB_COOKIES_FAILED,
	SYNQ_MIB_QUEUE_FULL_DROP,
	SYNQ_MIB_LISTEN_OVERFLOWS,
	SYNQ_MIB_LISTEN_DROPS,
	SYNQ_MIBS
};

/**
 * struct synq_question - a check that the kernel makes on this CPU
 * @open: the result of the latest check is not known yet
 * @mib_then: the kernel's counter of failed checks when this one began
 * @failed: failed checks, without one that is still open
 *
 * A hook that runs only after success says that the check succeeded. The
 * counter moves if it failed: see refusal.c.
 */
struct synq_question {
	bool	open;
	u64	mib_then;
	u64	failed;
};

/**
 * struct synq_cpu - what one CPU has counted in one network namespace
 * @n: counts since load, written by their CPU alone
 * @mib_at_load: the kernel's counters when ours began
 * @seq: lets a reader take a question and its counter together
 * @ack: is the accept queue full, asked for a final ACK
 * @peer: is the peer proven, asked for a SYN by the three-quarters rule
 */
struct synq_cpu {
	u64			n[SYNQ_COUNTED];
	u64			mib_at_load[SYNQ_MIBS];
	seqcount_t		seq;
	struct synq_question	ack;
	struct synq_question	peer;
};

/**
 * struct synq_net - our share of a network namespace
 * @cpu: the counters; once it is being dismantled, some that nobody reads
 * @dying: the counters from then until they are freed
 * @feeds: taps that ask for records; read under RCU
 */
struct synq_net {
	struct synq_cpu __percpu *cpu;
	struct synq_cpu __percpu *dying;
	struct hlist_head feeds;
};

/**
 * struct synq_figures - counters as shown
 * @n: by enum synq_counter; docs/format.md says what each is. Those of taps,
 *	SYNQ_PEAK and a tap's SYNQ_LOST, are the tap's to fill in.
 *
 * SYNQ_HALF_OPEN, SYNQ_INITIAL and SYNQ_PEAK are signed levels; the others only grow.
 */
struct synq_figures {
	u64 n[SYNQ_COUNTERS];
};

extern unsigned int synq_net_id;

static inline struct synq_net *synq_net(const struct net *net)
{
	return net_generic(net, synq_net_id);
}

/* The same in a hook of the counters, which all run with bottom halves off. */
static __always_inline struct synq_net *synq_net_hook(const struct net *net)
{
	return synq_net_generic_bh(net, synq_net_id);
}

int synq_netns_init(void);
void synq_netns_uninit(void);
void synq_net_figures(struct net *net, struct synq_figures *sum);
void synq_cpu_figures(struct net *net, int cpu, struct synq_figures *f);
s64 synq_net_half_open(struct net *net);
u64 synq_mib_read(struct net *net, int cpu, enum synq_mib mib);

/* Called with bottom halves off, which keeps @cpu from being freed. */
static __always_inline void synq_count(const struct synq_net *sn, enum synq_counter what)
{
	BUILD_BUG_ON(__builtin_constant_p(what) && what >= SYNQ_COUNTED);
	this_cpu_inc(READ_ONCE(sn->cpu)->n[what]);
}

/* ---- Functions of the kernel (symbol.c) ---- */

/* Of a function: from its first byte to past its last. */
struct synq_range {
	unsigned long start;
	unsigned long end;
};

void synq_symbols_done(void);
bool synq_symbol_missing(const char *name);
int synq_symbol_range(const char *name, struct synq_range *range);
int synq_symbol_needed(const char *name, struct synq_range *range);
int synq_symbol_unseen(const char *name, int err);
int synq_symbol_calls(const char *caller, const char *callee, bool returns);
bool synq_symbol_unpatched(const char *name);

/* A function's address and what some kernels put before it or at its beginning, bytes. */
#define SYNQ_ENTRY_SLACK	16

static __always_inline bool synq_in_range(const struct synq_range *range, unsigned long at)
{
	return at >= range->start && at < range->end;
}

/* ---- Hooks (hooks.c) ---- */

enum synq_hook_id {
	SYNQ_HOOK_SEND_SYNACK4,
	SYNQ_HOOK_SEND_SYNACK6,
	SYNQ_HOOK_DROP,
	SYNQ_HOOK_HASHDANCE,
	SYNQ_HOOK_DROP_AND_PUT,
	SYNQ_HOOK_REQ_ERR,
	SYNQ_HOOK_PEER_PROVEN,
	SYNQ_HOOK_SYN_RECV4,
	SYNQ_HOOK_SYN_RECV6,
	SYNQ_HOOK_CREATE_CHILD,
	SYNQ_HOOK_RCV,
	SYNQ_HOOK_XMIT,
	SYNQ_HOOK_DO_RCV4,
	SYNQ_HOOK_DO_RCV6,
	SYNQ_HOOK_TCP_DROP,
	SYNQ_HOOK_KFREE_SKB,
	SYNQ_HOOK_SET_STATE,
	SYNQ_HOOK_TCP_RESET,
	SYNQ_HOOK_TIME_WAIT,
	SYNQ_HOOKS
};

enum synq_via {
	SYNQ_VIA_NONE,		/* not attached */
	SYNQ_VIA_AUTO,		/* as a request: the best there is */
	SYNQ_VIA_FTRACE,
	SYNQ_VIA_KPROBE,
	SYNQ_VIA_JPROBE,
	SYNQ_VIA_TRACEPOINT,
};

/**
 * struct synq_call - the call a handler looks at
 * @arg: its integer arguments, as passed in registers
 * @caller: where it returns to
 * @entry: the instruction the hook is at, the function's first or next to it;
 *	0 by a jprobe, which runs in the function's place
 *
 * Handlers are inlined into their thunks, so what one does not use is
 * not even loaded.
 */
struct synq_call {
	unsigned long arg[6];
	unsigned long caller;
	unsigned long entry;
};

DECLARE_PER_CPU(unsigned long [SYNQ_HOOKS], synq_hits);

#define SYNQ_CALL_ARGS(get, regs) \
	{ get(regs, 0), get(regs, 1), get(regs, 2), get(regs, 3), get(regs, 4), get(regs, 5) }

#define SYNQ_DECLARE_HOOK(fn)							\
	void fn##_ftrace(unsigned long ip, unsigned long parent_ip,		\
			 struct ftrace_ops *ops, SYNQ_FTRACE_REGS *fregs);	\
	int fn##_kprobe(struct kprobe *kp, struct pt_regs *regs);		\
	void fn##_jprobe(unsigned long a, unsigned long b, unsigned long c,	\
			 unsigned long d, unsigned long e, unsigned long f)

/* Makes of an inline handler the functions its hook can be attached by. */
#define SYNQ_DEFINE_HOOK(fn, id)						\
	void notrace fn##_ftrace(unsigned long ip, unsigned long parent_ip,	\
				 struct ftrace_ops *ops, SYNQ_FTRACE_REGS *fregs) \
	{									\
		struct synq_call call = {					\
			.arg = SYNQ_CALL_ARGS(synq_ftrace_arg, fregs),		\
			.caller = parent_ip,					\
			.entry = ip,						\
		};								\
										\
		this_cpu_inc(synq_hits[id]);					\
		fn(&call);							\
	}									\
	int notrace fn##_kprobe(struct kprobe *kp, struct pt_regs *regs)	\
	{									\
		struct synq_call call = {					\
			.arg = SYNQ_CALL_ARGS(synq_regs_arg, regs),		\
			.caller = synq_return_address(regs),			\
			.entry = (unsigned long)kp->addr,			\
		};								\
										\
		this_cpu_inc(synq_hits[id]);					\
		fn(&call);							\
		return 0;							\
	}									\
	/* Called in the probed function's place, with its stack. */		\
	void notrace __maybe_unused						\
	fn##_jprobe(unsigned long a, unsigned long b, unsigned long c,		\
		    unsigned long d, unsigned long e, unsigned long f)		\
	{									\
		struct synq_call call = {					\
			.arg = { a, b, c, d, e, f },				\
			.caller = (unsigned long)__builtin_return_address(0),	\
		};								\
										\
		this_cpu_inc(synq_hits[id]);					\
		fn(&call);							\
		synq_jprobe_return();						\
	}

SYNQ_DECLARE_HOOK(synq_on_send_synack4);
SYNQ_DECLARE_HOOK(synq_on_send_synack6);
SYNQ_DECLARE_HOOK(synq_on_drop);
SYNQ_DECLARE_HOOK(synq_on_hashdance);
SYNQ_DECLARE_HOOK(synq_on_drop_and_put);
SYNQ_DECLARE_HOOK(synq_on_req_err);
SYNQ_DECLARE_HOOK(synq_on_syn_recv4);
SYNQ_DECLARE_HOOK(synq_on_syn_recv6);
SYNQ_DECLARE_HOOK(synq_on_create_child);
SYNQ_DECLARE_HOOK(synq_on_peer_proven);
SYNQ_DECLARE_HOOK(synq_on_rcv);
SYNQ_DECLARE_HOOK(synq_on_xmit);
SYNQ_DECLARE_HOOK(synq_on_do_rcv4);
SYNQ_DECLARE_HOOK(synq_on_do_rcv6);
SYNQ_DECLARE_HOOK(synq_on_tcp_drop);
SYNQ_DECLARE_HOOK(synq_on_set_state);
SYNQ_DECLARE_HOOK(synq_on_tcp_reset);
SYNQ_DECLARE_HOOK(synq_on_time_wait);

extern const unsigned long synq_drop_hooks;	/* those that drops need */
int synq_drop_attach(void);
void synq_drop_detach(void);
void synq_close_prepare(void);
int synq_close_init(void);
void synq_sample_init(void);

int synq_hooks_find(void);
int synq_hooks_attach(void);
void synq_hooks_detach(void);
bool synq_hook_attached(enum synq_hook_id id);
void synq_hook_use(enum synq_hook_id id, const char *symbol);
int synq_hooks_get(unsigned long wanted, unsigned long *got);
void synq_hooks_put(unsigned long hooks);
u64 synq_hooks_missed(void);
void synq_hooks_show(struct seq_file *seq, bool host);
bool synq_hooks_exact(struct seq_file *seq);

/* ---- Handlers (halfopen.c, refusal.c) ---- */

int synq_removal_init(void);
int synq_halfopen_init(void);
void synq_refusal_init(void);

/* ---- Records (record.h) ---- */

/* Does a tap ask for records of this namespace? */
static __always_inline bool synq_recording(const struct synq_net *sn)
{
	return unlikely(!hlist_empty(&sn->feeds));
}

/* ---- What was half-open before the hooks (baseline.c) ---- */

void synq_baseline_take(void);
void synq_baseline_show(struct seq_file *seq, bool host);
bool synq_baseline_exact(struct seq_file *seq);

/* ---- Taps (filter.c, tap.c) ---- */

#define SYNQ_KIND_RECORDS	(~SYNQ_KIND_COUNT)
#define SYNQ_KIND_HOOKED	(SYNQ_KIND_SAMPLE | SYNQ_KIND_DROP | SYNQ_KIND_CLOSE)

#define SYNQ_SAMPLE_RCV		BIT(0)
#define SYNQ_SAMPLE_XMIT	BIT(1)

/**
 * struct synq_filter - what a tap asks for
 * @kinds: SYNQ_KIND_*; see synq_filter_kinds()
 * @interval_ms: time between C lines, milliseconds
 * @latency_ms: a reader is woken so long after the first record, milliseconds
 * @port: of either end, host order; 0: any
 * @fwmark: of the connection; 0: any
 * @addr: a network that either end is in; IPv4 as v4-mapped
 * @addr_bits: the length of its prefix, of 128; 0: any
 * @full: samples of every segment, not only when the cwnd has changed
 * @hook: SYNQ_SAMPLE_*: samples of which segments
 * @any_proto: drops of every protocol, not only of TCP
 * @stack: drops and closes with the kernel's stack
 * @tcpprobe: the lines of tcp_probe and no other
 */
struct synq_filter {
	unsigned int	kinds;
	unsigned int	interval_ms;
	unsigned int	latency_ms;
	unsigned int	port;
	unsigned int	fwmark;
	struct in6_addr	addr;
	unsigned int	addr_bits;
	unsigned int	full;
	unsigned int	hook;
	unsigned int	any_proto;
	unsigned int	stack;
	unsigned int	tcpprobe;
};

/* The kinds a tap shows: tcp_probe's lines have room for samples only. */
static __always_inline unsigned int synq_filter_kinds(const struct synq_filter *filter)
{
	return filter->tcpprobe ? filter->kinds & SYNQ_KIND_SAMPLE : filter->kinds;
}

/**
 * struct synq_uint_param - a module parameter that is a number within bounds
 * @value: in force; readers use READ_ONCE()
 * @min: the lowest value allowed
 * @max: the highest value allowed
 * @allowed: both in words, for the kernel log's line about a bad value
 */
struct synq_uint_param {
	unsigned int	value;
	unsigned int	min, max;
	const char	*allowed;
};

/* Initialise a struct synq_uint_param from its SYNQ_NAME_* in schema.h. */
#define SYNQ_UINT_PARAM(NAME) {				\
	.value = SYNQ_##NAME##_DEFAULT,			\
	.min = SYNQ_##NAME##_MIN,			\
	.max = SYNQ_##NAME##_MAX,			\
	.allowed = SYNQ_##NAME##_ALLOWED,		\
}

extern const struct kernel_param_ops synq_uint_param_ops;

#define SYNQ_FILTER_TEXT	512	/* longest write to a tap, bytes */

void synq_filter_default(struct synq_filter *filter);
int synq_filter_parse(struct synq_filter *filter, char *text);
void synq_filter_show(struct seq_file *seq, const struct synq_filter *filter);

void synq_taps_init(void);
void synq_taps_ready(void);
unsigned int synq_taps_open(void);
unsigned int synq_taps_limit(void);

const char *synq_outcome_name(enum synq_counter outcome);

/* ---- Files ---- */

int synq_files_init(void);
void synq_files_uninit(void);

struct proc_dir_entry *synq_tap_create(struct net *net);
struct proc_dir_entry *synq_stat_create(struct net *net);
struct proc_dir_entry *synq_listeners_create(struct net *net);
struct proc_dir_entry *synq_status_create(struct net *net);

#endif /* SYNQ_TCPSYNQ_H */
