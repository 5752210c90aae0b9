// SPDX-License-Identifier: GPL-2.0-only
/* Events: a half-open added or removed, for the taps that ask. */
#include <net/ipv6.h>
#include <net/tcp.h>

#include "queue.h"
#include "record.h"

notrace void synq_event_ends(struct synq_record *r, const struct request_sock *req)
{
	const struct inet_request_sock *ireq = inet_rsk(req);

#if IS_ENABLED(CONFIG_IPV6)
	if (ireq->ireq_family == AF_INET6) {
		r->local = ireq->ir_v6_loc_addr;
		r->remote = ireq->ir_v6_rmt_addr;
	} else
#endif /* CONFIG_IPV6 */
	{
		ipv6_addr_set_v4mapped(ireq->ir_loc_addr, &r->local);
		ipv6_addr_set_v4mapped(ireq->ir_rmt_addr, &r->remote);
	}
	r->local_port = ireq->ir_num;
	r->remote_port = ntohs(ireq->ir_rmt_port);
}

/* Called with bottom halves off; the caller's caller holds the request. */
noinline void notrace synq_event_added(struct synq_net *sn, const struct sock *listener,
					const struct request_sock *req)
{
	struct synq_event e = {
		.r.kind = SYNQ_RECORD_ADDED,
		.qlen = reqsk_queue_len(&inet_csk(listener)->icsk_accept_queue),
		.limit = synq_listener_holds(listener),
	};

	if (test_and_clear_bit(SYNQ_WATCH_PEAK, &sn->watch))
		irq_work_queue(&sn->stir);
	if (!synq_recording(sn))
		return;
	synq_event_ends(&e.r, req);
	synq_print_copy(sn, &e.r, &e.print);
	synq_feeds_write(sn, SYNQ_KIND_EVENT, &e.r, inet_rsk(req)->ir_mark);
}

noinline void notrace synq_event_removed(const struct synq_net *sn, const struct request_sock *req,
					  enum synq_counter outcome, bool dequeued)
{
	const struct sock *listener = req->rsk_listener;
	u64 sent = tcp_rsk(req)->snt_synack;
	struct synq_event e = {
		.r.kind = SYNQ_RECORD_REMOVED,
		.outcome = outcome,
		.qlen = reqsk_queue_len(&inet_csk(listener)->icsk_accept_queue) - !dequeued,
		.age_us = sent ? tcp_clock_us() - sent : 0,
		.synacks = req->num_retrans + 1,
	};

	synq_event_ends(&e.r, req);
	synq_feeds_write(sn, SYNQ_KIND_EVENT, &e.r, inet_rsk(req)->ir_mark);
}
