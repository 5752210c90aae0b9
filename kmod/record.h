/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: what a hook writes for the taps that ask, and a tap reads.
 *
 * A tap that asks for more than counts has a feed: a ring for each CPU,
 * written by that CPU alone, with interrupts off so that a hook in an
 * interrupt cannot come between. A full ring takes no more, and counts what
 * it did not take.
 *
 * The rings are read in the order of time. A writer raises @busy before it
 * looks at the clock; a reader looks at the clock, waits for every ring that
 * is busy, and then has all records older than that look.
 */
#ifndef SYNQ_RECORD_H
#define SYNQ_RECORD_H

#include <linux/in6.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>

#include "tcpsynq.h"

enum synq_record_kind {
	SYNQ_RECORD_ADDED,
	SYNQ_RECORD_REMOVED,
	SYNQ_RECORD_KINDS
};

/**
 * struct synq_record - one thing that happened
 * @time: CLOCK_MONOTONIC, nanoseconds
 * @local: our end; IPv4 as v4-mapped
 * @remote: the peer's end
 * @age_us: of a half-open removed, since its first SYN-ACK; microseconds
 * @qlen: half-opens left in the listener's queue
 * @limit: how many it takes
 * @local_port: in host order, as all below
 * @remote_port: the peer's
 * @kind: enum synq_record_kind
 * @outcome: enum synq_counter, of a half-open removed
 * @synacks: SYN-ACKs sent
 */
struct synq_record {
	u64		time;
	struct in6_addr	local;
	struct in6_addr	remote;
	u64		age_us;
	u32		qlen;
	u32		limit;
	u16		local_port;
	u16		remote_port;
	u8		kind;
	u8		outcome;
	u16		synacks;
};

struct synq_ring {
	u32		head;		/* next to write; the writer's */
	u32		busy;		/* being written; the writer's */
	u64		produced[SYNQ_RECORD_KINDS];
	u64		lost[SYNQ_RECORD_KINDS];

	u32		tail ____cacheline_aligned_in_smp;	/* next to read; the reader's */
	u32		end;		/* where the reader's batch ends */

	u32		mask;
	struct synq_record records[];
};

/**
 * struct synq_feed - a tap's rings
 * @node: in the list of its namespace
 * @filter: what the tap asks for
 * @rings: one for each possible CPU
 * @bytes: what they take
 * @reported: losses the reader has been told of
 */
struct synq_feed {
	struct hlist_node		node;
	struct synq_filter __rcu	*filter;
	struct synq_ring		**rings;
	size_t				bytes;
	u64				reported[SYNQ_RECORD_KINDS];
};

struct synq_feed *synq_feed_open(struct net *net, const struct synq_filter *filter);
void synq_feed_close(struct synq_feed *feed);
int synq_feed_change(struct synq_feed *feed, const struct synq_filter *filter);
bool synq_feed_waiting(const struct synq_feed *feed);
u64 synq_feed_begin(struct synq_feed *feed);
const struct synq_record *synq_feed_peek(struct synq_feed *feed, int *cpu);
void synq_feed_take(struct synq_feed *feed, int cpu);
u64 synq_feed_lost(const struct synq_feed *feed);
u64 synq_feed_unreported(struct synq_feed *feed, enum synq_record_kind kind,
			 u64 *lost, u64 *produced);

void synq_record_show(struct seq_file *seq, const struct synq_record *record, u64 start);
char synq_record_letter(enum synq_record_kind kind);

#endif /* SYNQ_RECORD_H */
