// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of hooks, and how each is attached.
 *
 * Prefer ftrace. A kprobe does not fire (it only increments nmissed) while
 * another kprobe handler runs on the same CPU, and debugfs can silently disable
 * all kprobes. Neither affects an ftrace callback marked permanent, and the
 * kernel refuses kernel.ftrace_enabled=0 while one is registered.
 *
 * ftrace hooks share one ftrace_ops, whose callback looks up the hook by its
 * address. Unregistering an ftrace_ops waits tenths of a second for every task
 * to leave its trampoline; removing a function from its filter is immediate.
 * Only the hottest hooks have an ftrace_ops each: ftrace calls them directly.
 *
 * The hooks of the counters stay attached while the module is loaded. Hooks that
 * only write records are attached while a tap wants them and for linger_ms after:
 * opening taps in a loop must not patch the kernel's text in a loop.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include "hooks.h"

/**
 * struct synq_tracer - an ftrace_ops, registered while it has functions
 * @ops: its filter holds their addresses
 * @functions: number of functions
 */
struct synq_tracer {
	struct ftrace_ops	ops;
	unsigned int		functions;
};

/**
 * struct synq_hook - one probed function, or tracepoint
 * @symbol: its name in the kernel's symbol table, or SYSTEM:NAME for tracepoints;
 *	NULL: not used on this kernel
 * @caller: calls it on every kernel; NULL: no such function is known
 * @instead: if @caller calls this, a hook on it shows what one on @symbol would
 * @serves: the figure that is missing without it
 * @required: refuse to load without it
 * @backed: half-opens that it misses are counted when their request is freed
 * @on_demand: attached only while it has users
 * @optional: its users can do without it
 * @hot: has an ftrace_ops of its own
 * @ftrace: handler, as an ftrace callback
 * @kprobe: handler, as a kprobe's
 * @jprobe: handler, as a jprobe's
 * @attach: attach to a tracepoint; 0 or -errno. The fields above are then unused
 * @detach: undo @attach; a handler may still run
 * @prepare: called before each attaching, if set
 * @via: how it is attached now
 * @own: its ftrace_ops, if it is hot
 * @jp: its jprobe, whose first member is also its kprobe
 * @start: where the function begins; 0: the kernel has no function of that name
 * @inlined: the compiler inlined it into @caller, and maybe elsewhere, unhookable
 * @users: taps that want it, if on demand
 * @failed: on demand, and could not be found, is inlined, or could not be attached
 *	when last wanted
 */
struct synq_hook {
	const char		*symbol;
	const char		*caller;
	const char		*instead;
	const char		*serves;
	bool			required;
	bool			backed;
	bool			on_demand;
	bool			optional;
	bool			hot;
	ftrace_func_t		ftrace;
	kprobe_pre_handler_t	kprobe;
	void			(*jprobe)(unsigned long a, unsigned long b, unsigned long c,
					  unsigned long d, unsigned long e, unsigned long f);
	int			(*attach)(void);
	void			(*detach)(void);
	void			(*prepare)(void);

	enum synq_via		via;
	struct synq_tracer	own;
	struct synq_jprobe	jp;
	unsigned long		start;
	bool			inlined;
	unsigned int		users;
	bool			failed;
};

DEFINE_PER_CPU(unsigned long [SYNQ_HOOKS], synq_hits);

#define SYNQ_HANDLERS(fn)							\
	.ftrace = fn##_ftrace, .kprobe = fn##_kprobe, .jprobe = fn##_jprobe

#define SYNQ_IPV6(_symbol)	(IS_ENABLED(CONFIG_IPV6) ? _symbol : NULL)

static DEFINE_MUTEX(synq_hooks_lock);	/* guards the hooks on demand */

