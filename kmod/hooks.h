/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of the kernel (symbol.c), hooks on them (hooks.c), and their handlers. */
#ifndef SYNQ_HOOKS_H
#define SYNQ_HOOKS_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>

#include "tcpsynq.h"

/* ---- Functions of the kernel (symbol.c) ---- */

/* The addresses of a function, @end exclusive. */
struct synq_range {
	unsigned long start;
	unsigned long end;
};

int synq_symbols_error(void);
void synq_symbols_done(void);
bool synq_symbol_missing(const char *name);
struct synq_range synq_symbol_range(const char *name);
bool synq_symbol_calls(const char *caller, const char *callee);
bool synq_symbol_unpatched(unsigned long start);

/* Most bytes that a kernel puts before a function, or at its beginning. */
#define SYNQ_ENTRY_SLACK	16

static __always_inline bool synq_in_range(const struct synq_range *range, unsigned long at)
{
	return at >= range->start && at < range->end;
}

/* ---- Hooks (hooks.c) ---- */

/* SYNQ_HOOK_NAME and synq_on_name(), in the order in which they are attached. */
#define SYNQ_HOOK_LIST(HOOK)							\
	HOOK(REMOVE_TOLD, remove_told)						\
	HOOK(REMOVE, remove)							\
	HOOK(HASHDANCE, hashdance)						\
	HOOK(DESTRUCTOR4, destructor4)						\
	HOOK(DESTRUCTOR6, destructor6)						\
	HOOK(MIGRATE, migrate) /* after what ends a move */			\
	HOOK(REQ_ERR, req_err)							\
	HOOK(SEND_SYNACK4, send_synack4) /* after the hooks of ends: life.h */	\
	HOOK(SEND_SYNACK6, send_synack6)					\
	HOOK(PEER_PROVEN, peer_proven)						\
	HOOK(CONN_REQUEST, conn_request)					\
	HOOK(SYN_RECV4, syn_recv4)						\
	HOOK(SYN_RECV6, syn_recv6)						\
	HOOK(RCV, rcv)								\
	HOOK(XMIT, xmit)							\
	HOOK(DO_RCV4, do_rcv4)							\
	HOOK(DO_RCV6, do_rcv6)							\
	HOOK(TCP_DROP, tcp_drop)						\
	HOOK(KFREE_SKB, kfree_skb) /* a tracepoint, without these handlers */	\
	HOOK(SET_STATE, set_state)						\
	HOOK(TCP_RESET, tcp_reset)						\
	HOOK(TIME_WAIT, time_wait)

#define SYNQ_HOOK_ID(NAME, name)	SYNQ_HOOK_##NAME,
enum synq_hook_id { SYNQ_HOOK_LIST(SYNQ_HOOK_ID) SYNQ_HOOKS };

enum synq_via {
	SYNQ_VIA_NONE,		/* not attached */
	SYNQ_VIA_AUTO,		/* only as a parameter: the best available */
	SYNQ_VIA_FTRACE,
	SYNQ_VIA_KPROBE,
	SYNQ_VIA_JPROBE,
	SYNQ_VIA_TRACEPOINT,
};

/**
 * struct synq_call - the call that a handler sees
 * @arg: its integer arguments, as passed in registers
 * @caller: where it returns to
 * @entry: the hooked instruction, the function's first or next to it; 0 with a
 *	jprobe, which runs in the function's place
 *
 * Handlers are inlined into their thunks, so fields that one does not use are
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

#define SYNQ_DECLARE_HOOK(NAME, name)						\
	void synq_on_##name##_ftrace(unsigned long ip, unsigned long parent_ip,	\
				     struct ftrace_ops *ops, SYNQ_FTRACE_REGS *fregs); \
	int synq_on_##name##_kprobe(struct kprobe *kp, struct pt_regs *regs);	\
	void synq_on_##name##_jprobe(unsigned long a, unsigned long b, unsigned long c, \
				     unsigned long d, unsigned long e, unsigned long f);

/* Define the functions that a hook can be attached by, from its inline handler @fn. */
#define SYNQ_DEFINE_HOOK(fn, id)	SYNQ_DEFINE_HOOK_AS(fn, fn, id)
#define SYNQ_DEFINE_HOOK_AS(name, fn, id)					\
	void notrace name##_ftrace(unsigned long ip, unsigned long parent_ip,	\
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
	int notrace name##_kprobe(struct kprobe *kp, struct pt_regs *regs)	\
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
	/* Called in place of the probed function, with its stack. */		\
	void notrace __maybe_unused						\
	name##_jprobe(unsigned long a, unsigned long b, unsigned long c,	\
		      unsigned long d, unsigned long e, unsigned long f)	\
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

SYNQ_HOOK_LIST(SYNQ_DECLARE_HOOK)

extern const unsigned long synq_drop_hooks;	/* the hooks that drops need */
int synq_drop_attach(void);
void synq_drop_detach(void);
void synq_close_prepare(void);
void synq_close_init(void);

int synq_hooks_find(void);
int synq_hooks_attach(void);
void synq_hooks_detach(void);
bool synq_hook_attached(enum synq_hook_id id);
int synq_hooks_get(unsigned long wanted, unsigned long *got);
void synq_hooks_put(unsigned long hooks);
u64 synq_hooks_missed(void);
void synq_hooks_show(struct seq_file *seq, bool host);
bool synq_hooks_exact(struct seq_file *seq);

/* ---- Handlers (halfopen.c) ---- */

void synq_halfopen_init(void);

#endif /* SYNQ_HOOKS_H */
