// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops: packets that skb:kfree_skb reports, only TCP unless a tap asks for all.
 *
 * The kernel calls kfree_skb() anywhere, also in a hard interrupt or under a
 * scheduler's lock, and with buffers in any condition. The probe follows only
 * these pointers, for these reasons:
 *
 *   skb             the kernel frees it only after the tracepoint
 *   its headers     only through skb_header_pointer(), and each field is
 *                   checked before use: an offset that was never set may lead
 *                   to bytes that are not a header
 *   skb->sk         only of IP, and only with a destructor: the kernel passes
 *                   the socket to that next, so the socket exists. Other
 *                   protocols store other things there: rfcomm a device, the
 *                   defragmentation before 6.1.84 an offset
 *   rx_sk           (6.11) may have been released and reused. The memory is
 *                   still a socket's while RCU is held, and the code that
 *                   looked it up holds RCU
 *   its namespace   only of a full socket that holds its namespace. The kernel's
 *                   own sockets do not, and outlive theirs in a device's queue;
 *                   a socket under construction may have none yet
 *   sk's state      every kind of TCP socket has it; only a hint
 *   skb->dev        never: in a socket's queues it is part of a tree
 *
 * Kernels before 6.11 do not pass the socket of a received segment. The state is
 * then that of the socket when tcp_v4_do_rcv() or tcp_v6_do_rcv() was called with
 * the same segment on the same CPU. The namespace is unknown, and the drop is
 * offered to the taps of the initial one.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <trace/events/skb.h>

#include "hooks.h"
#include "record.h"

/* ---- The state of a received segment's socket ---- */

/**
 * struct synq_received - the last segment a CPU received for a socket
 * @skb: only compared
 * @seq: its sequence number, which differs if another segment reuses the memory
 * @when: in jiffies: a segment received long ago is not the one dropped now
 * @state: the socket's
 */
struct synq_received {
	const struct sk_buff	*skb;
	u32			seq;
	unsigned long		when;
	u8			state;
};

/* A hypervisor may stop a virtual CPU for long between receipt and drop. */
#define SYNQ_RECEIVED_JIFFIES	(HZ / 4)

static DEFINE_PER_CPU(struct synq_received, synq_received);

/* tcp_v4_do_rcv(sk, skb), tcp_v6_do_rcv(sk, skb) */
static __always_inline void synq_on_do_rcv(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[0];
	const struct sk_buff *skb = (const void *)call->arg[1];

	this_cpu_write(synq_received.skb, skb);
	this_cpu_write(synq_received.seq, TCP_SKB_CB(skb)->seq);
	this_cpu_write(synq_received.when, jiffies);
	this_cpu_write(synq_received.state, sk->sk_state);
}

SYNQ_DEFINE_HOOK_AS(synq_on_do_rcv4, synq_on_do_rcv, SYNQ_HOOK_DO_RCV4)
SYNQ_DEFINE_HOOK_AS(synq_on_do_rcv6, synq_on_do_rcv, SYNQ_HOOK_DO_RCV6)

static __always_inline u8 synq_received_state(const struct sk_buff *skb, u32 seq)
{
	if (this_cpu_read(synq_received.skb) != skb || this_cpu_read(synq_received.seq) != seq ||
	    jiffies - this_cpu_read(synq_received.when) > SYNQ_RECEIVED_JIFFIES)
		return 0;
	/* Use it once: another segment, even a copy of this one, may reuse the memory. */
	this_cpu_write(synq_received.skb, NULL);
	return this_cpu_read(synq_received.state);
}

/* ---- Contents of the segment ---- */

#define SYNQ_EXTHDRS_MOST	8	/* extension headers parsed, at most */

/**
 * struct synq_packet - fields of the headers
 * @from: sender
 * @to: receiver
 * @from_port: in host order; 0 if the packet has none
 * @to_port: likewise
 * @seq: TCP sequence number
 * @offset: where the header after IP's begins, from skb->data; may be negative
 * @first: not a fragment, or the first one
 */
struct synq_packet {
	struct in6_addr	from;
	struct in6_addr	to;
	u16		from_port;
	u16		to_port;
	u32		seq;
	int		offset;
	bool		first;
};

/* An offset that was never set is 0: then the buffer's data begin with the header. */
static __always_inline int synq_network_offset(const struct sk_buff *skb)
{
	return skb->network_header ? skb_network_offset(skb) : 0;
}

