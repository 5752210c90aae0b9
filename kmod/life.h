/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A word in each request stores how far the module has counted its half-open.
 * Even if CPUs race, it is counted once as added and once as ended.
 *
 * A request is never bound to a port, so the kernel leaves its skc_bind_node
 * alone: reqsk_alloc() does not set it, inet_reqsk_clone() copies it, no socket
 * gets it (4.14 to 7.3). We use its first word. The kernel reuses the memory of a
 * request without clearing it, so the word contains the key of this life; without
 * the key, nothing has been counted. The key identifies the half-open and not the
 * address of the request, so a clone keeps the state. The key is valid once the
 * request is hashed: inet_ehash_insert() sets skc_hash, and snt_isn does not change
 * after that.
 *
 *   event                        finds                  leaves   counts
 *   SYN-ACK sent first           no key                 COUNTED  added
 *                                EARLY                  GONE     added, outcome
 *   found at load                no key                 COUNTED  initial
 *   removed, hashed until then   COUNTED, ICMP, clone   GONE     outcome
 *                                no key                 EARLY
 *   completed                    COUNTED, ICMP, MOVING  GONE     completed
 *                                no key                 EARLY
 *                                GONE                            late_completions
 *   ICMP error for it            COUNTED                ICMP
 *   its timer may move it        COUNTED, ICMP, clone   MOVING
 *                                no key                 MOVING   initial
 *   it is known to have moved    MOVING                 GONE
 *   it is known not to have      MOVING                 COUNTED
 *   freed                        COUNTED, ICMP, clone   GONE     outcome
 *   a clone is given up unhashed clone                  GONE
 *
 * In all other cases nothing changes and nothing is counted. A hook may see a
 * removal before the SYN-ACK: a RST for the request arrives on another CPU once it
 * is hashed. Or the half-open may be from before the load.
 *
 * Since 5.14, if the listener of a request has closed, its timer may put a clone in
 * its place in the hash. The clone has the word as it was copied, MOVING.
 * The second word of skc_bind_node holds the original's address, which
 * distinguishes the two. Whether the clone took the place shows in the kernel's
 * count of moves on that CPU: until the next hook of a move runs there, nothing
 * else has changed that count.
 *
 * One case is accepted (`overtaken` in test/model/life.pml): the hook of a RST has
 * counted the end. Before the RST removes the request from the hash, a clone takes
 * the request's place. That half-open lives on uncounted.
 *
 * Each change is one compare-and-exchange on one word, so all CPUs see these
 * changes in the same order. No other memory depends on that order.
 */
#ifndef SYNQ_LIFE_H
#define SYNQ_LIFE_H

#include <net/request_sock.h>
#include <net/tcp.h>

#include "counters.h"

enum synq_life {
	SYNQ_LIFE_COUNTED,	/* as added, or as found at load */
	SYNQ_LIFE_ICMP,		/* the same, and an ICMP error is ending it */
	SYNQ_LIFE_MOVING,	/* a clone may take its place, or it is that clone */
	SYNQ_LIFE_MOVING_AGAIN,	/* the same, of a clone that was MOVING, and then in turns */
	SYNQ_LIFE_GONE,		/* its end has been counted */
	SYNQ_LIFE_EARLY = 8,	/* and the outcome: it ended before it was counted */
	SYNQ_LIFE_AT_LOAD = 16,	/* of EARLY: before all half-opens at load were found */
	SYNQ_LIFE_MASK = 31,
};

extern unsigned long synq_life_nonce;	/* random: words of an earlier load have no key */

static __always_inline unsigned long *synq_life_word(const struct request_sock *req)
{
	return (unsigned long *)&req->__req_common.skc_bind_node.next;
}

static __always_inline unsigned long synq_life_key(const struct request_sock *req)
{
	unsigned long isn = tcp_rsk(req)->snt_isn;

	return ((isn << 32 | req->__req_common.skc_hash) ^ synq_life_nonce) &
	       ~(unsigned long)SYNQ_LIFE_MASK;
}

/* synq_life_begin_slow() returns an outcome, or one of these. */
#define SYNQ_LIFE_NOT_BEGUN	(-1)
#define SYNQ_LIFE_BEGUN		0

/*
 * Return true if the half-open has been counted and its end may not have been. The
 * state alone answers for most requests, in fewer instructions than their key takes.
 */
static __always_inline bool synq_life_unfinished(const struct request_sock *req)
{
	unsigned long word = READ_ONCE(*synq_life_word(req));

	return (word & SYNQ_LIFE_MASK) < SYNQ_LIFE_GONE &&
	       (word ^ synq_life_key(req)) < SYNQ_LIFE_GONE;
}

/* Return whether a timer may have moved it, so that a CPU may have noted its address. */
static __always_inline bool synq_life_may_be_noted(const struct request_sock *req)
{
	return (void *)READ_ONCE(req->__req_common.skc_bind_node.pprev) == req;
}

/* Return whether it has been counted, and has not begun to end or move. */
static __always_inline bool synq_life_is_counted(const struct request_sock *req)
{
	return (READ_ONCE(*synq_life_word(req)) ^ synq_life_key(req)) <= SYNQ_LIFE_ICMP;
}

/* Return whether an ICMP error is ending it. */
static __always_inline bool synq_life_is_icmp(const struct request_sock *req)
{
	return READ_ONCE(*synq_life_word(req)) == (synq_life_key(req) | SYNQ_LIFE_ICMP);
}

void synq_life_init(void);
int synq_life_begin_slow(struct request_sock *req);
bool synq_life_find(struct request_sock *req);
bool synq_life_end_slow(struct request_sock *req, enum synq_counter outcome);
void synq_life_icmp(struct request_sock *req);
bool synq_life_move(struct request_sock *req);
void synq_life_moves_end(void);
void synq_life_move_ends_here(struct request_sock *req);
void synq_life_move_ends(struct request_sock *req);
bool synq_life_unused(struct request_sock *req, bool held);

/* Claim a half-open whose SYN-ACK is being sent. If false, call synq_life_begin_slow(). */
static __always_inline bool synq_life_begin(struct request_sock *req)
{
	unsigned long key = synq_life_key(req);
	unsigned long *word = synq_life_word(req);
	unsigned long seen = READ_ONCE(*word);

	return (seen ^ key) > SYNQ_LIFE_MASK && cmpxchg(word, seen, key) == seen;
}

/* Claim the end of a half-open, to count it. If false, call synq_life_end_slow(). */
static __always_inline bool synq_life_end(struct request_sock *req, unsigned long key)
{
	return cmpxchg(synq_life_word(req), key, key | SYNQ_LIFE_GONE) == key;
}

#endif /* SYNQ_LIFE_H */
