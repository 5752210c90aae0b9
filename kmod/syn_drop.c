// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refused SYNs, which never became half-open, where the kernel's own counters
 * do not distinguish them.
 *
 * tcp_conn_request() (net/ipv4/tcp_input.c) refuses a SYN
 *  - for a full SYN queue without cookies: TCPREQQFULLDROP counts just that;
 *  - for a full accept queue: LISTENOVERFLOWS also counts final ACKs refused
 *    for the same reason, so the module counts those and subtracts them;
 *  - by the three-quarters rule without cookies: only LISTENDROPS counts it,
 *    with everything else, so the module watches the rule's own check.
 */
#include <net/tcp.h>

#include "hooks.h"
#include "syn_drop.h"

static __always_inline struct synq_cpu *synq_this_cpu(const struct net *net)
{
	return this_cpu_ptr(READ_ONCE(synq_net_hook(net)->cpu));
}

/*
 * A hook sees that the kernel begins a check, not its result. The check runs on
 * one CPU with bottom halves off. Then the kernel either reaches another hook, or
 * increments a counter of that CPU before any other packet can. So if the counter
 * has moved since and the other hook was not reached, the check failed.
 */
static __always_inline void synq_check_begin(struct synq_cpu *c, struct synq_check *check,
				     u64 mib_now)
{
	raw_write_seqcount_begin(&c->seq);
	if (check->open && check->mib_then != mib_now)
		check->failed++;
	check->open = true;
	check->mib_then = mib_now;
	raw_write_seqcount_end(&c->seq);
}

/* ---- Final ACKs refused for a full accept queue ----
 *
 * ->syn_recv_sock() first checks the accept queue. If that is full, it counts
 * LISTENOVERFLOWS and gives up; else it calls tcp_create_openreq_child(), unless
 * it finds no route over IPv6, which leaves the check open.
 */
static bool synq_acks_watched __read_mostly;

/* If one of the hooks is missing, accept_full is all of LISTENOVERFLOWS. */
void synq_syn_drop_init(void)
{
	synq_acks_watched = synq_hook_attached(SYNQ_HOOK_SYN_RECV4) &&
			    synq_hook_attached(SYNQ_HOOK_CREATE_CHILD) &&
			    (!IS_ENABLED(CONFIG_IPV6) || synq_hook_attached(SYNQ_HOOK_SYN_RECV6));
}

static __always_inline void synq_on_syn_recv(struct net *net)
{
	struct synq_cpu *c = synq_this_cpu(net);

	if (unlikely(!synq_acks_watched))
		return;
	synq_check_begin(c, &c->ack,
		 synq_mib_read(net, smp_processor_id(), SYNQ_MIB_LISTEN_OVERFLOWS));
}

/* tcp_v4_syn_recv_sock(sk, skb, req, …) */
static __always_inline void synq_on_syn_recv4(const struct synq_call *call)
{
	synq_on_syn_recv(sock_net((const struct sock *)call->arg[0]));
}

/* tcp_v6_syn_recv_sock(sk, skb, req, …): passes an IPv4 segment to tcp_v4_syn_recv_sock(). */
static __always_inline void synq_on_syn_recv6(const struct synq_call *call)
{
	const struct sk_buff *skb = (const void *)call->arg[1];

	if (skb->protocol != htons(ETH_P_IP))
		synq_on_syn_recv(sock_net((const struct sock *)call->arg[0]));
}

/* tcp_create_openreq_child(sk, req, skb) */
static __always_inline void synq_on_create_child(const struct synq_call *call)
{
	struct net *net = sock_net((const struct sock *)call->arg[0]);
	struct synq_cpu *c = synq_this_cpu(net);

	synq_check_end(c, &c->ack);
}

SYNQ_DEFINE_HOOK(synq_on_syn_recv4, SYNQ_HOOK_SYN_RECV4)
SYNQ_DEFINE_HOOK(synq_on_syn_recv6, SYNQ_HOOK_SYN_RECV6)
SYNQ_DEFINE_HOOK(synq_on_create_child, SYNQ_HOOK_CREATE_CHILD)

/* ---- The three-quarters rule ----
 *
 * The kernel calls tcp_peer_is_proven(req, dst) only if the rule applies. If it
 * returns false, the kernel refuses the SYN and counts LISTENDROPS. Else it calls
 * ->send_synack(), whose hook ends the check (halfopen.c).
 */
static __always_inline void synq_on_peer_proven(const struct synq_call *call)
{
	const struct request_sock *req = (const void *)call->arg[0];
	struct net *net = read_pnet(&inet_rsk(req)->ireq_net);
	struct synq_cpu *c = synq_this_cpu(net);

	synq_check_begin(c, &c->peer,
		 synq_mib_read(net, smp_processor_id(), SYNQ_MIB_LISTEN_DROPS));
}

SYNQ_DEFINE_HOOK(synq_on_peer_proven, SYNQ_HOOK_PEER_PROVEN)