static bool synq_packet_ipv4(struct synq_packet *p, struct synq_drop *d, const struct sk_buff *skb)
{
	int offset = synq_network_offset(skb), end;
	const struct iphdr *ip;
	struct iphdr copy;

	ip = skb_header_pointer(skb, offset, sizeof(copy), &copy);
	if (!ip || ip->version != 4 || ip->ihl < 5)
		return false;
	ipv6_addr_set_v4mapped(ip->saddr, &p->from);
	ipv6_addr_set_v4mapped(ip->daddr, &p->to);
	p->offset = offset + ip->ihl * 4;
	p->first = !(ip->frag_off & htons(IP_OFFSET));
	d->proto = ip->protocol;
	/* 0: merged segments of more than 64 KiB (BIG TCP). */
	end = ip->tot_len ? offset + ntohs(ip->tot_len) : (int)skb->len;
	d->length = max(end - p->offset, 0);
	return true;
}

static bool synq_packet_ipv6(struct synq_packet *p, struct synq_drop *d, const struct sk_buff *skb)
{
	int offset = synq_network_offset(skb), end, i;
	const struct ipv6_opt_hdr *opt;
	const struct ipv6hdr *ip;
	const struct frag_hdr *frag;
	struct ipv6_opt_hdr opt_copy;
	struct frag_hdr frag_copy;
	struct ipv6hdr copy;
	u8 next;

	ip = skb_header_pointer(skb, offset, sizeof(copy), &copy);
	if (!ip || ip->version != 6)
		return false;
	p->from = ip->saddr;
	p->to = ip->daddr;
	p->first = true;
	next = ip->nexthdr;
	offset += sizeof(*ip);
	end = ip->payload_len ? offset + ntohs(ip->payload_len) : (int)skb->len;
	for (i = 0; i < SYNQ_EXTHDRS_MOST && p->first; i++) {
		if (!ipv6_ext_hdr(next) || next == NEXTHDR_NONE)
			break;
		opt = skb_header_pointer(skb, offset, sizeof(opt_copy), &opt_copy);
		if (!opt)
			return false;
		if (next == NEXTHDR_FRAGMENT) {
			frag = skb_header_pointer(skb, offset, sizeof(frag_copy), &frag_copy);
			if (!frag)
				return false;
			p->first = !(frag->frag_off & htons(IP6_OFFSET));
			next = frag->nexthdr;
			offset += sizeof(*frag);
			continue;
		}
		offset += next == NEXTHDR_AUTH ? ipv6_authlen(opt) : ipv6_optlen(opt);
		next = opt->nexthdr;
	}
	p->offset = offset;
	d->proto = next;
	d->length = max(end - offset, 0);
	return true;
}

static void synq_packet_ports(struct synq_packet *p, struct synq_drop *d, const struct sk_buff *skb)
{
	const struct tcphdr *tcp;
	const __be16 *ports;
	__be16 ports_copy[2];
	struct tcphdr copy;

	if (!p->first || (d->proto != IPPROTO_TCP && d->proto != IPPROTO_UDP))
		return;
	ports = skb_header_pointer(skb, p->offset, sizeof(ports_copy), ports_copy);
	if (!ports)
		return;
	p->from_port = ntohs(ports[0]);
	p->to_port = ntohs(ports[1]);
	if (d->proto != IPPROTO_TCP)
		return;
	tcp = skb_header_pointer(skb, p->offset, sizeof(copy), &copy);
	if (!tcp)
		return;
	p->seq = ntohl(tcp->seq);
	d->flags = tcp_flag_byte(tcp);
	d->has_flags = true;
}

static void synq_packet_read(struct synq_packet *p, struct synq_drop *d, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		d->ip = synq_packet_ipv4(p, d, skb);
	else if (skb->protocol == htons(ETH_P_IPV6))
		d->ip = synq_packet_ipv6(p, d, skb);
	if (d->ip) {
		synq_packet_ports(p, d, skb);
	} else {
		d->ethertype = ntohs(skb->protocol);
		d->length = skb->len;
	}
}

/* ---- The drop ---- */

static __always_inline const struct sock *synq_owner(const struct sk_buff *skb, u32 reason)
{
	bool ip = skb->protocol == htons(ETH_P_IP) || skb->protocol == htons(ETH_P_IPV6);

	/* A packet without a route has neither header nor protocol yet, but IP sends it. */
	return skb->destructor && (ip || reason == SYNQ_DROP_NO_ROUTE) ? skb->sk : NULL;
}

static __always_inline const struct net *synq_owner_net(const struct sock *sk)
{
	const struct net *net = NULL;

	if (sk && sk_fullsock(sk) && sk->sk_net_refcnt)
		net = read_pnet(&sk->sk_net);
	return net ?: &init_net;
}

/* Raw sockets may have TCP's protocol too: the kernel's socket for resets does. */
static __always_inline bool synq_is_tcp(const struct sock *sk)
{
	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return false;
	return !sk_fullsock(sk) ||
	       (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP);
}

