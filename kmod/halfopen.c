// SPDX-License-Identifier: GPL-2.0-only
/*
 * A half-open connection added, and why one ended.
 *
 * Added: tcp_conn_request() calls ->send_synack() once for each request it
 * has put into the SYN queue, for each cookie and for each Fast Open child,
 * and tells which (net/ipv4/tcp_input.c, 4.14 to 7.3).
 * inet_csk_reqsk_queue_hash_add() itself may find a duplicate and add
 * nothing, which shows only in what it returns. A retransmitted SYN-ACK
 * carries no Fast Open cookie, not even an empty one (tcp_rtx_synack(),
 * net/ipv4/tcp_output.c).
 *
 * Ended: a request leaves the established hash through the function that
 * removal.c names, or is replaced there by its child
 * (inet_csk_complete_hashdance(); for an MPTCP join tcp_check_req() itself).
 * A request that tcp_migrate_req moves to another listener does neither.
 */
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "claim.h"
#include "record.h"
#include "refusal.h"
#include "removal.h"
#include "tcpsynq.h"

/* The request an ICMP error was last about to end on this CPU, as claim.h knows it. */
static DEFINE_PER_CPU(unsigned long, synq_icmp_key);

static struct synq_range synq_check_req;

static __always_inline const struct synq_net *synq_req_net(const struct request_sock *req)
{
	return synq_net_hook(read_pnet(&inet_rsk(req)->ireq_net));
}

/* @dequeued: the listener's queue has been counted down already. */
static __always_inline void synq_ended(const struct request_sock *req,
				       enum synq_counter outcome, bool dequeued)
{
	const struct synq_net *sn = synq_req_net(req);

	synq_count(sn, outcome);
	if (synq_recording(sn))
		synq_event_removed(sn, req, outcome, dequeued);
}

static __always_inline void synq_synack(const struct synq_net *sn, const struct sock *listener,
					const struct request_sock *req, u32 type)
{
	switch (type) {
	case TCP_SYNACK_NORMAL:
		synq_count(sn, SYNQ_ADDED);
		if (synq_recording(sn))
			synq_event_added(sn, listener, req);
		break;
	case TCP_SYNACK_COOKIE:
		synq_count(sn, SYNQ_COOKIES);
		break;
	default:	/* a Fast Open child's */
		break;
	}
}

/*
 * What is rare is apart, and called last: with nothing to keep over a call, a
 * handler saves no register.
 */
static noinline void notrace synq_synack_answering(const struct synq_net *sn,
						   const struct sock *listener,
						   const struct request_sock *req, u32 type)
{
	synq_peer_answered(read_pnet(&inet_rsk(req)->ireq_net), sn);
	synq_synack(sn, listener, req, type);
}

/* send_synack(sk, dst, fl, req, foc, synack_type, syn_skb) */
static __always_inline void synq_on_send_synack(const struct synq_call *call)
{
	const struct sock *listener = (const void *)call->arg[0];
	const struct request_sock *req = (const void *)call->arg[3];
	const struct synq_net *sn;

	if (!call->arg[4])
		return;
	sn = synq_req_net(req);
	if (unlikely(synq_peer_asked(sn)))
		synq_synack_answering(sn, listener, req, (u32)call->arg[5]);
	else
		synq_synack(sn, listener, req, (u32)call->arg[5]);
}

static __always_inline void synq_on_send_synack4(const struct synq_call *call)
{
	synq_on_send_synack(call);
}

static __always_inline void synq_on_send_synack6(const struct synq_call *call)
{
	synq_on_send_synack(call);
}

static __always_inline enum synq_counter synq_dropped_why(const struct sock *listener,
							  unsigned long key, bool from_timer)
{
	if (READ_ONCE(listener->sk_state) != TCP_LISTEN)
		return SYNQ_CLOSED;
	if (from_timer)
		return SYNQ_EXPIRED;
	return unlikely(this_cpu_read(synq_icmp_key) == key) ? SYNQ_UNREACHABLE : SYNQ_RESET;
}

static noinline void notrace synq_dropped_rarely(const struct request_sock *req,
						 enum synq_counter outcome)
{
	synq_ended(req, outcome, false);
}