static struct synq_hook synq_hooks[SYNQ_HOOKS] = {
	[SYNQ_HOOK_REMOVE_TOLD] = {
		.symbol = "__inet_csk_reqsk_queue_drop", .serves = "count", .backed = true,
		.hot = true, SYNQ_HANDLERS(synq_on_remove_told),
	},
	[SYNQ_HOOK_REMOVE] = {
		.symbol = "inet_csk_reqsk_queue_drop", .serves = "count", .backed = true,
		.hot = true, SYNQ_HANDLERS(synq_on_remove),
	},
	[SYNQ_HOOK_HASHDANCE] = {
		.symbol = "inet_csk_complete_hashdance", .caller = "tcp_check_req",
		.serves = "count", .required = true, SYNQ_HANDLERS(synq_on_hashdance),
	},
	[SYNQ_HOOK_MIGRATE] = {
		.symbol = "reuseport_migrate_sock", .serves = "count", .required = true,
		SYNQ_HANDLERS(synq_on_migrate),
	},
	[SYNQ_HOOK_DESTRUCTOR4] = {
		.symbol = "tcp_v4_reqsk_destructor", .serves = "count", .required = true,
		.hot = true, SYNQ_HANDLERS(synq_on_destructor4),
	},
	[SYNQ_HOOK_DESTRUCTOR6] = {
		.symbol = SYNQ_IPV6("tcp_v6_reqsk_destructor"), .serves = "count",
		.required = true, .hot = true, SYNQ_HANDLERS(synq_on_destructor6),
	},
	[SYNQ_HOOK_REQ_ERR] = {
		.symbol = "tcp_req_err", .caller = "tcp_v4_err",
		.instead = "__inet_csk_reqsk_queue_drop", .serves = "unreachable",
		SYNQ_HANDLERS(synq_on_req_err),
	},
	[SYNQ_HOOK_SEND_SYNACK4] = {
		.symbol = "tcp_v4_send_synack", .serves = "count", .required = true, .hot = true,
		SYNQ_HANDLERS(synq_on_send_synack4),
	},
	[SYNQ_HOOK_SEND_SYNACK6] = {
		.symbol = SYNQ_IPV6("tcp_v6_send_synack"), .serves = "count", .required = true,
		.hot = true, SYNQ_HANDLERS(synq_on_send_synack6),
	},
	[SYNQ_HOOK_PEER_PROVEN] = {
		.symbol = "tcp_peer_is_proven", .caller = "tcp_conn_request",
		.serves = "queue_full", SYNQ_HANDLERS(synq_on_peer_proven),
	},
	[SYNQ_HOOK_CONN_REQUEST] = {
		.symbol = "tcp_conn_request", .caller = "tcp_v4_conn_request",
		.serves = "queue_full,accept_full,refused_other,syns", .hot = true,
		SYNQ_HANDLERS(synq_on_conn_request),
	},
	[SYNQ_HOOK_SYN_RECV4] = {
		.symbol = "tcp_v4_syn_recv_sock", .serves = "cookie_ok_record",
		.on_demand = true, .optional = true, SYNQ_HANDLERS(synq_on_syn_recv4),
	},
	[SYNQ_HOOK_SYN_RECV6] = {
		.symbol = SYNQ_IPV6("tcp_v6_syn_recv_sock"), .serves = "cookie_ok_record",
		.on_demand = true, .optional = true, SYNQ_HANDLERS(synq_on_syn_recv6),
	},
	/* This hook and the next three run for every segment. */
	[SYNQ_HOOK_RCV] = {
		.symbol = "tcp_rcv_established", .caller = "tcp_v4_do_rcv", .serves = "sample",
		.on_demand = true, .hot = true, SYNQ_HANDLERS(synq_on_rcv),
	},
	[SYNQ_HOOK_XMIT] = {
		.symbol = "__tcp_transmit_skb", .serves = "sample", .on_demand = true,
		.hot = true, SYNQ_HANDLERS(synq_on_xmit),
	},
	[SYNQ_HOOK_DO_RCV4] = {
		.symbol = "tcp_v4_do_rcv", .caller = "tcp_v4_rcv", .serves = "drop_state",
		.on_demand = true, .optional = true, .hot = true, SYNQ_HANDLERS(synq_on_do_rcv4),
	},
	[SYNQ_HOOK_DO_RCV6] = {
		.symbol = SYNQ_IPV6("tcp_v6_do_rcv"), .caller = "tcp_v6_rcv",
		.serves = "drop_state", .on_demand = true, .optional = true, .hot = true,
		SYNQ_HANDLERS(synq_on_do_rcv6),
	},
	[SYNQ_HOOK_TCP_DROP] = {
		.symbol = SYNQ_HAVE_TCP_DROP ? "tcp_drop" : NULL, .serves = "drop_socket",
		.on_demand = true, .optional = true, SYNQ_HANDLERS(synq_on_tcp_drop),
	},
	[SYNQ_HOOK_KFREE_SKB] = {
		.symbol = "skb:kfree_skb", .serves = "drop", .on_demand = true,
		.attach = synq_drop_attach, .detach = synq_drop_detach,
	},
	/* Takes the notes of the next two hooks: attached first, detached last. */
	[SYNQ_HOOK_SET_STATE] = {
		.symbol = "tcp_set_state", .caller = "tcp_done", .serves = "close",
		.on_demand = true, .prepare = synq_close_prepare,
		SYNQ_HANDLERS(synq_on_set_state),
	},
	[SYNQ_HOOK_TCP_RESET] = {
		.symbol = "tcp_reset", .caller = "tcp_rcv_state_process", .serves = "close_cause",
		.on_demand = true, .optional = true, SYNQ_HANDLERS(synq_on_tcp_reset),
	},
	[SYNQ_HOOK_TIME_WAIT] = {
		.symbol = "tcp_time_wait", .caller = "tcp_rcv_state_process",
		.serves = "close_cause", .on_demand = true, .optional = true,
		SYNQ_HANDLERS(synq_on_time_wait),
	},
};

