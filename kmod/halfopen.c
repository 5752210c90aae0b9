// SPDX-License-Identifier: GPL-2.0-only
/*
 * Half-opens: when one is added, and with which outcome it ends.
 *
 * Added: tcp_conn_request() calls ->send_synack() once for each request that it
 * has put into the SYN queue, each cookie and each Fast Open child. An argument
 * says which of these it is (net/ipv4/tcp_input.c, 4.14 to 7.3).
 * inet_csk_reqsk_queue_hash_add() may find a duplicate and add nothing; only
 * its return value shows that. A retransmitted SYN-ACK carries no Fast Open
 * cookie, not even an empty one (tcp_rtx_synack(), net/ipv4/tcp_output.c).
 *
 * Completed: inet_ehash_insert() has put the child in its place. Then the kernel
 * calls inet_csk_complete_hashdance(). It drops the request of an MPTCP join
 * instead: the hook sees a removal of a request that its child has replaced.
 *
 * Ended otherwise: one of several functions that end in
 * __inet_csk_reqsk_queue_drop() takes it out of the hash. Compilers differ in
 * which of these they inline where, so a removal passes several hooks or none.
 * life.h counts each half-open once. One that passed no hook is counted when the
 * request is freed: the kernel calls its destructor once, through a pointer (4.14
 * to 7.3).
 */
#include <linux/jiffies.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "hooks.h"
#include "life.h"
#include "record.h"
#include "syn.h"

/* Functions that call a removal: see synq_by_timer(). */
static struct synq_range synq_timer_handler __read_mostly;
static struct synq_range synq_drop_and_put __read_mostly;
/* Handlers of ICMP errors, where tcp_req_err() is inlined into them (6.1, clang 16). */
static struct synq_range synq_err[2] __read_mostly;

static __always_inline struct synq_net *synq_req_net(const struct request_sock *req)
{
	return synq_net_hook(read_pnet(&inet_rsk(req)->ireq_net));
}

/* @dequeued: the kernel has already counted down the listener's queue. */
static __always_inline void synq_count_removal(const struct request_sock *req,
					       enum synq_counter outcome, bool dequeued)
{
	const struct synq_net *sn = synq_req_net(req);

	synq_count(sn, outcome);
	if (synq_recording(sn))
		synq_event_removed(sn, req, outcome, dequeued);
}

/*
 * Keep rare paths out of line and in tail position, so that the hot path needs
 * no callee-saved registers.
 */
static noinline void notrace synq_added_slow(struct synq_net *sn,
					     const struct sock *listener, struct request_sock *req)
{
	int begun = synq_life_begin_slow(req);

	if (begun == SYNQ_LIFE_NOT_BEGUN)
		return;
	synq_count(sn, SYNQ_ADDED);
	if (synq_watching(sn))
		synq_event_added(sn, listener, req);
	if (begun != SYNQ_LIFE_BEGUN)
		synq_count_removal(req, begun, true);
}

static __always_inline void synq_synack(struct synq_net *sn, const struct sock *listener,
					struct request_sock *req, u32 type)
{
	synq_syn_answered();
	switch (type) {
	case TCP_SYNACK_NORMAL:
		if (unlikely(!synq_life_begin(req))) {
			synq_added_slow(sn, listener, req);
			break;
		}
		synq_count(sn, SYNQ_ADDED);
		if (synq_watching(sn))
			synq_event_added(sn, listener, req);
		break;
	case TCP_SYNACK_COOKIE:
		synq_count(sn, SYNQ_COOKIES);
		if (synq_recording(sn))
			synq_syn_write(sn, req, SYNQ_COOKIES);
		break;
	default:
		synq_count(sn, SYNQ_FASTOPEN);
		if (synq_recording(sn))
			synq_syn_write(sn, req, SYNQ_FASTOPEN);
		break;
	}
}

/* send_synack(sk, dst, fl, req, foc, synack_type, syn_skb) */
static __always_inline void synq_on_send_synack(const struct synq_call *call)
{
	const struct sock *listener = (const void *)call->arg[0];
	struct request_sock *req = (void *)call->arg[3];

	if (call->arg[4])
		synq_synack(synq_req_net(req), listener, req, (u32)call->arg[5]);
}

/* Return the outcome of a half-open that does not complete. @by_timer: its own timer ends it. */
static __always_inline enum synq_counter synq_removal_outcome(const struct request_sock *req,
							      bool by_timer)
{
	if (unlikely(READ_ONCE(req->rsk_listener->sk_state) != TCP_LISTEN))
		return SYNQ_CLOSED;
	return by_timer ? SYNQ_EXPIRED : SYNQ_RESET;
}

