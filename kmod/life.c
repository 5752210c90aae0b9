// SPDX-License-Identifier: GPL-2.0-only
/* The rarer changes of the word that life.h describes. */
#include <linux/random.h>

#include "life.h"

/*
 * A try fails if another CPU changes the word first. That advances the half-open
 * by one state, and few states are left after each.
 */
#define SYNQ_LIFE_TRIES	8

/**
 * struct synq_move - a request that the timer of this CPU may have moved
 * @req: the request; NULL: none, also once it is freed: synq_life_move_ends()
 * @moves: the kernel's count of moves on this CPU before that
 */
struct synq_move {
	struct request_sock	*req;
	u64			moves;
};

static DEFINE_PER_CPU(struct synq_move, synq_move);

unsigned long synq_life_nonce __read_mostly;

void synq_life_init(void)
{
	synq_life_nonce = get_random_long();
}

static __always_inline bool synq_life_known(unsigned long word, unsigned long key)
{
	return (word ^ key) <= SYNQ_LIFE_MASK;
}

static __always_inline bool synq_life_counted(unsigned long word, unsigned long key)
{
	return word == key || word == (key | SYNQ_LIFE_ICMP);
}

static __always_inline bool synq_life_moving(unsigned long word, unsigned long key)
{
	return word == (key | SYNQ_LIFE_MOVING) || word == (key | SYNQ_LIFE_MOVING_AGAIN);
}

static __always_inline struct request_sock **synq_life_original(const struct request_sock *req)
{
	return (struct request_sock **)&req->__req_common.skc_bind_node.pprev;
}

static __always_inline bool synq_life_is_clone(const struct request_sock *req,
					       unsigned long word, unsigned long key)
{
	return synq_life_moving(word, key) && READ_ONCE(*synq_life_original(req)) != req;
}

static __always_inline struct net *synq_life_net(const struct request_sock *req)
{
	return read_pnet(&inet_rsk(req)->ireq_net);
}

static __always_inline struct synq_cpu __percpu *synq_life_cpus(const struct request_sock *req)
{
	return READ_ONCE(synq_net_hook(synq_life_net(req))->cpu);
}

/* Return: SYNQ_LIFE_NOT_BEGUN, SYNQ_LIFE_BEGUN, or the outcome if it has already ended. */
int notrace synq_life_begin_slow(struct request_sock *req)
{
	unsigned long key = synq_life_key(req);
	unsigned long *word = synq_life_word(req);
	unsigned long seen = READ_ONCE(*word);
	int i;

	for (i = 0; i < SYNQ_LIFE_TRIES; i++) {
		bool known = synq_life_known(seen, key);
		unsigned long was;

		/* The walk at load may already have counted it in `initial`. */
		if (known && !(seen & SYNQ_LIFE_EARLY))
			return SYNQ_LIFE_NOT_BEGUN;
		was = cmpxchg(word, seen, known ? key | SYNQ_LIFE_GONE : key);
		if (was == seen) {
			if (!known)
				return SYNQ_LIFE_BEGUN;
			if (!(seen & SYNQ_LIFE_AT_LOAD))
				this_cpu_inc(synq_life_cpus(req)->early_begun);
			return SYNQ_COMPLETED + (seen & (SYNQ_LIFE_EARLY - 1));
		}
		seen = was;
	}
	return SYNQ_LIFE_NOT_BEGUN;
}

/* Return whether to count a hashed request found at load. */
bool synq_life_find(struct request_sock *req)
{
	unsigned long *word = synq_life_word(req);
	unsigned long key = synq_life_key(req);
	unsigned long seen = READ_ONCE(*word);

	return !synq_life_known(seen, key) && cmpxchg(word, seen, key) == seen;
}

/* Return whether a half-open may end from the state in @seen. */
static __always_inline bool synq_life_may_end(const struct request_sock *req, unsigned long seen,
					      unsigned long key, enum synq_counter outcome)
{
	return synq_life_counted(seen, key) || synq_life_is_clone(req, seen, key) ||
	       (outcome == SYNQ_COMPLETED && synq_life_moving(seen, key));
}

bool notrace synq_life_end_slow(struct request_sock *req, enum synq_counter outcome)
{
	unsigned long *word = synq_life_word(req);
	unsigned long key = synq_life_key(req);
	unsigned long early = key | SYNQ_LIFE_EARLY | (outcome - SYNQ_COMPLETED) |
			      (READ_ONCE(synq_initial_done) ? 0 : SYNQ_LIFE_AT_LOAD);
	unsigned long seen = READ_ONCE(*word);
	int i;

	for (i = 0; i < SYNQ_LIFE_TRIES; i++) {
		bool known = synq_life_known(seen, key);
		unsigned long was;

		if (known && !synq_life_may_end(req, seen, key, outcome)) {
			if (outcome == SYNQ_COMPLETED)
				this_cpu_inc(synq_life_cpus(req)->late_completions);
			return false;
		}
		was = cmpxchg(word, seen, known ? key | SYNQ_LIFE_GONE : early);
		if (was == seen) {
			if (!known && !(early & SYNQ_LIFE_AT_LOAD))
				this_cpu_inc(synq_life_cpus(req)->early_ended);
			return known;
		}
		seen = was;
	}
	return false;
}