static const char * const synq_via_names[] = {
	[SYNQ_VIA_NONE] = "none",
	[SYNQ_VIA_AUTO] = "auto",
	[SYNQ_VIA_FTRACE] = "ftrace",
	[SYNQ_VIA_KPROBE] = "kprobe",
	[SYNQ_VIA_JPROBE] = "jprobe",
	[SYNQ_VIA_TRACEPOINT] = "tracepoint",
};

static enum synq_via synq_via = SYNQ_VIA_AUTO;

static int synq_via_set(const char *val, const struct kernel_param *kp)
{
	int via = __sysfs_match_string(&synq_via_names[SYNQ_VIA_AUTO],
				       SYNQ_VIA_JPROBE - SYNQ_VIA_AUTO + SYNQ_HAVE_JPROBES, val);

	if (via < 0) {
		pr_err("via=%.32s: allowed are auto, ftrace, kprobe%s\n", val,
		       SYNQ_HAVE_JPROBES ? ", jprobe" : "; jprobe on kernels before 4.15");
		return -EINVAL;
	}
	synq_via = SYNQ_VIA_AUTO + via;
	return 0;
}

static int synq_via_get(char *buffer, const struct kernel_param *kp)
{
	return scnprintf(buffer, PAGE_SIZE, "%s\n", synq_via_names[synq_via]);
}

static const struct kernel_param_ops synq_via_ops = {
	.set = synq_via_set,
	.get = synq_via_get,
};
module_param_cb(via, &synq_via_ops, NULL, 0444);
MODULE_PARM_DESC(via, SYNQ_VIA_HELP);

static struct synq_uint_param synq_linger_ms = SYNQ_UINT_PARAM(LINGER_MS);
module_param_cb(linger_ms, &synq_uint_param_ops, &synq_linger_ms, 0644);
MODULE_PARM_DESC(linger_ms, SYNQ_LINGER_MS_HELP);

