/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hook of a removal is called with: see removal.c. */
#ifndef SYNQ_REMOVAL_H
#define SYNQ_REMOVAL_H

#include <linux/timer.h>
#include <net/request_sock.h>

#include "tcpsynq.h"

enum synq_removal {
	SYNQ_REMOVAL_TOLD,	/* (listener, req, from_timer) */
	SYNQ_REMOVAL_UNTOLD,	/* (listener, req) */
	SYNQ_REMOVAL_UNLINK,	/* (req) */
};

extern enum synq_removal synq_removal;

static __always_inline struct request_sock *synq_removed(const struct synq_call *call)
{
	return (void *)(likely(synq_removal != SYNQ_REMOVAL_UNLINK) ? call->arg[1] : call->arg[0]);
}

/*
 * Does its own timer remove it? Where that is not told: a timer that is at work
 * is not pending. So a segment that ends a request while its timer sends the
 * SYN-ACK again is taken for the timer there: counted once, as expired.
 */
static __always_inline bool synq_removed_by_timer(const struct synq_call *call,
						  const struct request_sock *req)
{
	return likely(synq_removal == SYNQ_REMOVAL_TOLD) ? (u8)call->arg[2] :
							   !timer_pending(&req->rsk_timer);
}

#endif /* SYNQ_REMOVAL_H */