/* A constant is counted in fewer instructions than whichever it may be. */
static __always_inline void synq_dropped(const struct request_sock *req,
					 enum synq_counter outcome)
{
	if (likely(outcome == SYNQ_RESET))
		synq_ended(req, SYNQ_RESET, false);
	else if (likely(outcome == SYNQ_EXPIRED))
		synq_ended(req, SYNQ_EXPIRED, false);
	else
		synq_dropped_rarely(req, outcome);
}

static noinline void notrace synq_drop_contended(struct request_sock *req,
						 const struct sock *listener,
						 unsigned long key, bool from_timer)
{
	if (synq_claim_contended(req, key, from_timer))
		synq_ended(req, synq_dropped_why(listener, key, from_timer), false);
}

/* The function that removal.c has chosen. */
static __always_inline void synq_on_drop(const struct synq_call *call)
{
	struct request_sock *req = synq_removed(call);
	const struct sock *listener = req->rsk_listener;
	bool from_timer = synq_removed_by_timer(call);
	unsigned long key;

	/* DCCP queues its requests with the same functions. */
	if (listener->sk_protocol != IPPROTO_TCP)
		return;
	key = synq_claim_key(req);
	switch (synq_claim_drop(req, key, from_timer)) {
	case SYNQ_CLAIM_OWNED:
		synq_dropped(req, synq_dropped_why(listener, key, from_timer));
		break;
	case SYNQ_CLAIM_ASKING:
		synq_drop_contended(req, listener, key, from_timer);
		break;
	default:	/* another's */
		break;
	}
}

/* inet_csk_complete_hashdance(sk, child, req, own_req) */
static __always_inline void synq_on_hashdance(const struct synq_call *call)
{
	const struct sock *listener = (const void *)call->arg[0];
	struct request_sock *req = (void *)call->arg[2];
	bool own_req = (u8)call->arg[3];

	if (!own_req || listener->sk_protocol != IPPROTO_TCP)
		return;
	if (synq_claim_complete(req))
		synq_ended(req, SYNQ_COMPLETED, false);
}

/*
 * inet_csk_reqsk_queue_drop_and_put(sk, req): from tcp_check_req() it means an
 * MPTCP join whose child has taken the request's place.
 */
static __always_inline void synq_on_drop_and_put(const struct synq_call *call)
{
	struct request_sock *req = (void *)call->arg[1];

	if (!synq_in_range(&synq_check_req, call->caller))
		return;
	if (rsk_drop_req(req) && synq_claim_complete(req))
		synq_ended(req, SYNQ_COMPLETED, true);
}

/* tcp_req_err(sk, seq, abort): drops the request if both conditions hold. */
static __always_inline void synq_on_req_err(const struct synq_call *call)
{
	const struct request_sock *req = inet_reqsk((struct sock *)call->arg[0]);
	u32 seq = (u32)call->arg[1];
	bool abort = (u8)call->arg[2];

	if (abort && seq == tcp_rsk(req)->snt_isn)
		this_cpu_write(synq_icmp_key, synq_claim_key(req));
}

SYNQ_DEFINE_HOOK(synq_on_send_synack4, SYNQ_HOOK_SEND_SYNACK4)
SYNQ_DEFINE_HOOK(synq_on_send_synack6, SYNQ_HOOK_SEND_SYNACK6)
SYNQ_DEFINE_HOOK(synq_on_drop, SYNQ_HOOK_DROP)
SYNQ_DEFINE_HOOK(synq_on_hashdance, SYNQ_HOOK_HASHDANCE)
SYNQ_DEFINE_HOOK(synq_on_drop_and_put, SYNQ_HOOK_DROP_AND_PUT)
SYNQ_DEFINE_HOOK(synq_on_req_err, SYNQ_HOOK_REQ_ERR)

/**
 * synq_halfopen_init() - look up whose call of the hooked functions means what
 *
 * Return: 0 or -errno, with a line in the kernel log.
 */
int synq_halfopen_init(void)
{
	return synq_symbol_needed("tcp_check_req", &synq_check_req);
}