static unsigned long synq_linger(void)
{
	return msecs_to_jiffies(READ_ONCE(synq_linger_ms.value));
}

static struct synq_tracer synq_shared;

/* Start addresses of the functions in synq_shared. */
static unsigned long synq_shared_starts[SYNQ_HOOKS];

static void notrace synq_shared_ftrace(unsigned long ip, unsigned long parent_ip,
				       struct ftrace_ops *ops, SYNQ_FTRACE_REGS *fregs)
{
	int id;

	for (id = 0; id < SYNQ_HOOKS; id++) {
		if (ip - READ_ONCE(synq_shared_starts[id]) < SYNQ_ENTRY_SLACK) {
			synq_hooks[id].ftrace(ip, parent_ip, ops, fregs);
			break;
		}
	}
}

/**
 * synq_filter() - add a function to a filter, or remove it
 * @ops: the owner of the filter
 * @start: where the function begins
 * @remove: remove it
 *
 * Filter by address. By name, ftrace_set_filter() treats a failed allocation as
 * a match and leaves the filter empty, and an empty filter matches every function
 * (match_records(), kernel/trace/ftrace.c, 6.1).
 *
 * Older kernels find a function only by the instruction that ftrace patches,
 * which on arm64 is not the first (ftrace_call_adjust(), arch/arm64, 5.10).
 *
 * Return: 0 or -errno; -EINVAL if ftrace cannot reach it.
 */
static int synq_filter(struct ftrace_ops *ops, unsigned long start, int remove)
{
	unsigned long ip;
	int err = -EINVAL;

	for (ip = start; err == -EINVAL && ip < start + SYNQ_ENTRY_SLACK; ip += 4)
		err = ftrace_set_filter_ip(ops, ip, remove, 0);
	return err;
}

static int synq_hook_ftrace(struct synq_hook *hook)
{
	struct synq_tracer *tracer = hook->hot ? &hook->own : &synq_shared;
	struct ftrace_ops *ops = &tracer->ops;
	int err;

	if (!SYNQ_FTRACE_ARGS)
		return -EOPNOTSUPP;
	if (!tracer->functions) {
		/*
		 * Clear it each time: ftrace_free_filter() leaves pointers to freed memory
		 * (kernel/trace/ftrace.c, 6.1), which a second use would free again.
		 */
		memset(ops, 0, sizeof(*ops));
		ops->func = hook->hot ? hook->ftrace : synq_shared_ftrace;
		ops->flags = SYNQ_FTRACE_FLAGS | SYNQ_FTRACE_GUARD | SYNQ_FTRACE_PERMANENT;
	}
	/* Set the address before the filter: ftrace may call the hook at once. */
	if (!hook->hot)
		WRITE_ONCE(synq_shared_starts[hook - synq_hooks], hook->start);
	err = synq_filter(ops, hook->start, 0);
	if (err)
		return err;
	if (!tracer->functions) {
		err = register_ftrace_function(ops);
		if (err) {
			synq_ftrace_free_filter(ops);
			return err;
		}
	}
	tracer->functions++;
	return 0;
}

/* Return: 0, or -ENODEV if ftrace has shut itself down and changes nothing any more. */
static int synq_tracer_stop(struct synq_tracer *tracer)
{
	int err;

	if (!tracer->functions)
		return 0;
	err = unregister_ftrace_function(&tracer->ops);
	if (err)
		return err;
	synq_ftrace_free_filter(&tracer->ops);
	tracer->functions = 0;
	return 0;
}

static int synq_hook_unftrace(struct synq_hook *hook)
{
	struct synq_tracer *tracer = hook->hot ? &hook->own : &synq_shared;
	int err;

	/* Do not remove the last function: an empty filter matches every function. */
	if (tracer->functions == 1)
		return synq_tracer_stop(tracer);
	err = synq_filter(&tracer->ops, hook->start, 1);
	if (!err)
		tracer->functions--;
	return err;
}

