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
 *  - because another CPU has queued a copy of it: since 6.18 no counter.
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

#define synq_mib_this_cpu(net, field)	this_cpu_read((net)->mib.net_statistics->mibs[field])

/* Count the SYN that this CPU has refused. The kernel has finished with it. */
static noinline void notrace synq_syn_settle(struct synq_cpu *c)
{
	enum synq_counter reason;

	if (!c->net) {
		synq_syn_answered();
		return;
	}
	reason = synq_refusal(&c->question,
			      synq_mib_this_cpu(c->net, LINUX_MIB_TCPREQQFULLDROP),
			      synq_mib_this_cpu(c->net, LINUX_MIB_LISTENOVERFLOWS),
			      synq_mib_this_cpu(c->net, LINUX_MIB_LISTENDROPS));
	if (reason == SYNQ_COUNTERS)
		reason = SYNQ_REFUSED_OTHER;
	raw_write_seqcount_begin(&c->seq);
	WRITE_ONCE(c->n[reason], c->n[reason] + 1);
	synq_syn_answered();
	raw_write_seqcount_end(&c->seq);
	if (c->question.flags & SYNQ_QUESTION_SAVED)
		synq_syn_write(synq_net_hook(c->net), reason);
}

/* The packets that this CPU was handling are done: no SYN is being answered. */
static void synq_syn_tasklet(unsigned long unused)
{
	struct synq_cpu *c = this_cpu_read(synq_asked);

	if (c)
		synq_syn_settle(c);
}

static __always_inline void synq_syn_ask(struct synq_cpu *c, const struct net *net)
{
	raw_write_seqcount_begin(&c->seq);
	c->question.queue_full = synq_mib_this_cpu(net, LINUX_MIB_TCPREQQFULLDROP);
	c->question.overflows = synq_mib_this_cpu(net, LINUX_MIB_LISTENOVERFLOWS);
	c->question.drops = synq_mib_this_cpu(net, LINUX_MIB_LISTENDROPS);
	c->question.flags = 0;
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

/* Save the fields of the SYN's record, and settle its question soon. */
static noinline void notrace synq_syn_save(struct synq_cpu *c, const struct sock *sk,
					   struct sk_buff *skb)
{
	struct synq_syn_saved *saved = this_cpu_ptr(synq_syns);
	struct synq_syn *syn = &saved->syn;

	syn->r.kind = SYNQ_RECORD_SYN;
	synq_syn_ends(&syn->r, skb);
	synq_print_take(&syn->print, skb);
	syn->qlen = reqsk_queue_len(&inet_csk(sk)->icsk_accept_queue);
	syn->limit = synq_listener_holds(sk);
	syn->accept_qlen = READ_ONCE(sk->sk_ack_backlog);
	syn->backlog = READ_ONCE(sk->sk_max_ack_backlog);
	saved->mark = inet_request_mark(sk, skb);
	c->question.flags |= SYNQ_QUESTION_SAVED;
	tasklet_schedule(&saved->tasklet);
}

/* Write the record of this CPU's SYN, which the kernel has answered with @answer. */
noinline void notrace synq_syn_write(struct synq_net *sn, enum synq_counter answer)
{
	struct synq_syn_saved *saved = this_cpu_ptr(synq_syns);
	struct synq_feed *feed;

	if (!(this_cpu_ptr(READ_ONCE(sn->cpu))->question.flags & SYNQ_QUESTION_SAVED))
		return;
	saved->syn.answer = answer;
	synq_hlist_for_each_entry_hook(feed, &sn->feeds, node) {
		const struct synq_filter *filter = rcu_dereference_check(feed->filter, true);

		if (synq_filter_kinds(filter) & SYNQ_KIND_SYN &&
		    synq_record_wanted(filter, &saved->syn.r, saved->mark))
			synq_feed_write(sn, feed, &saved->syn.r);
	}
}

/* Copy the fingerprint of the SYN that this CPU is adding to the queue. */
notrace void synq_print_copy(const struct synq_net *sn, struct synq_print *print)
{
	if (this_cpu_ptr(READ_ONCE(sn->cpu))->question.flags & SYNQ_QUESTION_SAVED)
		*print = this_cpu_ptr(synq_syns)->syn.print;
	else
		print->wscale = SYNQ_PRINT_NONE;
}

/* ---- Hooks ---- */

static noinline void notrace synq_conn_request_slow(struct synq_cpu *asked, const struct sock *sk,
						    struct sk_buff *skb)
{
	struct synq_net *sn = synq_net_hook(sock_net(sk));
	struct synq_cpu *c = this_cpu_ptr(READ_ONCE(sn->cpu));

	if (asked)
		synq_syn_settle(asked);
	synq_syn_ask(c, sock_net(sk));
	if (synq_recording(sn))
		synq_syn_save(c, sk, skb);
}

/* tcp_conn_request(rsk_ops, af_ops, sk, skb) */
static __always_inline void synq_on_conn_request(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[2];
	struct synq_cpu *asked = this_cpu_read(synq_asked);
	const struct net *net = sock_net(sk);
	const struct synq_net *sn = synq_net_hook(net);

	if (unlikely(asked) || synq_recording(sn))
		synq_conn_request_slow(asked, sk, (void *)call->arg[3]);
	else
		synq_syn_ask(this_cpu_ptr(READ_ONCE(sn->cpu)), net);
}

/* tcp_peer_is_proven(req, dst): the three-quarters rule applies to this SYN. */
static __always_inline void synq_on_peer_proven(const struct synq_call *call)
{
	struct synq_cpu *c = this_cpu_read(synq_asked);

	if (c)
		c->question.flags |= SYNQ_QUESTION_PEER;
}

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
