/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring of records of different sizes: one writer, one reader, no lock.
 *
 * @head and @tail are offsets into @data; equal means empty, so one byte is
 * always free. Records are contiguous: one that does not fit before the end
 * goes to the beginning, and @wrap stores where the data before it ends.
 * The writer moves @wrap only after the reader has passed it.
 */
#ifndef SYNQ_RING_H
#define SYNQ_RING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "record.h"

struct synq_ring {
	u32		head;		/* next to write; the writer's */
	u32		wrap;		/* the writer's */
	u32		busy;		/* being written; the writer's */
	u64		latest;		/* time of the last record; the writer's */
	u64		produced[SYNQ_RECORD_KINDS];
	u64		lost[SYNQ_RECORD_KINDS];

	u32		tail ____cacheline_aligned_in_smp;	/* next to read; the reader's */
	u32		end;		/* where the reader's batch ends */

	u32		size ____cacheline_aligned_in_smp;
	u8		data[] __aligned(8);
};

/* Return contiguous room for @bytes, or NULL. Only for the writer. */
static __always_inline void *synq_ring_reserve(struct synq_ring *ring, u32 bytes)
{
	u32 tail = smp_load_acquire(&ring->tail);
	u32 head = ring->head;

	if (head < tail)
		return tail - head > bytes ? ring->data + head : NULL;
	if (ring->size - head >= bytes)
		return ring->data + head;
	return tail > bytes ? ring->data : NULL;
}

/* Publish @record, of @bytes, which was written where synq_ring_reserve() returned. */
static __always_inline void synq_ring_commit(struct synq_ring *ring, const void *record, u32 bytes)
{
	u32 at = (const u8 *)record - ring->data;

	if (at < ring->head)
		ring->wrap = ring->head;
	/* Pairs with the acquire in synq_ring_snapshot(). */
	smp_store_release(&ring->head, at + bytes);
}

/* Return whether more than half of it is used. */
static __always_inline bool synq_ring_filling(const struct synq_ring *ring)
{
	u32 head = READ_ONCE(ring->head), tail = READ_ONCE(ring->tail);

	return (head >= tail ? head - tail : ring->size - tail + head) > ring->size / 2;
}

static inline bool synq_ring_waiting(const struct synq_ring *ring)
{
	return READ_ONCE(ring->head) != READ_ONCE(ring->tail);
}

/* Make all records now in the ring the reader's batch. */
static inline void synq_ring_snapshot(struct synq_ring *ring)
{
	/* Pairs with the release in synq_ring_commit(). */
	ring->end = smp_load_acquire(&ring->head);
}

/* Return the oldest record of the batch, or NULL. Only for the reader. */
static inline struct synq_record *synq_ring_peek(struct synq_ring *ring)
{
	if (ring->tail > ring->end && ring->tail == ring->wrap)
		/* Pairs with the acquire in synq_ring_reserve(). */
		smp_store_release(&ring->tail, 0);
	return ring->tail == ring->end ? NULL : (void *)(ring->data + ring->tail);
}

/* Release the record of @bytes that synq_ring_peek() returned. */
static inline void synq_ring_take(struct synq_ring *ring, u32 bytes)
{
	/* Pairs with the acquire in synq_ring_reserve(). */
	smp_store_release(&ring->tail, ring->tail + bytes);
}

#endif /* SYNQ_RING_H */