static int synq_hook_function(struct synq_hook *hook)
{
	bool jprobe = synq_via == SYNQ_VIA_JPROBE;
	int err;

	if (synq_via == SYNQ_VIA_AUTO || synq_via == SYNQ_VIA_FTRACE) {
		err = synq_hook_ftrace(hook);
		if (!err)
			hook->via = SYNQ_VIA_FTRACE;
		/*
		 * Do not try a kprobe after these errors: where ftrace works, a kprobe uses
		 * it too, and a brief lack of memory must not make counts worse for good.
		 */
		if (!err || synq_via == SYNQ_VIA_FTRACE || err == -EBUSY || err == -ENOMEM)
			return err;
	}
	memset(&hook->jp, 0, sizeof(hook->jp));
	hook->jp.kp.symbol_name = hook->symbol;
	if (jprobe)
		hook->jp.entry = hook->jprobe;
	else
		hook->jp.kp.pre_handler = hook->kprobe;
	err = jprobe ? synq_register_jprobe(&hook->jp) : register_kprobe(&hook->jp.kp);
	if (!err)
		hook->via = jprobe ? SYNQ_VIA_JPROBE : SYNQ_VIA_KPROBE;
	return err;
}

/*
 * A kprobe at a function's entry uses ftrace. If ftrace does not release it, it
 * stays in the kernel's table, and unregister_kprobes() only sets its address to
 * NULL (kernel/kprobes.c, 6.1).
 */
static int synq_kprobe_stuck(const struct kprobe *kp)
{
	return kp->addr ? 0 : -ENODEV;
}

/* Return: 0, or -errno if it is still attached. */
static int synq_hook_detach(struct synq_hook *hook)
{
	int err = 0;

	switch (hook->via) {
	case SYNQ_VIA_FTRACE:
		err = synq_hook_unftrace(hook);
		break;
	case SYNQ_VIA_KPROBE:
	case SYNQ_VIA_JPROBE:
		if (hook->via == SYNQ_VIA_KPROBE)
			unregister_kprobe(&hook->jp.kp);
		else
			synq_unregister_jprobe(&hook->jp);
		err = synq_kprobe_stuck(&hook->jp.kp);
		break;
	case SYNQ_VIA_TRACEPOINT:
		hook->detach();
		tracepoint_synchronize_unregister();
		break;
	case SYNQ_VIA_NONE:
	case SYNQ_VIA_AUTO:
		break;
	}
	if (!err)
		hook->via = SYNQ_VIA_NONE;
	return err;
}

/*
 * Return whether the function's code is unpatched. While all kprobes are disabled
 * the kernel silently accepts one (__register_kprobe(), kernel/kprobes.c, 6.1).
 * A patch by ftrace, for a kprobe too, is in the function's entry.
 */
static bool synq_hook_unarmed(const struct synq_hook *hook)
{
	const struct kprobe *kp = &hook->jp.kp;

	if (hook->via == SYNQ_VIA_FTRACE || (kp->flags & KPROBE_FLAG_FTRACE))
		return synq_symbol_unpatched(hook->start);
	return *kp->addr == kp->opcode;
}

static int synq_hook_attach(struct synq_hook *hook)
{
	int err;

	if (hook->attach) {
		err = hook->attach();
		if (!err)
			hook->via = SYNQ_VIA_TRACEPOINT;
		return err;
	}
	if (hook->inlined || !hook->start)
		return -ENOENT;
	if (hook->prepare)
		hook->prepare();
	err = synq_hook_function(hook);
	if (!err && synq_hook_unarmed(hook))
		err = synq_hook_detach(hook) ?: -EBUSY;
	return err;
}

