// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples: the state of an established connection when it receives a segment
 * (tcp_rcv_established()) or sends one (__tcp_transmit_skb()). At receipt the
 * kernel has not processed it yet, as with tcp_probe and tcp:tcp_probe.
 *
 * The caller of the hooked function has locked the socket, so its fields agree.
 * Preemption and bottom halves may be on: a segment may come from a socket's
 * backlog, and most are sent from a system call.
 *
 * full=0: a feed stores a connection's last cwnd in a table of fixed size, at a
 * hash of its socket, with the hash of its addresses. Connections that share a
 * slot evict each other. Then each gets more samples than it needs, never fewer.
 */
#include <linux/hash.h>
#include <linux/sock_diag.h>
#include <net/tcp.h>

#include "hooks.h"
#include "record.h"

/* As tcp_compute_delivery_rate() in net/ipv4/tcp.c. */
static __always_inline u64 synq_delivery_rate(const struct tcp_sock *tp)
{
	u32 delivered = READ_ONCE(tp->rate_delivered);
	u32 interval = READ_ONCE(tp->rate_interval_us);

	if (!delivered || !interval)
		return 0;
	return div_u64((u64)delivered * tp->mss_cache * USEC_PER_SEC, interval);
}

/* Compute the fields of tcp_get_info() (net/ipv4/tcp.c, 6.1) as that function does. */
static __always_inline void synq_sample_fill(struct synq_sample *s, struct sock *sk,
					     const struct sk_buff *skb, u8 hook)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);
	/* 32 bits or a long; all bits set: unlimited. */
	typeof(sk->sk_pacing_rate) pacing_rate = READ_ONCE(sk->sk_pacing_rate);
	u32 cookie[2];

	s->hook = hook;
	s->length = skb->len;
	s->snd_nxt = tp->snd_nxt;
	s->snd_una = tp->snd_una;
	s->snd_cwnd = tp->snd_cwnd;
	s->ssthresh = tcp_current_ssthresh(sk);
	s->snd_wnd = tp->snd_wnd;
	s->srtt_us = tp->srtt_us >> 3;
	s->rcv_wnd = tp->rcv_wnd;
	s->rttvar_us = tp->mdev_us >> 2;
	s->rto_us = jiffies_to_usecs(icsk->icsk_rto);
	s->min_rtt_us = tcp_min_rtt(tp);
	s->lost = tp->lost_out;
	s->retrans = tp->total_retrans;
	s->inflight = tcp_packets_in_flight(tp);
	/* As get_tcp4_sock() in net/ipv4/tcp_ipv4.c. */
	s->rqueue = max_t(int, READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq), 0);
	s->wqueue = READ_ONCE(tp->write_seq) - tp->snd_una;
	s->mss = tp->mss_cache;
	s->pacing_rate = pacing_rate == (typeof(pacing_rate))~0UL ? U64_MAX : pacing_rate;
	s->delivery_rate = synq_delivery_rate(tp);
	s->bytes_acked = tp->bytes_acked;
	s->ca_state = icsk->icsk_ca_state;
	/* The socket holds a reference to the module of its congestion control. */
	memcpy(s->ca_name, icsk->icsk_ca_ops->name, sizeof(s->ca_name));
	/* Gives the socket a cookie if it has none yet; the kernel exports no other way. */
	sock_diag_save_cookie(sk, cookie);
	s->cookie = (u64)cookie[1] << 32 | cookie[0];
}

/* Return whether the cwnd has changed since this feed's last sample of the connection. */
static __always_inline bool synq_cwnd_changed(struct synq_feed *feed, const struct sock *sk)
{
	u64 *seen = &feed->seen[hash_ptr(sk, SYNQ_SEEN_BITS)];
	u64 now = (u64)sk->sk_hash << 32 | tcp_sk(sk)->snd_cwnd;

	if (READ_ONCE(*seen) == now)
		return false;
	WRITE_ONCE(*seen, now);
	return true;
}

static noinline notrace void synq_sample_write(const struct synq_net *sn, struct sock *sk,
					const struct sk_buff *skb, u8 hook)
{
	u32 mark = hook == SYNQ_SAMPLE_RCV ? skb->mark : READ_ONCE(sk->sk_mark);
	struct synq_sample s;
	struct synq_feed *feed;
	bool filled = false;

	s.r.kind = SYNQ_RECORD_SAMPLE;
	synq_record_ends(&s.r, sk);
	preempt_disable_notrace();
	synq_hlist_for_each_entry_hook(feed, &sn->feeds, node) {
		const struct synq_filter *filter = rcu_dereference_check(feed->filter, true);

		if (!(synq_filter_kinds(filter) & SYNQ_KIND_SAMPLE) ||
		    !(filter->hook & hook) || !synq_record_wanted(filter, &s.r, mark))
			continue;
		/* Update the table with full=1 too: full may change to 0. */
		if (!synq_cwnd_changed(feed, sk) && !filter->full)
			continue;
		if (!filled)
			synq_sample_fill(&s, sk, skb, hook);
		filled = true;
		/* If the sample is lost, the next segment makes one. */
		if (!synq_feed_write(sn, feed, &s.r))
			WRITE_ONCE(feed->seen[hash_ptr(sk, SYNQ_SEEN_BITS)], 0);
	}
	preempt_enable_notrace();
}

/* tcp_rcv_established(sk, skb) */
static __always_inline void synq_on_rcv(const struct synq_call *call)
{
	struct sock *sk = (void *)call->arg[0];
	const struct synq_net *sn = synq_net(sock_net(sk));

	if (synq_recording(sn))
		synq_sample_write(sn, sk, (const void *)call->arg[1], SYNQ_SAMPLE_RCV);
}

/* __tcp_transmit_skb(sk, skb, clone_it, gfp_mask, rcv_nxt): skb has no TCP header yet. */
static __always_inline void synq_on_xmit(const struct synq_call *call)
{
	struct sock *sk = (void *)call->arg[0];
	const struct synq_net *sn = synq_net(sock_net(sk));

	/* A SYN does not belong to an established connection. */
	if (synq_recording(sn) &&
	    !((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_CLOSE)))
		synq_sample_write(sn, sk, (const void *)call->arg[1], SYNQ_SAMPLE_XMIT);
}

SYNQ_DEFINE_HOOK(synq_on_rcv, SYNQ_HOOK_RCV)
SYNQ_DEFINE_HOOK(synq_on_xmit, SYNQ_HOOK_XMIT)
