// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNs: how the kernel answers each that reaches tcp_conn_request()
 * (net/ipv4/tcp_input.c, 4.14 to 7.3).
 *
 * The kernel sends a SYN-ACK, and halfopen.c counts it as added, as a cookie or as a
 * Fast Open child. Or it refuses the SYN, which calls no function of its own:
 *  - for a full SYN queue without cookies: TCPREQQFULLDROP counts just that;
 *  - by the three-quarters rule without cookies: LISTENDROPS counts it, with all other
 *    refusals. The kernel calls tcp_peer_is_proven() only if the rule applies;
 *  - for a full accept queue: LISTENOVERFLOWS and LISTENDROPS count it, with final
 *    ACKs refused for the same reason;
 *  - for another reason: no memory, no route, or a security module. LISTENDROPS;
 *  - because another CPU has queued a copy of it: no counter (6.1.192, 6.10).
 *
 * So the hook of tcp_conn_request() stores these counters: a question. The hook of
 * ->send_synack() ends it. If it is still open when the kernel has finished with the
 * SYN, the kernel refused the SYN, and the counters tell why. The next SYN of this
 * CPU, the end of a request that was not queued, or a reader sees that. One CPU
 * answers one SYN at a time, with bottom halves off.
 */
#include <linux/interrupt.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "hooks.h"
#include "queue.h"
#include "record.h"
#include "syn.h"

DEFINE_PER_CPU(struct synq_cpu *, synq_asked);

/**
 * struct synq_syn_saved - the latest SYN of a CPU, if a tap asks for records
 * @syn: its record, complete but for the answer
 * @mark: its fwmark
 * @tasklet: settles the question, after the packets that the CPU is handling
 */
struct synq_syn_saved {
	struct synq_syn		syn;
	u32			mark;
	struct tasklet_struct	tasklet;
};

static struct synq_syn_saved __percpu *synq_syns;

#define synq_mib_this_cpu(mib, field)	this_cpu_read((mib)->mibs[field])

/* Count the SYN that this CPU has refused. The kernel has finished with it. */
static noinline void notrace synq_syn_settle(struct synq_cpu *c)
{
	const struct synq_question *q = &c->question;
	struct linux_mib __percpu *mib;
	enum synq_counter reason;
	u64 overflows;

	if (!c->net) {
		synq_syn_answered();
		return;
	}
	mib = c->net->mib.net_statistics;
	overflows = synq_mib_this_cpu(mib, LINUX_MIB_LISTENOVERFLOWS);
	reason = synq_refusal(q, q->flags, synq_mib_this_cpu(mib, LINUX_MIB_TCPREQQFULLDROP),
			      overflows, synq_mib_this_cpu(mib, LINUX_MIB_LISTENDROPS));
	/* The accept queue may have become full, or not full any more, before the kernel looked. */
	if (reason == SYNQ_COUNTERS)
		reason = q->flags & SYNQ_QUESTION_PEER ? SYNQ_QUEUE_FULL :
			 overflows != q->overflows ? SYNQ_ACCEPT_FULL : SYNQ_REFUSED_OTHER;
	raw_write_seqcount_begin(&c->seq);
	WRITE_ONCE(c->n[reason], c->n[reason] + 1);
	synq_syn_answered();
	raw_write_seqcount_end(&c->seq);
	if (q->flags & SYNQ_QUESTION_SAVED)
		synq_syn_write(synq_net_hook(c->net), NULL, reason);
}

/* The packets that this CPU was handling are done: no SYN is being answered. */
static void synq_syn_tasklet(unsigned long unused)
{
	struct synq_cpu *c;

	/* On PREEMPT_RT a tasklet may be preempted; hooks may not. */
	preempt_disable_notrace();
	c = this_cpu_read(synq_asked);
	if (c)
		synq_syn_settle(c);
	preempt_enable_notrace();
}

static __always_inline void synq_syn_ask(struct synq_cpu *c, const struct sock *sk)
{
	struct linux_mib __percpu *mib = sock_net(sk)->mib.net_statistics;

	raw_write_seqcount_begin(&c->seq);
	c->question.queue_full = synq_mib_this_cpu(mib, LINUX_MIB_TCPREQQFULLDROP);
	c->question.overflows = synq_mib_this_cpu(mib, LINUX_MIB_LISTENOVERFLOWS);
	c->question.drops = synq_mib_this_cpu(mib, LINUX_MIB_LISTENDROPS);
	c->question.flags = sk_acceptq_is_full(sk) ? SYNQ_QUESTION_FULL : 0;
	this_cpu_write(synq_asked, c);
	raw_write_seqcount_end(&c->seq);
}

/* ---- Records ---- */

