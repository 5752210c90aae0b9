/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: a hook writes them for the taps that ask, and a tap reads them.
 *
 * A tap that asks for more than counts has a feed: a ring for each CPU. Only
 * that CPU writes to it, with interrupts off, so that a hook in an interrupt
 * cannot write between. If the ring is full, the hook counts the record as lost.
 *
 * A reader merges the rings in order of time. A writer sets @busy before it reads
 * the clock. A reader reads the clock, waits until no ring is busy, and then has
 * all records older than that time. The writer's clock may run back by some
 * nanoseconds: a record that is too old for its place gets the time of the
 * reader's previous clock reading.
 */
#ifndef SYNQ_RECORD_H
#define SYNQ_RECORD_H

#include <linux/in6.h>
#include <linux/irq_work.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/wait.h>
#include <net/tcp.h>

#include "counters.h"
#include "tap.h"
#include "text.h"

/**
 * struct synq_record - the part that all kinds of record share
 * @time: CLOCK_MONOTONIC, nanoseconds
 * @local: this machine's end; IPv4 as v4-mapped
 * @remote: the peer's end
 * @local_port: in host order
 * @remote_port: in host order
 * @kind: enum synq_record_kind, which determines the size
 */
struct synq_record {
	u64		time;
	struct in6_addr	local;
	struct in6_addr	remote;
	u16		local_port;
	u16		remote_port;
	u8		kind;
};

#define SYNQ_PRINT_OPTIONS	40	/* options of a TCP header: at least a byte each */
#define SYNQ_PRINT_NONE		0xff	/* no window scale */

/**
 * struct synq_print - the fingerprint of a SYN
 * @win: its window
 * @length: bytes from the IP header on; 0: not known
 * @mss: its MSS option; 0: none
 * @id: identification in its IPv4 header
 * @ipv6: it is IPv6, which has no such field
 * @ttl: time to live, or hop limit
 * @wscale: its window scale option; SYNQ_PRINT_NONE: none
 * @options: a letter for each TCP option, in their order
 */
struct synq_print {
	u32		length;
	u16		win;
	u16		mss;
	u16		id;
	bool		ipv6;
	u8		ttl;
	u8		wscale;
	char		options[SYNQ_PRINT_OPTIONS + 1];
};

/**
 * struct synq_syn - a SYN that did not enter the SYN queue
 * @r: the part that all kinds of record share
 * @qlen: half-opens in the listener's queue when it came
 * @limit: half-opens the queue holds
 * @accept_qlen: connections in the accept queue
 * @backlog: connections the accept queue holds
 * @answer: enum synq_counter
 * @print: its fingerprint
 */
struct synq_syn {
	struct synq_record r;
	u32		qlen;
	u32		limit;
	u32		accept_qlen;
	u32		backlog;
	u8		answer;
	struct synq_print print;
};

/**
 * struct synq_event - a half-open added or removed
 * @r: the part that all kinds of record share
 * @age_us: time since its first SYN-ACK, microseconds; if removed
 * @qlen: half-opens left in the listener's queue
 * @limit: half-opens the queue holds; if added
 * @synacks: SYN-ACKs sent
 * @outcome: enum synq_counter; if removed
 * @print: fingerprint of its SYN; if added, and the last member
 */
struct synq_event {
	struct synq_record r;
	u64		age_us;
	u32		qlen;
	u32		limit;
	u16		synacks;
	u8		outcome;
	struct synq_print print;
};

/**
 * struct synq_sample - the state of an established connection at a segment
 * @r: the part that all kinds of record share
 * @hook: SYNQ_SAMPLE_RCV or _XMIT
 * @ca_state: enum tcp_ca_state
 * @length: bytes of the segment: received, with its TCP header; sent, without
 * @snd_nxt: next sequence number to send
 * @snd_una: oldest sequence number not acknowledged
 * @snd_cwnd: congestion window, segments
 * @ssthresh: slow start threshold, segments
 * @snd_wnd: the peer's receive window, bytes
 * @srtt_us: smoothed round-trip time
 * @rcv_wnd: the local receive window, bytes
 * @rttvar_us: mean deviation of the round-trip time
 * @rto_us: retransmission timeout
 * @min_rtt_us: smallest recent round-trip time; ~0: not measured yet
 * @lost: segments considered lost now
 * @retrans: segments retransmitted since the connection began
 * @inflight: segments sent that are neither acknowledged nor considered lost
 * @rqueue: bytes the application has not read yet
 * @wqueue: bytes the peer has not acknowledged yet
 * @mss: bytes of the largest segment to send
 * @pacing_rate: bytes a second; ~0: unlimited
 * @delivery_rate: bytes a second, the latest measurement; 0: none
 * @bytes_acked: bytes acknowledged since the connection began
 * @cookie: sock_gen_cookie() of the socket
 * @ca_name: name of the congestion control
 *
 * Fields and units are those of struct tcp_info (include/uapi/linux/tcp.h, 6.1);
 * sample.c shows the source of each.
 */