static noinline void notrace synq_removed_slow(struct request_sock *req,
					       enum synq_counter outcome, bool dequeued)
{
	/* If this runs in its timer's handler, the timer has not moved it. */
	synq_life_move_ends_here(req);
	if (synq_life_is_icmp(req) && outcome != SYNQ_COMPLETED && outcome != SYNQ_CLOSED)
		outcome = SYNQ_UNREACHABLE;
	if (synq_life_end_slow(req, outcome))
		synq_count_removal(req, outcome, dequeued);
}

static noinline void notrace synq_removed_otherwise(struct request_sock *req, bool by_timer)
{
	enum synq_counter outcome = synq_removal_outcome(req, by_timer);

	if (likely(synq_life_end(req, synq_life_key(req))))
		synq_count_removal(req, outcome, false);
	else
		synq_removed_slow(req, outcome, false);
}

/* A RST ends most: counting a constant outcome takes the fewest instructions. */
static __always_inline void synq_removed(struct request_sock *req, bool by_timer)
{
	if (unlikely(by_timer || READ_ONCE(req->rsk_listener->sk_state) != TCP_LISTEN))
		synq_removed_otherwise(req, by_timer);
	else if (likely(synq_life_end(req, synq_life_key(req))))
		synq_count_removal(req, SYNQ_RESET, false);
	else
		synq_removed_slow(req, SYNQ_RESET, false);
}

/*
 * Return whether a half-open of TCP is being removed. If the request is unhashed,
 * its child has its place, another CPU removed it, or it is a clone that was never
 * hashed. DCCP queues its requests with the same functions.
 */
static __always_inline bool synq_is_removal(struct request_sock *req)
{
	return req->rsk_listener->sk_protocol == IPPROTO_TCP && !sk_unhashed(req_to_sk(req));
}

static __always_inline void synq_completed(struct request_sock *req, bool dequeued)
{
	if (likely(synq_life_end(req, synq_life_key(req))))
		synq_count_removal(req, SYNQ_COMPLETED, dequeued);
	else
		synq_removed_slow(req, SYNQ_COMPLETED, dequeued);
}

/* Return whether an MPTCP join's child took its place: tcp_check_req() drops it then. */
static __always_inline bool synq_is_joined(const struct request_sock *req)
{
	return rsk_drop_req(req) && synq_life_is_counted(req);
}

static noinline void notrace synq_unhashed_dropped(struct request_sock *req)
{
	if (synq_is_joined(req))
		synq_completed(req, true);
	else
		synq_life_unused(req, false);
}

static noinline void notrace synq_removed_by(unsigned long caller, struct request_sock *req,
					     bool by_timer)
{
	if (synq_in_range(&synq_err[0], caller) || synq_in_range(&synq_err[1], caller))
		synq_life_icmp(req);
	synq_removed(req, by_timer);
}

/* __inet_csk_reqsk_queue_drop(sk, req, from_timer) */
static __always_inline void synq_on_remove_told(const struct synq_call *call)
{
	struct request_sock *req = (void *)call->arg[1];

	if (!synq_is_removal(req)) {
		if (unlikely(synq_life_unfinished(req)))
			synq_unhashed_dropped(req);
	} else if (unlikely(synq_err[0].start)) {
		synq_removed_by(call->caller, req, (u8)call->arg[2]);
	} else {
		synq_removed(req, (u8)call->arg[2]);
	}
}

/* Return whether its timer has expired. Deleting a timer does not change @expires. */
static __always_inline bool synq_timer_fired(const struct request_sock *req)
{
	return !timer_pending(&req->rsk_timer) &&
	       time_after_eq(jiffies, req->rsk_timer.expires);
}

/*
 * Return whether the request's own timer ends it. Without the argument, the caller
 * shows that: the timer's handler, or inet_csk_reqsk_queue_drop_and_put(). Other
 * callers of the latter act for a closed listener or, as tcp_abort(), for a request
 * whose timer is pending. It is not pending while its handler runs.
 */
static __always_inline bool synq_by_timer(const struct synq_call *call,
					  const struct request_sock *req)
{
	if (unlikely(!synq_timer_handler.start))
		return synq_timer_fired(req);
	return synq_in_range(&synq_timer_handler, call->caller) ||
	       (synq_in_range(&synq_drop_and_put, call->caller) &&
		!timer_pending(&req->rsk_timer));
}

/* inet_csk_reqsk_queue_drop(sk, req) */
static __always_inline void synq_on_remove(const struct synq_call *call)
{
	struct request_sock *req = (void *)call->arg[1];

	if (synq_is_removal(req))
		synq_removed(req, synq_by_timer(call, req));
	else if (unlikely(synq_life_unfinished(req)))
		synq_unhashed_dropped(req);
}