/* Choose what to hook on this kernel. Return: 0, or -ENOENT if no hook would do. */
static int synq_hooks_choose(void)
{
	bool nested = synq_symbol_calls("inet_csk_reqsk_queue_drop", "__inet_csk_reqsk_queue_drop");
	const char *migrate = synq_hooks[SYNQ_HOOK_MIGRATE].symbol;

	/* Hook the inner function if the outer one calls it, else (it is inlined) the outer one. */
	synq_hooks[nested ? SYNQ_HOOK_REMOVE : SYNQ_HOOK_REMOVE_TOLD].symbol = NULL;
	/* 4.18 and stable kernels of its time gave this function its underscores. */
	if (synq_symbol_missing(synq_hooks[SYNQ_HOOK_XMIT].symbol))
		synq_hooks[SYNQ_HOOK_XMIT].symbol = "tcp_transmit_skb";
	if (SYNQ_HAVE_MOVES)
		return 0;
	if (!synq_symbol_missing(migrate)) {
		pr_err("%s: before Linux 5.14 the module cannot follow half-opens that move to another listener, and the count would be wrong\n",
		       migrate);
		return -ENOENT;
	}
	synq_hooks[SYNQ_HOOK_MIGRATE].symbol = NULL;
	return 0;
}

/**
 * synq_hooks_find() - look up the functions to hook, now or on demand
 *
 * A function may exist and yet not be called where expected: clang inlines
 * tcp_req_err() into tcp_v4_err() (6.1, clang 16). gcc and clang with LTO may
 * inline any function.
 *
 * Return: 0, also if a function is missing, which attaching reports; or -errno,
 * with a line in the kernel log.
 */
int synq_hooks_find(void)
{
	int id, err = synq_hooks_choose();

	for (id = 0; id < SYNQ_HOOKS && !err; id++) {
		struct synq_hook *hook = &synq_hooks[id];

		if (!hook->symbol || hook->attach)
			continue;
		hook->start = synq_symbol_range(hook->symbol).start;
		hook->inlined = hook->start && hook->caller &&
				!synq_symbol_missing(hook->caller) &&
				!synq_symbol_calls(hook->caller, hook->symbol) &&
				!(hook->instead && !synq_symbol_missing(hook->instead) &&
				  synq_symbol_calls(hook->caller, hook->instead));
		/* Attaching reports the others. */
		hook->failed = hook->on_demand && (!hook->start || hook->inlined);
		err = synq_symbols_error();
		if (err)
			break;
		if (hook->inlined && hook->required) {
			pr_err("%s: the compiler inlined it, so no hook sees its calls and the count would be wrong\n",
			       hook->symbol);
			err = -ENOENT;
		} else if (hook->inlined) {
			pr_warn("%s: the compiler inlined it into %s, so no hook sees its calls; continuing without %s\n",
				hook->symbol, hook->caller, hook->serves);
		} else if (hook->failed) {
			pr_warn("%s: cannot be found (%d); continuing without %s\n",
				hook->symbol, -ENOENT, hook->serves);
		}
	}
	return err;
}

int synq_hooks_attach(void)
{
	struct synq_hook *hook;
	int err;

	for (hook = synq_hooks; hook < synq_hooks + SYNQ_HOOKS; hook++) {
		/* From here on no CPU misses the end of a half-open that it begins: life.h. */
		if (hook == &synq_hooks[SYNQ_HOOK_SEND_SYNACK4])
			synchronize_rcu();
		if (hook->on_demand || hook->inlined || !hook->symbol)
			continue;
		err = synq_hook_attach(hook);
		if (!err)
			continue;
		if (err == -EBUSY)
			pr_err("%s: cannot attach while kernel.ftrace_enabled=0%s; set it to 1\n",
			       hook->symbol, synq_via == SYNQ_VIA_AUTO || synq_via == SYNQ_VIA_FTRACE ?
			       "" : ", or kprobes/enabled in debugfs is 0");
		else if (hook->required || err == -ENOMEM)
			pr_err("%s: cannot attach (%d), and without it the %s would be wrong\n",
			       hook->symbol, err, hook->serves);
		else if (!hook->backed)
			pr_warn("%s: cannot attach (%d); continuing without %s\n",
				hook->symbol, err, hook->serves);
		if (hook->required || err == -EBUSY || err == -ENOMEM) {
			synq_hooks_detach();
			return err;
		}
	}
	/* By now the hash has all half-opens that no hook has seen begin: initial.c. */
	synchronize_rcu();
	return 0;
}