struct synq_sample {
	struct synq_record r;
	u8		hook;
	u8		ca_state;
	u32		length;
	u32		snd_nxt;
	u32		snd_una;
	u32		snd_cwnd;
	u32		ssthresh;
	u32		snd_wnd;
	u32		srtt_us;
	u32		rcv_wnd;
	u32		rttvar_us;
	u32		rto_us;
	u32		min_rtt_us;
	u32		lost;
	u32		retrans;
	u32		inflight;
	u32		rqueue;
	u32		wqueue;
	u32		mss;
	u64		pacing_rate;
	u64		delivery_rate;
	u64		bytes_acked;
	u64		cookie;
	char		ca_name[TCP_CA_NAME_MAX];
};

#define SYNQ_STACK_MOST	24	/* frames of a stack that are kept */

/*
 * Most frames from synq_stack_take() to the hooked function: with a kprobe on
 * arm64 the exception's handlers are in between.
 */
#define SYNQ_STACK_OURS	16

/**
 * struct synq_stack - a call stack of the kernel
 * @depth: number of frames, the innermost; 0: not asked for
 * @frame: return addresses, the innermost first; with room for the module's own
 *	frames, which synq_stack_take() leaves out
 *
 * The last member of a record. The hook writes only @depth of its frames.
 */
struct synq_stack {
	u8		depth;
	unsigned long	frame[SYNQ_STACK_MOST + SYNQ_STACK_OURS];
};

/**
 * struct synq_drop - a packet that the kernel freed without using it
 * @r: the part that all kinds of record share
 * @location: the code that freed it, an address in the kernel's text
 * @reason: enum skb_drop_reason
 * @length: bytes from the header of its protocol on; the whole packet if not IP
 * @ip: it is IPv4 or IPv6
 * @proto: IPPROTO_*, if @ip
 * @ethertype: ETH_P_*, if not @ip; 0: not Ethernet
 * @flags: byte 13 of a TCP header (RFC 9293, 3.1)
 * @has_flags: the packet has a whole TCP header
 * @state: of its socket, TCP_*; 0: not known
 * @stack: call stack at @location
 */
struct synq_drop {
	struct synq_record r;
	unsigned long	location;
	u32		reason;
	u32		length;
	u16		ethertype;
	bool		ip;
	u8		proto;
	u8		flags;
	bool		has_flags;
	u8		state;
	struct synq_stack stack;
};

enum synq_cause {
	SYNQ_CAUSE_OTHER,
	SYNQ_CAUSE_FIN,
	SYNQ_CAUSE_RESET_RECEIVED,
	SYNQ_CAUSE_RESET_SENT,
	SYNQ_CAUSE_TIMEOUT,
	SYNQ_CAUSE_ABORTED,
	SYNQ_CAUSE_ICMP,
	SYNQ_CAUSES
};

/**
 * struct synq_close - a connection that closed
 * @r: the part that all kinds of record share
 * @state: the state that it left for TCP_CLOSE, TCP_*
 * @cause: enum synq_cause; close.c describes how the module decides it
 * @stack: call stack of the close
 */
struct synq_close {
	struct synq_record r;
	u8		state;
	u8		cause;
	struct synq_stack stack;
};

/* Most characters of " ADDRESS:PORT ADDRESS:PORT". */
#define SYNQ_ENDS_MOST	(2 * sizeof(" [ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535"))
#define SYNQ_ENDS_KNOWN	64	/* connections whose ends a feed caches as text */

/**
 * struct synq_ends - the ends of a connection as text, shared by all its samples
 * @local: as in &struct synq_record, and the next three
 * @remote: likewise
 * @local_port: likewise
 * @remote_port: likewise
 * @length: of @text; 0: unused
 * @text: both ends as a line shows them
 */
struct synq_ends {
	struct in6_addr	local;
	struct in6_addr	remote;
	u16		local_port;
	u16		remote_port;
	u8		length;
	char		text[SYNQ_ENDS_MOST + SYNQ_TEXT_ROOM];
};

