/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who takes a half-open out of the SYN queue: exactly one CPU may count it.
 *
 * __inet_csk_reqsk_queue_drop() unlinks a request only if it is still in the
 * established hash, and whether it was shows only in what the function
 * returns; we are called at its entry. A request found unhashed there is not
 * ours to count: a completed handshake (counted where it completes) or a race
 * already lost. A request found hashed will be unlinked by us or by another
 * CPU that is also on its way: a RST beside the timer, two RSTs, a RST beside
 * the final ACK.
 *
 * The others are known by what they hold. A half-open has one reference for
 * the hash and one for its timer (reqsk_queue_hash_req(), 6.1); a segment
 * adds one while it is being handled, the timer handler adds none but is not
 * pending while it runs. So:
 *
 *  - Each CPU first announces, in a slot of its own, the request it is about
 *    to take, then looks. If no reference is left over and the timer is
 *    pending (or is us), it is alone: it owns the removal. Whoever comes
 *    later holds a reference, or is the timer, and looks at the slots.
 *  - If it may not be alone, it goes through the slots under a lock, and owns
 *    the removal if no other CPU does and the request is still hashed.
 *    Another's removal that is already over has unhashed the request.
 *  - The final ACK unhashes the request before we see it. It counts unless a
 *    CPU owns the removal, now or of late: each keeps the last it owned. That
 *    one had looked before the unhashing, and came to its own unlinking too
 *    late: it waited for the lock of the hash, or its virtual CPU stood still.
 *    Its count stands, for figures never go back; the status says how often.
 *
 * All this wants that nothing else comes between on a CPU from the look to the
 * unlinking. Where it may (SYNQ_BH_PREEMPTED in compat.h) the slot of a removal
 * may be gone before it is over, so that whoever may not be alone asks, too, who
 * owned it of late. Enough others in between have that forgotten, which is why
 * the status vouches for nothing there.
 *
 * tcp_migrate_req unhashes a request without passing any of this. If a segment
 * may be ending the request while its timer moves it to another listener, the
 * claim is counted as undecided, and the status says so.
 *
 * What a slot holds tells one life of a request from the next: its address
 * mixed with its initial sequence number, which the kernel draws anew for each
 * (by siphash, or past the last one of a connection in TIME_WAIT).
 */
#ifndef SYNQ_CLAIM_H
#define SYNQ_CLAIM_H

#include <linux/percpu.h>
#include <net/request_sock.h>
#include <net/tcp.h>

enum synq_claim_state {
	SYNQ_CLAIM_NONE = 0,
	SYNQ_CLAIM_ASKING = 1,	/* has announced, has not decided */
	SYNQ_CLAIM_OWNED = 2,	/* has counted the removal */
	SYNQ_CLAIM_WAITING = 3,	/* will decide under the lock */
	SYNQ_CLAIM_MASK = 3,
};

/*
 * Removals of late, for a final ACK that lost to one which is over: between
 * its unhashing and its look lie some thousand instructions with bottom halves
 * off, in which another CPU would have to own this many more to forget one.
 */
#define SYNQ_CLAIM_PAST		256

struct synq_claim_past {
	unsigned long	key[SYNQ_CLAIM_PAST];
	u8		next;	/* overflows as they go round */
};

DECLARE_PER_CPU(unsigned long, synq_claim_slot);
extern struct synq_claim_past __percpu *synq_claim_past;

static __always_inline void synq_claim_own(unsigned long key)
{
	struct synq_claim_past *past = this_cpu_ptr(synq_claim_past);

	u8 at = past->next++;

	WRITE_ONCE(past->key[at], key);
	this_cpu_write(synq_claim_slot, key | SYNQ_CLAIM_OWNED);
}

int synq_claim_init(void);
void synq_claim_uninit(void);
bool synq_claim_contended(struct request_sock *req, unsigned long key, bool from_timer);
bool synq_complete_contended(struct request_sock *req);
unsigned long synq_claims_undecided(void);
unsigned long synq_claims_overtaken(void);

static __always_inline unsigned long synq_claim_key(const struct request_sock *req)
{
	unsigned long isn = tcp_rsk(req)->snt_isn;

	return (unsigned long)req ^ isn << 32;
}

/* No more than @n references? The timer is to be looked at after them. */
static __always_inline bool synq_claim_references(const struct request_sock *req, unsigned int n)
{
	bool few = refcount_read(&req->rsk_refcnt) <= n;

	smp_rmb();
	return few;
}

/**
 * synq_claim_drop() - may this CPU count the removal it is about to make?
 * @req: the request on its way out of the hash
 * @key: synq_claim_key() of it
 * @from_timer: true if the request's own timer takes it out
 *
 * Called with bottom halves off, at the entry of the removal.
 *
 * Return: SYNQ_CLAIM_OWNED: it may. SYNQ_CLAIM_NONE: it may not.
 * SYNQ_CLAIM_ASKING: it may not be alone, and synq_claim_contended() decides.
 */
static __always_inline enum synq_claim_state synq_claim_drop(
	struct request_sock *req, unsigned long key, bool from_timer)
{
	bool alone;

	/* After what this CPU's last removal did to the hash. */
	smp_wmb();
	this_cpu_write(synq_claim_slot, key | SYNQ_CLAIM_ASKING);
	/*
	 * The slot before the look: pairs with itself on another CPU, and
	 * with the barrier in synq_claim_complete().
	 */
	smp_mb();
	alone = synq_claim_references(req, from_timer ? 2 : 3) &&
		(from_timer || timer_pending(&req->rsk_timer));
	/*
	 * The references before the hash: whoever has unlinked the request
	 * lets the hash's go after that, so where they look few because of
	 * it the request is seen unhashed. Before "tcp/dccp: Don't use
	 * timer_pending() in reqsk_queue_unlink()." (6.12 and the stable
	 * kernels of its time) a removal does not wait for a timer that runs.
	 */
	smp_rmb();
	if (sk_unhashed(req_to_sk(req))) {
		this_cpu_write(synq_claim_slot, 0);
		return SYNQ_CLAIM_NONE;
	}
	if (likely(alone)) {
		synq_claim_own(key);
		return SYNQ_CLAIM_OWNED;
	}
	return SYNQ_CLAIM_ASKING;
}

/**
 * synq_claim_complete() - may this CPU count a handshake it has completed?
 * @req: the request, which this CPU has just replaced by its child in the hash
 */
static __always_inline bool synq_claim_complete(struct request_sock *req)
{
	/* The unhashing before the look: pairs with synq_claim_drop(). */
	smp_mb();
	if (likely(synq_claim_references(req, 2) && timer_pending(&req->rsk_timer)))
		return true;
	return synq_complete_contended(req);
}

#endif /* SYNQ_CLAIM_H */
