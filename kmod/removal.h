/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hook of a removal is called with: see removal.c. */
#ifndef SYNQ_REMOVAL_H
#define SYNQ_REMOVAL_H

#include <linux/jump_label.h>
#include <net/request_sock.h>

#include "tcpsynq.h"

/*
 * Called (listener, req, from_timer) unless one of these is set, and then
 * (listener, req), or (req).
 */
DECLARE_STATIC_KEY_FALSE(synq_removal_untold);
DECLARE_STATIC_KEY_FALSE(synq_removal_unlink);
extern struct synq_range synq_timer_handler;
extern struct synq_range synq_drop_and_put;

static __always_inline struct request_sock *synq_removed(const struct synq_call *call)
{
	return (void *)(static_branch_unlikely(&synq_removal_unlink) ? call->arg[0] : call->arg[1]);
}

/*
 * Does its own timer remove it? Where that is not told the caller tells: the
 * timer's handler, or inet_csk_reqsk_queue_drop_and_put(). Others that call
 * this do so for a listener that has closed, for a request that has left the
 * hash, or, as tcp_abort() once did, for one whose timer is pending, as it is
 * not while its handler runs.
 */
static __always_inline bool synq_removed_by_timer(const struct synq_call *call)
{
	if (!static_branch_unlikely(&synq_removal_untold))
		return (u8)call->arg[2];
	return synq_in_range(&synq_timer_handler, call->caller) ||
	       (synq_in_range(&synq_drop_and_put, call->caller) &&
		!timer_pending(&synq_removed(call)->rsk_timer));
}

#endif /* SYNQ_REMOVAL_H */