#define SYNQ_SEEN_BITS	12	/* a feed stores the cwnd of 4096 connections */

struct synq_ring;

/**
 * struct synq_reader - the readers of a tap
 * @wait: readers and pollers
 * @dozing: the next record or half-open must start the tap's tick
 * @wake: starts the tick outside of the hook, and wakes @wait. Queued if the tick
 *	dozes, a ring is half full or latency_ms is 0
 */
struct synq_reader {
	wait_queue_head_t	wait;
	bool			dozing;
	struct irq_work		wake;
};

/**
 * struct synq_feed - a tap's rings
 * @node: in the list of its namespace
 * @filter: the tap's filter
 * @rings: by CPU; NULL if the CPU has not been online, or there was no memory
 * @ring_size: bytes of data that each ring holds
 * @bytes: memory of all rings
 * @hotplug: gives a ring to a CPU that comes online
 * @ringless: records lost on CPUs without a ring, by enum synq_record_kind
 * @since: when the batch before the one being read ended, or the feed began; no
 *	record being read gets an older time
 * @until: the batch being read has records older than that
 * @cpu: the CPU whose ring has the oldest record of the batch
 * @others: no record of the batch in other rings is older, nanoseconds of
 *	CLOCK_MONOTONIC
 * @reported: losses already reported to the reader, by enum synq_record_kind
 * @reader: the tap's
 * @seen: last cwnd of a connection, for full=0; sample.c
 * @ends: cache of the ends of recently printed connections, hashed by ports
 */
struct synq_feed {
	struct hlist_node		node;
	struct synq_filter __rcu	*filter;
	struct synq_ring		**rings;
	u32				ring_size;
	size_t				bytes;
	struct hlist_node		hotplug;
	atomic64_t			ringless[SYNQ_RECORD_KINDS];
	u64				since;
	u64				until;
	int				cpu;
	u64				others;
	u64				reported[SYNQ_RECORD_KINDS];
	struct synq_reader		*reader;
	u64				seen[1 << SYNQ_SEEN_BITS];
	struct synq_ends		ends[SYNQ_ENDS_KNOWN];
};

int synq_feeds_init(void);
void synq_feeds_uninit(void);
struct synq_feed *synq_feed_open(struct net *net, const struct synq_filter *filter,
				 struct synq_reader *reader);
void synq_feed_close(struct net *net, struct synq_feed *feed);
int synq_feed_change(struct net *net, struct synq_feed *feed, const struct synq_filter *filter);
bool synq_feed_holds(const struct synq_feed *feed, bool half);
u64 synq_feed_begin(struct synq_feed *feed);
const struct synq_record *synq_feed_peek(struct synq_feed *feed);
void synq_feed_take(struct synq_feed *feed, const struct synq_record *r);
u64 synq_feed_lost(const struct synq_feed *feed);
u64 synq_feed_unreported(struct synq_feed *feed, enum synq_record_kind kind,
			 u64 *lost, u64 *produced);

bool synq_feed_write(const struct synq_net *sn, struct synq_feed *feed,
		     const struct synq_record *r);
void synq_feeds_write(const struct synq_net *sn, unsigned int kind,
		      const struct synq_record *r, u32 mark);
u32 synq_record_size(const struct synq_record *r);
bool synq_record_wanted(const struct synq_filter *filter, const struct synq_record *r, u32 mark);

/* ---- Parts of records ---- */

void synq_record_ends(struct synq_record *r, const struct sock *sk);
void synq_stack_take(struct synq_stack *stack, unsigned long from, unsigned long entry);

/* ---- Lines (format.c) ---- */

void synq_time_show(struct seq_file *seq, u64 ns);
void synq_record_header(struct seq_file *seq);
void synq_record_show(struct seq_file *seq, const struct synq_record *record, u64 start,
		      bool tcpprobe, struct synq_ends *known);
char synq_record_letter(enum synq_record_kind kind);

/* ---- SYNs (syn.c) ---- */

void synq_print_copy(const struct synq_net *sn, const struct synq_record *r,
		     struct synq_print *print);

/* ---- Events (event.c) ---- */

void synq_event_ends(struct synq_record *r, const struct request_sock *req);
void synq_event_added(struct synq_net *sn, const struct sock *listener,
		      const struct request_sock *req);
void synq_event_removed(const struct synq_net *sn, const struct request_sock *req,
			enum synq_counter outcome, bool dequeued);

#endif /* SYNQ_RECORD_H */