/* Unlock after each hook, for taps that want one: detaching may wait seconds for RCU. */
static void synq_hooks_linger(struct work_struct *work)
{
	int id, err = 0;

	for (id = SYNQ_HOOKS - 1; id >= 0; id--) {
		mutex_lock(&synq_hooks_lock);
		if (synq_hooks[id].on_demand && !synq_hooks[id].users)
			err = synq_hook_detach(&synq_hooks[id]) ?: err;
		mutex_unlock(&synq_hooks_lock);
	}
	if (err == -ENOMEM)
		queue_delayed_work(system_long_wq, to_delayed_work(work),
				   max_t(unsigned long, synq_linger(), HZ));
}

static DECLARE_DELAYED_WORK(synq_hooks_lingering, synq_hooks_linger);

/**
 * synq_hooks_get() - add a user to each hook
 * @wanted: a set of BIT(enum synq_hook_id), of hooks on demand
 * @got: set to the hooks that got a user, for synq_hooks_put(): fewer than
 *	@wanted if an optional hook cannot be attached
 *
 * Return: 0 or -errno; -EINTR if killed while another task detaches hooks.
 */
int synq_hooks_get(unsigned long wanted, unsigned long *got)
{
	int id, err = 0;

	*got = 0;
	if (!wanted)
		return 0;
	if (mutex_lock_killable(&synq_hooks_lock))
		return -EINTR;
	for_each_set_bit(id, &wanted, SYNQ_HOOKS) {
		struct synq_hook *hook = &synq_hooks[id];

		if (!hook->symbol)
			continue;
		err = hook->via == SYNQ_VIA_NONE ? synq_hook_attach(hook) : 0;
		if (err == -ENOMEM)
			break;
		hook->failed = err;
		if (!err) {
			hook->users++;
			*got |= BIT(id);
			continue;
		}
		if (!hook->inlined)
			pr_warn_ratelimited("%s: cannot attach (%d); continuing without %s\n",
					    hook->symbol, err, hook->serves);
		if (!hook->optional)
			break;
		err = 0;
	}
	mutex_unlock(&synq_hooks_lock);
	if (err) {
		synq_hooks_put(*got);
		*got = 0;
	}
	return err;
}

void synq_hooks_put(unsigned long hooks)
{
	int id;

	if (!hooks)
		return;
	mutex_lock(&synq_hooks_lock);
	for_each_set_bit(id, &hooks, SYNQ_HOOKS)
		synq_hooks[id].users--;
	mutex_unlock(&synq_hooks_lock);
	mod_delayed_work(system_long_wq, &synq_hooks_lingering, synq_linger());
}

/*
 * Never return. After an internal fault ftrace detaches nothing any more
 * (ftrace_kill(), kernel/trace/ftrace.c, 6.1), and still calls the hooks. Neither
 * an exit nor a failing init can keep the module loaded, but the kernel frees its
 * memory only after they return.
 */
static void synq_hooks_stay(int err)
{
	pr_crit("ftrace has shut itself down and keeps the hooks (%d): the module stays, and the command that unloads or loads it waits; restart this machine\n",
		err);
	for (;;)
		synq_sleep_freezable();
}

