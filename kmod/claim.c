// SPDX-License-Identifier: GPL-2.0-only
/* The rare half of claim.h: two CPUs may be after the same half-open. */
#include <linux/spinlock.h>

#include "claim.h"
#include "compat.h"

/*
 * A slot says ASKING for some ten instructions with bottom halves off; only
 * an interrupt can stretch that. Past this many looks the claim is given up
 * as undecided, and counted so.
 */
#define SYNQ_CLAIM_LOOKS	(1U << 20)

DEFINE_PER_CPU(unsigned long, synq_claim_slot);
/* Allocated: all modules share 8 KiB of static per-CPU data (PERCPU_MODULE_RESERVE, 6.1). */
struct synq_claim_past __percpu *synq_claim_past __read_mostly;

static DEFINE_RAW_SPINLOCK(synq_claim_lock);	/* guards all below */
static unsigned long synq_claim_undecided;
static unsigned long synq_claim_overtaken;

int synq_claim_init(void)
{
	synq_claim_past = alloc_percpu(struct synq_claim_past);
	return synq_claim_past ? 0 : -ENOMEM;
}

void synq_claim_uninit(void)
{
	free_percpu(synq_claim_past);
}

/* Times a claim could not be decided: each may have miscounted one half-open. */
unsigned long synq_claims_undecided(void)
{
	return READ_ONCE(synq_claim_undecided);
}

/* Handshakes completed after another CPU had counted their half-open as ended otherwise. */
unsigned long synq_claims_overtaken(void)
{
	return READ_ONCE(synq_claim_overtaken);
}

static bool notrace synq_claim_owned_elsewhere(unsigned long key)
{
	unsigned int looks = SYNQ_CLAIM_LOOKS;
	int cpu, self = smp_processor_id();

	for_each_possible_cpu(cpu) {
		unsigned long *slot = per_cpu_ptr(&synq_claim_slot, cpu);
		unsigned long seen;

		if (cpu == self)
			continue;
		while ((seen = READ_ONCE(*slot)) == (key | SYNQ_CLAIM_ASKING)) {
			if (!--looks) {
				synq_claim_undecided++;
				return false;
			}
			cpu_relax();
		}
		if (seen == (key | SYNQ_CLAIM_OWNED))
			return true;
	}
	return false;
}

static bool notrace synq_claim_owned_of_late(unsigned long key)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SYNQ_CLAIM_PAST; i++)
			if (READ_ONCE(per_cpu_ptr(synq_claim_past, cpu)->key[i]) == key)
				return true;
	return false;
}

/* May the timer be moving the request to another listener this moment? */
static bool notrace synq_claim_migrating(const struct request_sock *req)
{
	return !timer_pending(&req->rsk_timer) &&
	       inet_sk_state_load(req->rsk_listener) != TCP_LISTEN &&
	       synq_may_migrate(sock_net(req->rsk_listener));
}

noinline bool notrace synq_claim_contended(struct request_sock *req, unsigned long key,
					   bool from_timer)
{
	bool won;

	this_cpu_write(synq_claim_slot, key | SYNQ_CLAIM_WAITING);
	raw_spin_lock(&synq_claim_lock);
	won = !synq_claim_owned_elsewhere(key);
	/* Slots before the hash: a removal no slot shows any more is in the hash. */
	smp_mb();
	/* Another thread of its CPU may have taken the slot of one that is not over. */
	if (SYNQ_BH_PREEMPTED)
		won = won && !synq_claim_owned_of_late(key);
	won = won && !sk_unhashed(req_to_sk(req));
	if (won) {
		if (!from_timer && synq_claim_migrating(req))
			synq_claim_undecided++;
		synq_claim_own(key);
	} else {
		this_cpu_write(synq_claim_slot, 0);
	}
	raw_spin_unlock(&synq_claim_lock);
	return won;
}

noinline bool notrace synq_complete_contended(struct request_sock *req)
{
	unsigned long key = synq_claim_key(req);
	bool lost;

	raw_spin_lock(&synq_claim_lock);
	lost = synq_claim_owned_elsewhere(key);
	/* Slots before the past: what has left a slot is there. */
	smp_rmb();
	lost = lost || synq_claim_owned_of_late(key);
	synq_claim_overtaken += lost;
	raw_spin_unlock(&synq_claim_lock);
	return !lost;
}