/* Return the letter of a TCP option, as p0f's. */
static char synq_option_letter(u8 kind)
{
	switch (kind) {
	case TCPOPT_EOL:
		return 'E';
	case TCPOPT_NOP:
		return 'N';
	case TCPOPT_MSS:
		return 'M';
	case TCPOPT_WINDOW:
		return 'W';
	case TCPOPT_SACK_PERM:
		return 'S';
	case TCPOPT_SACK:
		return 'K';
	case TCPOPT_TIMESTAMP:
		return 'T';
	case 30:	/* Multipath TCP, RFC 8684 */
		return 'P';
	case TCPOPT_FASTOPEN:
		return 'F';
	default:
		return '?';
	}
}

/* Read the options of a SYN: at most 40 bytes, each option at least one. */
static notrace void synq_print_options(struct synq_print *print, const struct tcphdr *th)
{
	const u8 *at = (const u8 *)(th + 1), *end = (const u8 *)th + th->doff * 4;
	unsigned int n = 0;

	while (at < end && n < SYNQ_PRINT_OPTIONS) {
		bool single = *at == TCPOPT_NOP || *at == TCPOPT_EOL;
		unsigned int size = single ? 1 : end - at > 1 ? at[1] : 0;

		if (!size || (!single && size < 2) || size > end - at) {
			print->options[n++] = '!';
			break;
		}
		if (*at == TCPOPT_MSS && size == TCPOLEN_MSS)
			print->mss = at[2] << 8 | at[3];
		if (*at == TCPOPT_WINDOW && size == TCPOLEN_WINDOW)
			print->wscale = at[2];
		print->options[n++] = synq_option_letter(*at);
		if (*at == TCPOPT_EOL)
			break;
		at += size;
	}
	print->options[n] = '\0';
}

static notrace void synq_print_take(struct synq_print *print, const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	print->win = ntohs(th->window);
	print->length = skb->len + skb_network_header_len(skb);
	print->mss = 0;
	print->wscale = SYNQ_PRINT_NONE;
	print->ipv6 = skb->protocol != htons(ETH_P_IP);
	if (print->ipv6) {
		print->ttl = ipv6_hdr(skb)->hop_limit;
		print->id = 0;
	} else {
		print->ttl = ip_hdr(skb)->ttl;
		print->id = ntohs(ip_hdr(skb)->id);
	}
	synq_print_options(print, th);
}

static notrace void synq_syn_ends(struct synq_record *r, const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IP)) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &r->local);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &r->remote);
	} else {
		r->local = ipv6_hdr(skb)->daddr;
		r->remote = ipv6_hdr(skb)->saddr;
	}
	r->local_port = ntohs(th->dest);
	r->remote_port = ntohs(th->source);
}

static __always_inline void synq_syn_queues(struct synq_syn *syn, const struct sock *sk)
{
	syn->r.kind = SYNQ_RECORD_SYN;
	syn->qlen = reqsk_queue_len(&inet_csk(sk)->icsk_accept_queue);
	syn->limit = synq_listener_holds(sk);
	syn->accept_qlen = READ_ONCE(sk->sk_ack_backlog);
	syn->backlog = READ_ONCE(sk->sk_max_ack_backlog);
}

/* Save the fields of the SYN's record. */
static noinline void notrace synq_syn_save(struct synq_cpu *c, const struct sock *sk,
					   struct sk_buff *skb)
{
	struct synq_syn_saved *saved = this_cpu_ptr(synq_syns);
	struct synq_syn *syn = &saved->syn;

	synq_syn_queues(syn, sk);
	synq_syn_ends(&syn->r, skb);
	synq_print_take(&syn->print, skb);
	saved->mark = inet_request_mark(sk, skb);
	c->question.flags |= SYNQ_QUESTION_SAVED;
}

/* Return the SYN that is saved on this CPU, if it has these endpoints; or NULL. */
static notrace struct synq_syn_saved *synq_syn_saved_of(const struct synq_net *sn,
							const struct synq_record *r)
{
	struct synq_question *q = &this_cpu_ptr(READ_ONCE(sn->cpu))->question;
	struct synq_syn_saved *saved = this_cpu_ptr(synq_syns);
	const struct synq_record *own = &saved->syn.r;

	if (!(q->flags & SYNQ_QUESTION_SAVED) ||
	    (r && (own->remote_port != r->remote_port || own->local_port != r->local_port ||
		   !ipv6_addr_equal(&own->remote, &r->remote) ||
		   !ipv6_addr_equal(&own->local, &r->local))))
		return NULL;
	q->flags &= ~SYNQ_QUESTION_SAVED;
	return saved;
}

/**
 * synq_syn_write() - write the record of this CPU's SYN
 * @sn: its namespace
 * @req: its request; NULL: the kernel refused it
 * @answer: the counter of the answer
 */
noinline void notrace synq_syn_write(struct synq_net *sn, const struct request_sock *req,
				     enum synq_counter answer)
{
	struct synq_syn_saved *saved;
	struct synq_record r;

	if (req)
		synq_event_ends(&r, req);
	saved = synq_syn_saved_of(sn, req ? &r : NULL);
	if (!saved)
		return;
	saved->syn.answer = answer;
	synq_feeds_write(sn, SYNQ_KIND_SYN, &saved->syn.r, saved->mark);
}