/* Detach all hooks. Once this returns, no CPU runs a handler. */
void synq_hooks_detach(void)
{
	struct kprobe *kps[SYNQ_HOOKS];
	int id, n = 0, err;

	cancel_delayed_work_sync(&synq_hooks_lingering);
	/* Detach all at once: one by one, each would need memory or wait for RCU. */
	err = synq_tracer_stop(&synq_shared);
	for (id = SYNQ_HOOKS - 1; id >= 0; id--) {
		struct synq_hook *hook = &synq_hooks[id];

		if (hook->via == SYNQ_VIA_KPROBE)
			kps[n++] = &hook->jp.kp;
		else if (hook->via != SYNQ_VIA_FTRACE || hook->hot)
			err = synq_hook_detach(hook) ?: err;
		hook->via = SYNQ_VIA_NONE;
	}
	unregister_kprobes(kps, n);
	while (n--)
		err = synq_kprobe_stuck(kps[n]) ?: err;
	if (err)
		synq_hooks_stay(err);
	synchronize_rcu();
}

bool synq_hook_attached(enum synq_hook_id id)
{
	return synq_hooks[id].via != SYNQ_VIA_NONE;
}

/*
 * Return the calls that the kernel says a hook did not see. ftrace counts none.
 * If another tool's callback shares the function, ftrace skips calls made within
 * a callback of the same context, but no callback calls these functions.
 */
static u64 synq_hook_missed(const struct synq_hook *hook)
{
	return hook->via == SYNQ_VIA_KPROBE || hook->via == SYNQ_VIA_JPROBE ?
	       hook->jp.kp.nmissed : 0;
}

/* Return the calls that the hooks of the counters did not see. */
u64 synq_hooks_missed(void)
{
	u64 missed = 0;
	int id;

	for (id = 0; id < SYNQ_HOOKS; id++)
		if (!synq_hooks[id].on_demand)
			missed += synq_hook_missed(&synq_hooks[id]);
	return missed;
}

/* Hits are of the whole host: print them only if @host. */
void synq_hooks_show(struct seq_file *seq, bool host)
{
	int id, cpu;

	mutex_lock(&synq_hooks_lock);
	for (id = 0; id < SYNQ_HOOKS; id++) {
		const struct synq_hook *hook = &synq_hooks[id];
		bool idle = hook->on_demand && hook->via == SYNQ_VIA_NONE && !hook->failed;
		u64 hits = 0;

		if (!hook->symbol)
			continue;
		for_each_possible_cpu(cpu)
			hits += READ_ONCE(per_cpu(synq_hits, cpu)[id]);
		seq_printf(seq, "hook %s %s ", hook->symbol,
			   idle ? "idle" : synq_via_names[hook->via]);
		if (host)
			seq_printf(seq, "%llu", hits);
		else
			seq_putc(seq, '-');
		seq_printf(seq, " %llu %s\n", synq_hook_missed(hook), hook->serves);
	}
	mutex_unlock(&synq_hooks_lock);
}

/* Print a "why" line for each reason the hooks give to doubt the figures. */
bool synq_hooks_exact(struct seq_file *seq)
{
	bool exact = true, silenced = false;
	int id;

	for (id = 0; id < SYNQ_HOOKS; id++) {
		const struct synq_hook *hook = &synq_hooks[id];

		if (hook->on_demand || !hook->symbol ||
		    (hook->via == SYNQ_VIA_NONE && hook->backed))
			continue;
		if (hook->via == SYNQ_VIA_NONE) {
			seq_printf(seq, "why %s is not attached: %s is not counted separately\n",
				   hook->symbol, hook->serves);
			exact = false;
		} else if (hook->via != SYNQ_VIA_FTRACE) {
			seq_printf(seq, "why %s is a %s, skipped while another kprobe's handler runs: %s may be short\n",
				   hook->symbol, synq_via_names[hook->via], hook->serves);
			exact = false;
		} else {
			silenced |= !SYNQ_FTRACE_PERMANENT;
		}
	}
	if (silenced) {
		seq_puts(seq, "why kernel.ftrace_enabled=0 silently disables the hooks on this kernel: all counts are short if it was 0 at any time since load\n");
		exact = false;
	}
	return exact;
}