/* inet_csk_complete_hashdance(sk, child, req, own_req) */
static __always_inline void synq_on_hashdance(const struct synq_call *call)
{
	const struct sock *listener = (const void *)call->arg[0];
	struct request_sock *req = (void *)call->arg[2];
	bool own_req = (u8)call->arg[3];

	if (!own_req || listener->sk_protocol != IPPROTO_TCP)
		return;
	/* The kernel counts this as a move, too. */
	if (unlikely(listener != req->rsk_listener))
		synq_life_moves_end();
	synq_completed(req, false);
}

/*
 * reuseport_migrate_sock(sk, migrating_sk, skb): the timer of a request calls it, and
 * inet_csk_listen_stop() for an established connection that was not accepted. With a
 * segment, it is for a request that this may complete. The kernel counts all as moves.
 */
static __always_inline void synq_on_migrate(const struct synq_call *call)
{
	const struct sock *listener = (const void *)call->arg[0];
	struct sock *sk = (void *)call->arg[1];

	synq_life_moves_end();
	if (!call->arg[2] && listener->sk_protocol == IPPROTO_TCP &&
	    sk->sk_state == TCP_NEW_SYN_RECV && synq_life_move(inet_reqsk(sk)))
		synq_count(synq_req_net(inet_reqsk(sk)), SYNQ_INITIAL);
}

/* accept() may drop the last reference in process context (6.1): disable preemption. */
static noinline void notrace synq_freed(struct request_sock *req)
{
	preempt_disable_notrace();
	/* Do not count the end of an unused clone: its original is the half-open. */
	if (!synq_life_unused(req, refcount_read(&req->rsk_refcnt))) {
		synq_life_move_ends(req);
		if (synq_life_unfinished(req) && req->rsk_listener)
			synq_removed_slow(req, synq_is_joined(req) ? SYNQ_COMPLETED :
					  synq_removal_outcome(req, synq_timer_fired(req)), true);
	}
	preempt_enable_notrace();
}

/* tcp_v4_reqsk_destructor(req), tcp_v6_reqsk_destructor(req) */
static __always_inline void synq_on_destructor(const struct synq_call *call)
{
	struct request_sock *req = (void *)call->arg[0];

	if (unlikely(synq_life_unfinished(req) || synq_life_may_be_noted(req)))
		synq_freed(req);
}

/* tcp_req_err(sk, seq, abort): drops the request if both conditions hold. */
static __always_inline void synq_on_req_err(const struct synq_call *call)
{
	struct request_sock *req = inet_reqsk((struct sock *)call->arg[0]);
	u32 seq = (u32)call->arg[1];
	bool abort = (u8)call->arg[2];

	if (abort && seq == tcp_rsk(req)->snt_isn)
		synq_life_icmp(req);
}

SYNQ_DEFINE_HOOK_AS(synq_on_send_synack4, synq_on_send_synack, SYNQ_HOOK_SEND_SYNACK4)
SYNQ_DEFINE_HOOK_AS(synq_on_send_synack6, synq_on_send_synack, SYNQ_HOOK_SEND_SYNACK6)
SYNQ_DEFINE_HOOK(synq_on_remove_told, SYNQ_HOOK_REMOVE_TOLD)
SYNQ_DEFINE_HOOK(synq_on_remove, SYNQ_HOOK_REMOVE)
SYNQ_DEFINE_HOOK(synq_on_hashdance, SYNQ_HOOK_HASHDANCE)
SYNQ_DEFINE_HOOK(synq_on_migrate, SYNQ_HOOK_MIGRATE)
SYNQ_DEFINE_HOOK_AS(synq_on_destructor4, synq_on_destructor, SYNQ_HOOK_DESTRUCTOR4)
SYNQ_DEFINE_HOOK_AS(synq_on_destructor6, synq_on_destructor, SYNQ_HOOK_DESTRUCTOR6)
SYNQ_DEFINE_HOOK(synq_on_req_err, SYNQ_HOOK_REQ_ERR)

/* Look up the callers that distinguish removals. A kernel may lack some of them. */
void synq_halfopen_init(void)
{
	unsigned int inlined = 0;

	synq_timer_handler = synq_symbol_range("reqsk_timer_handler");
	synq_drop_and_put = synq_symbol_range("inet_csk_reqsk_queue_drop_and_put");
	if (!synq_symbol_calls("tcp_v4_err", "tcp_req_err"))
		synq_err[inlined++] = synq_symbol_range("tcp_v4_err");
	if (!synq_symbol_calls("tcp_v6_err", "tcp_req_err"))
		synq_err[inlined] = synq_symbol_range("tcp_v6_err");
}