/* Return whether the segment was being sent: then @sk is the sender's. */
static __always_inline bool synq_sent_by(const struct sk_buff *skb, const struct sock *sk,
					 const struct synq_packet *p)
{
	if (!sk)
		return false;
	if (sk == skb->sk && skb->destructor == sock_wfree)
		return true;
	return synq_is_tcp(sk) && sk->sk_num == p->from_port && p->from_port != p->to_port;
}

static void synq_drop_fill(struct synq_drop *d, const struct synq_packet *p,
			   const struct sk_buff *skb, const struct sock *sk)
{
	bool out = synq_sent_by(skb, sk, p);

	d->r.local = out ? p->from : p->to;
	d->r.remote = out ? p->to : p->from;
	d->r.local_port = out ? p->from_port : p->to_port;
	d->r.remote_port = out ? p->to_port : p->from_port;
	if (d->proto != IPPROTO_TCP)
		return;
	if (sk && synq_is_tcp(sk))
		d->state = READ_ONCE(sk->sk_state);
	else if (!out && d->has_flags)
		d->state = synq_received_state(skb, p->seq);
}

/* Fill in a segment that has no IP header yet, from its socket alone. */
static void synq_drop_fill_bare(struct synq_drop *d, const struct sk_buff *skb,
				const struct sock *sk)
{
	d->ip = true;
	d->proto = IPPROTO_TCP;
	d->length = skb->len;
	d->state = READ_ONCE(sk->sk_state);
	synq_record_ends(&d->r, sk);
}

static noinline notrace void synq_drop_write(const struct synq_net *sn, const struct sk_buff *skb,
					     const struct sock *sk, unsigned long location,
					     unsigned long entry, u32 reason)
{
	struct synq_packet p = {};
	struct synq_feed *feed;
	struct synq_drop d;
	u8 depth = 0;

	memset(&d, 0, offsetof(struct synq_drop, stack));
	d.r.kind = SYNQ_RECORD_DROP;
	d.location = location;
	d.reason = reason;
	synq_packet_read(&p, &d, skb);
	if (d.ip)
		synq_drop_fill(&d, &p, skb, sk);
	else if (sk && sk_fullsock(sk) && synq_is_tcp(sk))
		synq_drop_fill_bare(&d, skb, sk);
	preempt_disable_notrace();
	synq_hlist_for_each_entry_hook(feed, &sn->feeds, node) {
		const struct synq_filter *filter = rcu_dereference_check(feed->filter, true);

		if (!(synq_filter_kinds(filter) & SYNQ_KIND_DROP) ||
		    !(filter->any_proto || d.proto == IPPROTO_TCP) ||
		    !synq_record_wanted(filter, &d.r, skb->mark))
			continue;
		if (filter->stack && !depth) {
			synq_stack_take(&d.stack, location, entry);
			depth = d.stack.depth;
		}
		d.stack.depth = filter->stack ? depth : 0;
		synq_feed_write(sn, feed, &d.r);
	}
	preempt_enable_notrace();
}

/* tcp_drop(sk, skb): the caller has locked the socket, or holds it if it is a listener. */
static __always_inline void synq_on_tcp_drop(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[0];
	const struct synq_net *sn = synq_net(sock_net(sk));

	if (synq_recording(sn))
		synq_drop_write(sn, (const void *)call->arg[1], sk, call->caller,
				call->entry, SKB_DROP_REASON_NOT_SPECIFIED);
}

SYNQ_DEFINE_HOOK(synq_on_tcp_drop, SYNQ_HOOK_TCP_DROP)

/* compat.h makes the tracepoint's probe from this function. */
static __always_inline void synq_on_kfree_skb(const struct sk_buff *skb, void *location,
					      u32 reason, const struct sock *rx_sk)
{
	const struct sock *sk = rx_sk ?: synq_owner(skb, reason);
	const struct synq_net *sn = synq_net(synq_owner_net(sk));

	this_cpu_inc(synq_hits[SYNQ_HOOK_KFREE_SKB]);
	if (synq_recording(sn))
		synq_drop_write(sn, skb, sk, (unsigned long)location, 0, reason);
}

SYNQ_DEFINE_KFREE_SKB(synq_kfree_skb, synq_on_kfree_skb)

const unsigned long synq_drop_hooks = BIT(SYNQ_HOOK_KFREE_SKB) |
	(SYNQ_KFREE_SKB_HAS_SOCKET ? 0 : BIT(SYNQ_HOOK_DO_RCV4) | BIT(SYNQ_HOOK_DO_RCV6)) |
	(SYNQ_HAVE_TCP_DROP ? BIT(SYNQ_HOOK_TCP_DROP) : 0);

int synq_drop_attach(void)
{
	return register_trace_kfree_skb(SYNQ_KFREE_SKB_PROBE(synq_kfree_skb), NULL);
}

void synq_drop_detach(void)
{
	unregister_trace_kfree_skb(SYNQ_KFREE_SKB_PROBE(synq_kfree_skb), NULL);
}