/* Copy the fingerprint of the SYN that this CPU is adding to the queue; @r: its endpoints. */
notrace void synq_print_copy(const struct synq_net *sn, const struct synq_record *r,
			     struct synq_print *print)
{
	const struct synq_syn_saved *saved = synq_syn_saved_of(sn, r);

	if (saved)
		*print = saved->syn.print;
	else
		print->wscale = SYNQ_PRINT_NONE;
}

/* Record that a final ACK brought a cookie back. */
static noinline void notrace synq_cookie_returned(const struct sock *sk,
						  const struct request_sock *req)
{
	const struct synq_net *sn = synq_net_hook(sock_net(sk));
	struct synq_syn syn = {
		.answer = SYNQ_COOKIES_OK,
		.print.wscale = SYNQ_PRINT_NONE,
	};

	/* A segment that waited while a process held its socket runs with preemption on. */
	preempt_disable_notrace();
	if (READ_ONCE(sn->watch) & BIT(SYNQ_WATCH_SYNS)) {
		synq_syn_queues(&syn, sk);
		synq_event_ends(&syn.r, req);
		synq_feeds_write(sn, SYNQ_KIND_SYN, &syn.r, inet_rsk(req)->ir_mark);
	}
	preempt_enable_notrace();
}

/* ---- Hooks ---- */

static noinline void notrace synq_conn_request_slow(struct synq_cpu *asked, const struct sock *sk,
						    struct sk_buff *skb)
{
	struct synq_net *sn = synq_net_hook(sock_net(sk));
	struct synq_cpu *c = this_cpu_ptr(READ_ONCE(sn->cpu));

	if (asked)
		synq_syn_settle(asked);
	synq_syn_ask(c, sk);
	if (READ_ONCE(sn->watch) & BIT(SYNQ_WATCH_PRINTS))
		synq_syn_save(c, sk, skb);
	/* Settle the question soon, if this is the last SYN for now. */
	if (READ_ONCE(sn->watch) & BIT(SYNQ_WATCH_SYNS))
		tasklet_schedule(&this_cpu_ptr(synq_syns)->tasklet);
}

/* tcp_conn_request(rsk_ops, af_ops, sk, skb) */
static __always_inline void synq_on_conn_request(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[2];
	struct synq_cpu *asked = this_cpu_read(synq_asked);
	const struct synq_net *sn = synq_net_hook(sock_net(sk));

	if (unlikely(asked || READ_ONCE(sn->watch) & BIT(SYNQ_WATCH_PRINTS)))
		synq_conn_request_slow(asked, sk, (void *)call->arg[3]);
	else
		synq_syn_ask(this_cpu_ptr(READ_ONCE(sn->cpu)), sk);
}

/* tcp_peer_is_proven(req, dst): the three-quarters rule applies to this SYN. */
static __always_inline void synq_on_peer_proven(const struct synq_call *call)
{
	struct synq_cpu *c = this_cpu_read(synq_asked);

	if (!c)
		return;
	c->question.flags |= SYNQ_QUESTION_PEER;
	/* Before LISTENDROPS: pairs with synq_refusals_read(). */
	smp_wmb();
}

/* tcp_v4_syn_recv_sock(sk, skb, req, …): the request of a cookie has no listener. */
static __always_inline void synq_on_syn_recv4(const struct synq_call *call)
{
	const struct request_sock *req = (const void *)call->arg[2];

	if (unlikely(!req->rsk_listener))
		synq_cookie_returned((const void *)call->arg[0], req);
}

/* tcp_v6_syn_recv_sock(sk, skb, req, …): passes an IPv4 segment to tcp_v4_syn_recv_sock(). */
static __always_inline void synq_on_syn_recv6(const struct synq_call *call)
{
	const struct sk_buff *skb = (const void *)call->arg[1];

	if (skb->protocol != htons(ETH_P_IP))
		synq_on_syn_recv4(call);
}

SYNQ_DEFINE_HOOK(synq_on_syn_recv4, SYNQ_HOOK_SYN_RECV4)
SYNQ_DEFINE_HOOK(synq_on_syn_recv6, SYNQ_HOOK_SYN_RECV6)
SYNQ_DEFINE_HOOK(synq_on_conn_request, SYNQ_HOOK_CONN_REQUEST)
SYNQ_DEFINE_HOOK(synq_on_peer_proven, SYNQ_HOOK_PEER_PROVEN)

/* ---- Init and exit ---- */

int synq_syns_init(void)
{
	int cpu;

	synq_syns = alloc_percpu(struct synq_syn_saved);
	if (!synq_syns)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		tasklet_init(&per_cpu_ptr(synq_syns, cpu)->tasklet, synq_syn_tasklet, 0);
	return 0;
}

/* Called once no hook runs. */
void synq_syns_uninit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(synq_syns, cpu)->tasklet);
	free_percpu(synq_syns);
}