/* Note that an ICMP error is about to end it. */
void notrace synq_life_icmp(struct request_sock *req)
{
	unsigned long key = synq_life_key(req);

	cmpxchg(synq_life_word(req), key, key | SYNQ_LIFE_ICMP);
}

/* Decide whether the timer of @cpu, which has finished with @req, moved it. */
static notrace void synq_life_move_end(struct synq_move *move, struct request_sock *req, int cpu)
{
	unsigned long key = synq_life_key(req);
	unsigned long *word = synq_life_word(req);
	unsigned long seen = READ_ONCE(*word);

	if (synq_life_moving(seen, key)) {
		bool moved = synq_moves(synq_life_net(req), cpu) != READ_ONCE(move->moves);

		cmpxchg(word, seen, moved ? key | SYNQ_LIFE_GONE : key);
	}
	cmpxchg(&move->req, req, NULL);
}

/* Decide the move that the timer of this CPU may have made; it has finished. */
void notrace synq_life_moves_end(void)
{
	struct request_sock *req = this_cpu_read(synq_move.req);

	if (req)
		synq_life_move_end(this_cpu_ptr(&synq_move), req, smp_processor_id());
}

/* Do the same if the timer of this CPU may have moved this request. */
void notrace synq_life_move_ends_here(struct request_sock *req)
{
	if (this_cpu_read(synq_move.req) == req)
		synq_life_moves_end();
}

/*
 * Clear the address of a request that is being freed and may have been moved, on
 * all CPUs. A SYN-ACK being sent may have held it longer than its timer did.
 */
void notrace synq_life_move_ends(struct request_sock *req)
{
	int cpu;

	if (READ_ONCE(*synq_life_original(req)) != req)
		return;
	for_each_possible_cpu(cpu)
		if (READ_ONCE(per_cpu(synq_move, cpu).req) == req)
			synq_life_move_end(per_cpu_ptr(&synq_move, cpu), req, cpu);
	/* Otherwise the next request in this memory would search all CPUs, too. */
	WRITE_ONCE(*synq_life_original(req), NULL);
}

/**
 * synq_life_unused() - finish the word of a clone that the timer of this CPU gives up
 * @req: a request that is not hashed
 * @held: it is freed with references left, as only an unused clone is
 *
 * Some kernels free it with references left (6.18), others without (6.1.192, 7.3).
 * The timer still holds the original, and has moved nothing.
 *
 * Return: whether it is an unused clone, whose end must not be counted.
 */
bool notrace synq_life_unused(struct request_sock *req, bool held)
{
	struct synq_move *move = this_cpu_ptr(&synq_move);
	unsigned long key = synq_life_key(req);
	unsigned long *word = synq_life_word(req);
	unsigned long seen = READ_ONCE(*word);
	bool unused = held ||
		      (synq_life_is_clone(req, seen, key) &&
		       READ_ONCE(move->req) == READ_ONCE(*synq_life_original(req)) &&
		       synq_moves(synq_life_net(req), smp_processor_id()) == move->moves);

	if (unused)
		cmpxchg(word, seen, key | SYNQ_LIFE_GONE);
	return unused;
}

/**
 * synq_life_move() - note that a request's timer may put a clone in its place
 * @req: the request
 *
 * Called after synq_life_moves_end().
 *
 * Return: whether it was not counted before; count it as found at load.
 */
bool notrace synq_life_move(struct request_sock *req)
{
	struct synq_move *move = this_cpu_ptr(&synq_move);
	unsigned long key = synq_life_key(req);
	unsigned long *word = synq_life_word(req);
	unsigned long seen = READ_ONCE(*word);
	int i;

	move->moves = synq_moves(synq_life_net(req), smp_processor_id());
	WRITE_ONCE(*synq_life_original(req), req);
	for (i = 0; i < SYNQ_LIFE_TRIES; i++) {
		bool known = synq_life_known(seen, key);
		unsigned long was;

		if (known && !synq_life_counted(seen, key) && !synq_life_moving(seen, key))
			return false;
		was = cmpxchg(word, seen, key | (seen == (key | SYNQ_LIFE_MOVING) ?
						 SYNQ_LIFE_MOVING_AGAIN : SYNQ_LIFE_MOVING));
		if (was == seen) {
			WRITE_ONCE(move->req, req);
			return !known;
		}
		seen = was;
	}
	return false;
}
