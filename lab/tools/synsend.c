// SPDX-License-Identifier: GPL-2.0-only
/*
 * synsend - send a limited number of raw SYNs. It completes, resets, ends by
 * ICMP or abandons the handshakes, in exact shares.
 *
 * The model. SYN number i has a 4-tuple, an initial sequence number and a
 * share. Each is a function of i alone, and each reply gives i back. So synsend
 * needs no lookups, and only one byte of state per SYN (seen, answered). The
 * numbers printed at the end determine the counts of the target. One thread
 * sends SYNs; another reads the target's replies from a ring and answers. RFC
 * 9293 section 3.10.7 and Linux's tcp_check_req() (net/ipv4/tcp_minisocks.c,
 * 6.1) define the effect of a segment at the target, and the order of checks.
 *
 * Setup. Run it in an "attacker" network namespace, on one end of a veth pair
 * whose other end is in the target's namespace:
 *   target:    ip route add 198.18.0.0/15 via ATTACKER dev VETH
 *              ip -6 route add 2001:db8:5::/48 via ATTACKER6 dev VETH
 *   attacker:  sysctl net.ipv4.ip_forward=0
 *              ip route add blackhole 198.18.0.0/15
 *              ip -6 route add blackhole 2001:db8:5::/48
 * SYN-ACKs then end at the attacker's veth, where only synsend reads them.
 * The attacker's kernel owns none of the sources, so it sends no RST. Without
 * the blackholes it may answer by ICMP: over IPv6 Linux reports "no route"
 * (ip6_pkt_drop() in net/ipv6/route.c), and with forwarding on it would
 * forward SYN-ACKs or refuse them.
 *
 * Sources. 198.18.0.0/15 is reserved for tests between devices (RFC 2544,
 * appendix C.2.2; RFC 6890), 2001:db8::/32 for documentation (RFC 3849).
 * Neither is on the Internet.
 *
 * Leftovers. The target keeps connections that did not end. A completed one
 * that it closes first waits in FIN-WAIT-1 for an answer that never comes, and
 * a later SYN with the same 4-tuple meets it. So complete with --then-reset,
 * or use other SYN numbers in each run, with --first.
 *
 * ICMP. An error ends a half-open only if it quotes the SYN-ACK's sequence
 * number and is fatal. For IPv4, fatal errors are net or host unreachable,
 * time exceeded and parameter problem (tcp_v4_err() in net/ipv4/tcp_ipv4.c).
 * For IPv6, icmpv6_err_convert() in net/ipv6/icmp.c decides: port unreachable
 * is fatal, address unreachable is not.
 */
#include "common.h"
#include "frame.h"
#include "link.h"
#include "outbox.h"
#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 100000000ULL
#define SOURCES_MAX 131070ULL	/* all hosts of a /15 */
#define SHARES_MAX 1000U
#define NAP_NS 1000000ULL
#define LONG_NAP_NS 20000000ULL
#define LOST_AFTER_NS NSEC_PER_SEC	/* then an unanswered SYN leaves the window */

enum share { COMPLETE, RESET, UNREACH, ABANDON, BAD_ACK, SHARES };

/* The kinds of frames, counted separately. */
enum kind {
	K_SYN, K_SYN_COPY, K_SYN_RETRY, K_SYN_RESET, K_BAD_ACK,
	K_COMPLETE, K_DATA, K_THEN_RESET, K_RESET, K_RESET_COPY, K_ICMP, K_AGAIN,
	KINDS
};

_Static_assert(KINDS <= OUTBOX_KINDS, "OUTBOX_KINDS is too small for all kinds");

/* Bits of the byte per SYN. Each is set once. */
enum { SEEN = 1, ANSWERED = 2, REFUSED = 4 };

enum { RUNNING, BY_TIME, BY_SIGNAL };

struct options {
	const char *dev;
	struct addr dst;
	struct ports dport, sport;
	struct prefix src;
	const char *dst_mac, *log;
	uint64_t first, count, rate, seconds_ns, linger_ns, retry_ns;
	uint64_t hold_ns, hold_more_ns;	/* for the first SYN; more for the last */
	uint64_t sources, window;
	unsigned int retries, weight[SHARES];
	unsigned int dup, dup_reset, then_data;
	unsigned int icmp_type, icmp_code;
	uint32_t seed;
	size_t ring_mib;
	int cpu;
	bool race, then_reset, reset_by_syn, timestamps, blind, qdisc, answer_repeats,
	     reset_behind;
};

/* An answer that waits for --hold. Later ones wait as long or longer, so it is a FIFO. */
struct waiting {
	uint64_t due;
	uint32_t n, synack_seq, tsval;
};

struct counts {
	uint64_t synack_first, synack_repeat, abandoned, rst_received, other;
};

static struct options o = {
	.sport = { 1024, 65535 },
	.seconds_ns = 60 * NSEC_PER_SEC,
	.dup = 1,
	.dup_reset = 1,
	.ring_mib = 64,
	.cpu = -1,
};
static struct link wire;
static struct ring ring;
static struct outbox syn_box, answer_box;
static struct counts counts;

static uint8_t *share_of_slot;		/* one period of the shares */
static uint32_t period;

static _Atomic uint8_t *state;		/* SEEN etc. per SYN; only the receiver writes */
static struct waiting *queue;
static size_t queue_head, queue_tail;

/* With --log, per SYN: the times of its first SYN-ACK and of the answer; 0: none. */
static struct times {
	uint64_t synack, answer;
} *times;

static atomic_int stop;			/* RUNNING, or the reason to stop */
static atomic_ullong settled;		/* SYNs that have left the window */
static atomic_ullong syns_done_at;	/* time of the last SYN, once all are sent */

/* ---- SYN number i, and back ---- */

/* Map 32-bit numbers one to one (Murmur3's finalizer): neighbours look unrelated. */
static uint32_t mix(uint32_t v)
{
	v ^= v >> 16;
	v *= 0x85ebca6b;
	v ^= v >> 13;
	v *= 0xc2b2ae35;
	return v ^ v >> 16;
}

static uint32_t isn_of(uint64_t i)
{
	return mix((uint32_t)i + o.seed);
}

/* Set the flow of SYN i. Target ports change fastest, then sources, then source ports. */
static void flow_of(uint64_t i, struct flow *f)
{
	uint64_t dports = o.dport.last - o.dport.first + 1U;
	uint64_t j = i / dports;

	f->target = o.dst;
	f->target_port = (uint16_t)(o.dport.first + i % dports);
	f->us = prefix_host(&o.src, j % o.sources);
	f->our_port = (uint16_t)(o.sport.first + j / o.sources);
}

static uint64_t tuples(void)
{
	return o.sources * (o.dport.last - o.dport.first + 1U) * (o.sport.last - o.sport.first + 1U);
}

/* Find the SYN with this flow, counted from 0 in this run. Return false if none has it. */
static bool number_of(const struct flow *f, uint64_t *n)
{
	uint64_t dports = o.dport.last - o.dport.first + 1U;
	uint64_t host, i;

	if (f->target_port < o.dport.first || f->target_port > o.dport.last ||
	    f->our_port < o.sport.first || f->our_port > o.sport.last ||
	    !prefix_host_index(&o.src, o.sources, &f->us, &host))
		return false;
	i = ((uint64_t)(f->our_port - o.sport.first) * o.sources + host) * dports +
	    (f->target_port - o.dport.first);
	*n = i - o.first;
	return i >= o.first && *n < o.count;
}

/*
 * Plan one period of the shares, evenly mixed: each slot goes to the share that
 * is furthest behind. Each share gets exactly its weight per period.
 */
static void plan_shares(void)
{
	int credit[SHARES] = { 0 };

	for (int s = 0; s < SHARES; s++)
		period += o.weight[s];
	share_of_slot = calloc(period, 1);
	if (!share_of_slot)
		fail("out of memory");
	for (uint32_t slot = 0; slot < period; slot++) {
		int best = -1;

		for (int s = 0; s < SHARES; s++) {
			credit[s] += (int)o.weight[s];
			if (o.weight[s] && (best < 0 || credit[s] > credit[best]))
				best = s;
		}
		credit[best] -= (int)period;
		share_of_slot[slot] = (uint8_t)best;
	}
}

static enum share share_of(uint64_t n)
{
	return share_of_slot[n % period];
}

static uint64_t planned(enum share s, uint64_t sent)
{
	uint64_t total = sent / period * o.weight[s];

	for (uint64_t slot = 0; slot < sent % period; slot++)
		total += share_of_slot[slot] == s;
	return total;
}

static bool has(uint64_t n, uint8_t bits)
{
	return atomic_load_explicit(&state[n], memory_order_relaxed) & bits;
}

/* There is one writer, so no update is lost between the load and the store. */
static void mark(uint64_t n, uint8_t bits)
{
	uint8_t old = atomic_load_explicit(&state[n], memory_order_relaxed);

	atomic_store_explicit(&state[n], old | bits, memory_order_relaxed);
}

/* ---- sending SYNs ---- */

static uint32_t milliseconds(void)
{
	return (uint32_t)(now_ns() / 1000000);
}

static void push_syn(uint64_t n, enum kind kind)
{
	uint64_t i = o.first + n;
	struct segment s = { .seq = isn_of(i), .flags = TCP_SYN };
	struct flow f;
	size_t len;

	if (o.timestamps) {
		s.timestamps = true;
		s.tsval = milliseconds();
	}
	flow_of(i, &f);
	if (share_of(n) == BAD_ACK) {
		/* An ACK without a handshake, with an invalid cookie. */
		s.seq++;
		s.ack = mix(s.seq);
		s.flags = TCP_ACK;
		len = frame_tcp(outbox_frame(&syn_box), wire.header, &f, &s);
		outbox_push(&syn_box, len, K_BAD_ACK);
		return;
	}
	len = frame_tcp(outbox_frame(&syn_box), wire.header, &f, &s);
	if (kind == K_SYN && o.dup > 1)
		outbox_push_copies(&syn_box, len, kind, K_SYN_COPY, o.dup);
	else
		outbox_push(&syn_box, len, kind);
	if (kind == K_SYN && o.reset_behind) {
		s.seq++;
		s.flags = TCP_RST;
		len = frame_tcp(outbox_frame(&syn_box), wire.header, &f, &s);
		outbox_push(&syn_box, len, K_SYN_RESET);
	}
}

static void nap(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	nanosleep(&ts, NULL);
}

/* Wait until the rate allows a SYN. Return how many it allows; 0 on a stop. */
static uint64_t allowed_by_rate(uint64_t start, uint64_t n)
{
	while (!atomic_load(&stop)) {
		uint64_t elapsed = now_ns() - start;
		/* The first SYN is due at once; the product stays below 2^64. */
		uint64_t due = elapsed / 1000 * o.rate / 1000000 + 1;

		if (due > n)
			return due - n;
		nap(NAP_NS);
	}
	return 0;
}

/* Wait until the window allows a SYN. Return how many it allows; 0 on a stop. */
static uint64_t allowed_by_window(void)
{
	static uint64_t written_off;
	uint64_t since = now_ns(), seen = 0;

	while (!atomic_load(&stop)) {
		uint64_t now_settled = atomic_load(&settled);
		uint64_t gone = now_settled + written_off;
		uint64_t out = syn_box.sent[K_SYN] > gone ? syn_box.sent[K_SYN] - gone : 0;

		if (out < o.window)
			return o.window - out;
		if (now_settled != seen) {
			seen = now_settled;
			since = now_ns();
		} else if (now_ns() - since > o.hold_ns + o.hold_more_ns + LOST_AFTER_NS) {
			written_off += out;
		}
		nap(NAP_NS);
	}
	return 0;
}

static void send_syns(void)
{
	uint64_t start = now_ns();
	uint64_t n = 0;

	while (n < o.count && !atomic_load(&stop)) {
		uint64_t budget = OUTBOX_BATCH;

		if (budget > o.count - n)
			budget = o.count - n;
		if (o.rate) {
			uint64_t rate = allowed_by_rate(start, n);

			budget = rate < budget ? rate : budget;
		}
		if (o.window) {
			uint64_t window = allowed_by_window();

			budget = window < budget ? window : budget;
		}
		for (; budget; budget--)
			push_syn(n++, K_SYN);
		outbox_flush(&syn_box);
	}
}

static void retry_syns(void)
{
	for (unsigned int pass = 0; pass < o.retries; pass++) {
		uint64_t until = now_ns() + o.retry_ns;

		while (now_ns() < until && !atomic_load(&stop))
			nap(LONG_NAP_NS);
		for (uint64_t n = 0; n < o.count && !atomic_load(&stop); n++)
			if (!has(n, SEEN | REFUSED) && share_of(n) != BAD_ACK)
				push_syn(n, K_SYN_RETRY);
		outbox_flush(&syn_box);
	}
}

/* ---- answering ---- */

/* Return the time by the clock that the ring uses. */
static uint64_t real_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void push_answer(const struct flow *f, struct segment *s, enum kind kind)
{
	size_t len = frame_tcp(outbox_frame(&answer_box), wire.header, f, s);

	outbox_push(&answer_box, len, (uint8_t)kind);
}

static void push_reset(const struct flow *f, struct segment *s, enum kind kind)
{
	size_t len;

	/* RFC 9293, 3.10.7.1: a RST has SEG.ACK as its number, and no ACK bit. */
	s->flags = o.reset_by_syn ? TCP_SYN : TCP_RST;
	len = frame_tcp(outbox_frame(&answer_box), wire.header, f, s);
	if (kind == K_RESET && o.dup_reset > 1)
		outbox_push_copies(&answer_box, len, K_RESET, K_RESET_COPY, o.dup_reset);
	else
		outbox_push(&answer_box, len, (uint8_t)kind);
}

static void answer(uint64_t n, uint32_t synack_seq, uint32_t tsval)
{
	uint64_t i = o.first + n;
	bool again = has(n, ANSWERED);
	struct segment s = { .seq = isn_of(i) + 1, .ack = synack_seq + 1, .flags = TCP_ACK };
	struct flow f;
	size_t len;

	if (o.timestamps && tsval) {
		s.timestamps = true;
		s.tsval = milliseconds();
		s.tsecr = tsval;
	}
	flow_of(i, &f);
	switch (share_of(n)) {
	case COMPLETE:
		push_answer(&f, &s, again ? K_AGAIN : K_COMPLETE);
		if (o.then_data) {
			s.flags = TCP_ACK | TCP_PSH;
			s.data = (uint16_t)o.then_data;
			push_answer(&f, &s, again ? K_AGAIN : K_DATA);
			s.seq += s.data;
			s.data = 0;
		}
		if (o.then_reset) {
			s.flags = TCP_RST;
			push_answer(&f, &s, again ? K_AGAIN : K_THEN_RESET);
		}
		break;
	case RESET:
		push_reset(&f, &s, again ? K_AGAIN : K_RESET);
		break;
	case UNREACH:
		len = frame_icmp(outbox_frame(&answer_box), wire.header, &f,
				 (uint8_t)o.icmp_type, (uint8_t)o.icmp_code, synack_seq, s.seq);
		outbox_push(&answer_box, len, again ? K_AGAIN : K_ICMP);
		break;
	default:
		return;
	}
	mark(n, ANSWERED);
	if (times && !again)
		times[n].answer = real_time();
	if (!again)
		atomic_fetch_add(&settled, 1);
}

static void answer_later(uint64_t n, uint32_t synack_seq, uint32_t tsval)
{
	if (queue_head == queue_tail)
		queue_head = queue_tail = 0;
	queue[queue_tail++] = (struct waiting){
		now_ns() + o.hold_ns + (uint64_t)((double)o.hold_more_ns * (double)n / (double)o.count),
		(uint32_t)n, synack_seq, tsval
	};
}

static void on_synack(uint64_t n, const struct segment *s, uint64_t received)
{
	if (has(n, SEEN)) {
		counts.synack_repeat++;
		if (o.answer_repeats && has(n, ANSWERED))
			answer(n, s->seq, s->tsval);
		return;
	}
	mark(n, SEEN);
	counts.synack_first++;
	if (times)
		times[n].synack = received;
	if (share_of(n) == ABANDON) {
		counts.abandoned++;
		if (!has(n, REFUSED))
			atomic_fetch_add(&settled, 1);
	} else if (queue) {
		answer_later(n, s->seq, s->tsval);
	} else {
		answer(n, s->seq, s->tsval);
	}
}

static void on_segment(void *arg, const uint8_t *frame, size_t len, uint64_t received)
{
	struct received r;
	uint64_t n;

	(void)arg;
	if (!frame_parse_tcp(frame, len, &r) || !number_of(&r.flow, &n)) {
		counts.other++;
		return;
	}
	if (r.segment.flags & TCP_RST) {
		counts.rst_received++;
		if (!has(n, SEEN | REFUSED) && share_of(n) != BAD_ACK)
			atomic_fetch_add(&settled, 1);
		mark(n, REFUSED);
	} else if ((r.segment.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) &&
		   r.segment.ack == isn_of(o.first + n) + 1 && share_of(n) != BAD_ACK) {
		on_synack(n, &r.segment, received);
	} else {
		counts.other++;
	}
}

static uint64_t answers_sent(void)
{
	uint64_t total = 0;

	for (int k = 0; k < KINDS; k++)
		total += answer_box.sent[k];
	return total;
}

/*
 * Return whether only repeated SYN-ACKs can still arrive: each SYN has its SYN-ACK or
 * RST, and each SYN-ACK its answer.
 */
static bool all_settled(void)
{
	return !o.answer_repeats && atomic_load(&settled) == o.count;
}

static void *receive(void *arg)
{
	uint64_t linger = o.linger_ns ? o.linger_ns : NSEC_PER_SEC;
	uint64_t last_answer = 0, sent_before = 0;

	(void)arg;
	/*
	 * A veth hands a frame to the CPU that sent it. If this thread moved between an
	 * ACK and its --then-reset, the RST could overtake the ACK and end a half-open.
	 */
	if (o.cpu >= 0)
		pin_to_cpu((unsigned int)o.cpu + 1);
	else
		pin_to_this_cpu();
	while (!atomic_load(&stop)) {
		bool more = ring_read(&ring, on_segment, NULL);
		uint64_t now = now_ns(), wait = LONG_NAP_NS, done;

		while (queue_head < queue_tail && queue[queue_head].due <= now) {
			struct waiting *w = &queue[queue_head++];

			answer(w->n, w->synack_seq, w->tsval);
		}
		outbox_flush(&answer_box);
		if (answers_sent() != sent_before) {
			sent_before = answers_sent();
			last_answer = now;
		}
		if (more)
			continue;
		if (queue_head < queue_tail) {
			if (queue[queue_head].due - now < wait)
				wait = queue[queue_head].due - now;
		} else {
			done = atomic_load(&syns_done_at);
			if (done && !o.linger_ns && all_settled())
				break;
			if (done && now >= done + linger && now >= last_answer + linger)
				break;
		}
		ring_wait(&ring, wait);
	}
	return NULL;
}

/* ---- options ---- */

static const char help[] =
"usage: synsend --dev IFACE --dst ADDR --dport PORT[-PORT] --count N [options]\n"
"\n"
"Send N SYNs with spoofed sources, and answer the SYN-ACKs by share. Prints one\n"
"line of JSON at the end. --count and --seconds limit the run.\n"
"\n"
"  --dev IFACE         Ethernet interface towards the target\n"
"  --dst ADDR          target, IPv4 or IPv6\n"
"  --dport P[-P]       target port or ports, in turn\n"
"  --dst-mac MAC       target's hardware address (from the neighbour table)\n"
"  --src PREFIX        sources (198.18.0.0/15, or 2001:db8:5::/48)\n"
"  --sport P[-P]       source ports (1024-65535)\n"
"  --sources N         use only N source addresses (all, at most 131070)\n"
"  --first I           number of the first SYN (0): other numbers have other 4-tuples\n"
"  --seed N            for initial sequence numbers (random); the same --seed and\n"
"                      --first make the same SYNs\n"
"limits\n"
"  --count N           SYNs, without copies and retries (1 to 100000000)\n"
"  --rate PPS          SYNs per second, 0: no limit (0)\n"
"  --seconds S         end the run after S seconds (60)\n"
"  --window W          at most W SYNs not yet answered, 0: no limit (0)\n"
"  --linger S          keep receiving for S after the last SYN or answer\n"
"                      (1; 0 once every SYN-ACK has been answered)\n"
"shares: weights, so 1 1 1 is a third each; without --abandon, percentages, and\n"
"the rest up to 100 is abandoned\n"
"  --complete N        final ACK\n"
"  --reset N           RST (--reset-by syn: a SYN inside the window)\n"
"  --unreach N         ICMP error that quotes the SYN-ACK\n"
"  --abandon N         nothing\n"
"  --bad-ack N         no SYN, but an ACK with an invalid cookie\n"
"details\n"
"  --hold S[-S]        answer S after the SYN-ACK (0); S-S: from the first S for the\n"
"                      first SYN to the second S for the last SYN, in proportion\n"
"  --then-data N       after the final ACK, send N bytes in a segment (0 to 1400)\n"
"  --then-reset        after that, send a RST\n"
"  --icmp TYPE/CODE    the error of --unreach (3/1 for IPv4, 1/4 for IPv6)\n"
"  --tcp-ts            offer timestamps, SACK and window scale in the SYN\n"
"  --answer-repeats    answer repeated SYN-ACKs again (counted as \"again\")\n"
"  --retry S           when all are sent, wait S and repeat SYNs without a SYN-ACK\n"
"  --retries M         do that M times (0; 1 if --retry is given)\n"
"  --reset-behind      send a RST right after each SYN\n"
"  --dup N             send each SYN N times (1)\n"
"  --dup-reset N       send each RST N times (1)\n"
"  --dup-race          send the copies at the same moment, each from another CPU\n"
"machine\n"
"  --blind             receive nothing: only for --abandon and --bad-ack\n"
"  --cpu N             send SYNs from the Nth CPU, answers from the next (any; answers\n"
"                      always use one CPU, so that they arrive in order)\n"
"  --ring MIB          receive ring (64)\n"
"  --qdisc             send through the queueing discipline, where tcpdump and\n"
"                      netem see it\n"
"  --log FILE          write a line for each SYN that got a SYN-ACK: source, its port,\n"
"                      the target's port, the share, the time when the kernel received\n"
"                      the SYN-ACK, and that of the answer; ns since 1970, 0: never\n"
"\n"
"Output. syn_sent counts each SYN once, syn_copies and syn_retries the rest.\n"
"plan_*: SYNs that belong to each share; completed, reset, unreachable,\n"
"abandoned: those of them that got a SYN-ACK and were treated in this way.\n"
"rst_received: RSTs from the target; other: its other segments.\n"
"send_errors: frames that the device refused; synsend sent each again.\n"
"rx_drops: replies lost because the ring was full (raise --ring).\n"
"dev_tx_dropped, dev_rx_dropped: SYNs and answers, and replies, lost in a\n"
"veth: raise net.core.netdev_max_backlog (of the whole host, not of a\n"
"namespace). Thousands of SYN-ACK timers that fire at once overflow its\n"
"default of 1000.\n";

enum {
	O_DEV = 256, O_DST, O_DPORT, O_DST_MAC, O_SRC, O_SPORT, O_SOURCES, O_FIRST, O_SEED,
	O_COUNT, O_RATE, O_SECONDS, O_WINDOW, O_LINGER,
	O_COMPLETE, O_RESET, O_UNREACH, O_ABANDON, O_BAD_ACK,
	O_HOLD, O_THEN_DATA, O_THEN_RESET, O_RESET_BY, O_ICMP, O_TCP_TS, O_ANSWER_REPEATS,
	O_RETRY, O_RETRIES, O_DUP, O_DUP_RESET, O_DUP_RACE,
	O_BLIND, O_RESET_BEHIND, O_CPU, O_RING, O_QDISC, O_LOG, O_HELP
};

static const struct option long_options[] = {
	{ "dev", 1, 0, O_DEV }, { "dst", 1, 0, O_DST }, { "dport", 1, 0, O_DPORT },
	{ "dst-mac", 1, 0, O_DST_MAC }, { "src", 1, 0, O_SRC }, { "sport", 1, 0, O_SPORT },
	{ "sources", 1, 0, O_SOURCES }, { "first", 1, 0, O_FIRST }, { "seed", 1, 0, O_SEED },
	{ "count", 1, 0, O_COUNT }, { "rate", 1, 0, O_RATE }, { "seconds", 1, 0, O_SECONDS },
	{ "window", 1, 0, O_WINDOW }, { "linger", 1, 0, O_LINGER },
	{ "complete", 1, 0, O_COMPLETE }, { "reset", 1, 0, O_RESET },
	{ "unreach", 1, 0, O_UNREACH }, { "abandon", 1, 0, O_ABANDON },
	{ "bad-ack", 1, 0, O_BAD_ACK }, { "hold", 1, 0, O_HOLD },
	{ "then-data", 1, 0, O_THEN_DATA }, { "then-reset", 0, 0, O_THEN_RESET },
	{ "reset-by", 1, 0, O_RESET_BY }, { "icmp", 1, 0, O_ICMP }, { "tcp-ts", 0, 0, O_TCP_TS },
	{ "answer-repeats", 0, 0, O_ANSWER_REPEATS }, { "retry", 1, 0, O_RETRY },
	{ "retries", 1, 0, O_RETRIES }, { "dup", 1, 0, O_DUP },
	{ "dup-reset", 1, 0, O_DUP_RESET }, { "dup-race", 0, 0, O_DUP_RACE },
	{ "blind", 0, 0, O_BLIND }, { "reset-behind", 0, 0, O_RESET_BEHIND },
	{ "cpu", 1, 0, O_CPU }, { "ring", 1, 0, O_RING },
	{ "qdisc", 0, 0, O_QDISC }, { "log", 1, 0, O_LOG }, { "help", 0, 0, O_HELP }, { 0 }
};

static void parse_icmp(const char *text)
{
	char *slash = strchr(text, '/');
	char type[4];

	if (!slash || slash - text > 3)
		usage_error("--icmp: \"%s\" is not TYPE/CODE, such as 3/1", text);
	snprintf(type, sizeof(type), "%.*s", (int)(slash - text), text);
	o.icmp_type = (unsigned int)parse_number("icmp", type, 0, 255);
	o.icmp_code = (unsigned int)parse_number("icmp", slash + 1, 0, 255);
}

static void parse_hold(char *text)
{
	char *more = strchr(text, '-');
	uint64_t last;

	if (more)
		*more++ = '\0';
	o.hold_ns = parse_seconds("hold", text, 3600);
	if (!more)
		return;
	last = parse_seconds("hold", more, 3600);
	if (last < o.hold_ns)
		usage_error("--hold: %s-%s: the second time is shorter than the first", text, more);
	o.hold_more_ns = last - o.hold_ns;
}

static void parse_reset_by(const char *text)
{
	if (strcmp(text, "rst") && strcmp(text, "syn"))
		usage_error("--reset-by: \"%s\" is neither rst nor syn", text);
	o.reset_by_syn = !strcmp(text, "syn");
}

static const char *need(const char *value, const char *option)
{
	if (!value)
		usage_error("--%s is missing; --help lists the options", option);
	return value;
}

static unsigned int parse_weight(const char *option, const char *text)
{
	return (unsigned int)parse_number(option, text, 0, SHARES_MAX);
}

static void parse_options(int argc, char **argv)
{
	const char *dst = NULL, *dport = NULL, *src = NULL, *count = NULL, *icmp = NULL;
	bool abandon_given = false, retries_given = false, seed_given = false;
	uint64_t sources = SOURCES_MAX;
	unsigned int total = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case O_DEV: o.dev = optarg; break;
		case O_DST: dst = optarg; break;
		case O_DPORT: dport = optarg; break;
		case O_DST_MAC: o.dst_mac = optarg; break;
		case O_SRC: src = optarg; break;
		case O_SPORT: o.sport = parse_ports("sport", optarg); break;
		case O_SOURCES: sources = parse_number("sources", optarg, 1, SOURCES_MAX); break;
		case O_FIRST: o.first = parse_number("first", optarg, 0, UINT32_MAX); break;
		case O_SEED:
			o.seed = (uint32_t)parse_number("seed", optarg, 0, UINT32_MAX);
			seed_given = true;
			break;
		case O_COUNT: count = optarg; break;
		case O_RATE: o.rate = parse_number("rate", optarg, 0, 10000000); break;
		case O_SECONDS: o.seconds_ns = parse_seconds("seconds", optarg, 86400); break;
		case O_WINDOW: o.window = parse_number("window", optarg, 0, COUNT_MAX); break;
		case O_LINGER: o.linger_ns = parse_seconds("linger", optarg, 3600); break;
		case O_COMPLETE: o.weight[COMPLETE] = parse_weight("complete", optarg); break;
		case O_RESET: o.weight[RESET] = parse_weight("reset", optarg); break;
		case O_UNREACH: o.weight[UNREACH] = parse_weight("unreach", optarg); break;
		case O_ABANDON:
			o.weight[ABANDON] = parse_weight("abandon", optarg);
			abandon_given = true;
			break;
		case O_BAD_ACK: o.weight[BAD_ACK] = parse_weight("bad-ack", optarg); break;
		case O_HOLD: parse_hold(optarg); break;
		case O_THEN_DATA:
			o.then_data = (unsigned int)parse_number("then-data", optarg, 0,
								 FRAME_DATA_MAX);
			break;
		case O_THEN_RESET: o.then_reset = true; break;
		case O_RESET_BY: parse_reset_by(optarg); break;
		case O_ICMP: icmp = optarg; break;
		case O_TCP_TS: o.timestamps = true; break;
		case O_ANSWER_REPEATS: o.answer_repeats = true; break;
		case O_RETRY: o.retry_ns = parse_seconds("retry", optarg, 3600); break;
		case O_RETRIES:
			o.retries = (unsigned int)parse_number("retries", optarg, 0, 100);
			retries_given = true;
			break;
		case O_DUP: o.dup = (unsigned int)parse_number("dup", optarg, 1, 100); break;
		case O_DUP_RESET:
			o.dup_reset = (unsigned int)parse_number("dup-reset", optarg, 1, 100);
			break;
		case O_DUP_RACE: o.race = true; break;
		case O_BLIND: o.blind = true; break;
		case O_RESET_BEHIND: o.reset_behind = true; break;
		case O_CPU: o.cpu = (int)parse_number("cpu", optarg, 0, 1023); break;
		case O_RING: o.ring_mib = (size_t)parse_number("ring", optarg, 1, 1024); break;
		case O_QDISC: o.qdisc = true; break;
		case O_LOG: o.log = optarg; break;
		case O_HELP: fputs(help, stdout); exit(0);
		default: exit(2);	/* getopt_long() has printed the reason */
		}
	}
	no_more_arguments(argc, argv, optind);
	need(o.dev, "dev");
	o.dst = parse_addr("dst", need(dst, "dst"));
	o.dport = parse_ports("dport", need(dport, "dport"));
	o.count = parse_number("count", need(count, "count"), 1, COUNT_MAX);
	if (!src)
		src = o.dst.family == AF_INET ? "198.18.0.0/15" : "2001:db8:5::/48";
	o.src = parse_prefix("src", src);
	if (o.src.base.family != o.dst.family)
		usage_error("--src: \"%s\" does not have the IP version of --dst %s", src, dst);
	if (prefix_contains(&o.src, &o.dst))
		usage_error("--src: \"%s\" contains --dst %s", src, dst);
	o.sources = prefix_hosts(&o.src, sources);
	if (o.first + o.count > tuples() || o.first + o.count > UINT32_MAX)
		usage_error("--count: from --first %llu on, --src, --sport and --dport give only %llu different SYNs",
			    (unsigned long long)o.first,
			    (unsigned long long)(tuples() > o.first ? tuples() - o.first : 0));

	for (int s = 0; s < SHARES; s++)
		total += o.weight[s];
	if (!abandon_given && total < 100)
		o.weight[ABANDON] = 100 - total;
	if (abandon_given && !total)
		usage_error("--abandon: the shares add up to 0");
	if (o.blind && (o.weight[COMPLETE] || o.weight[RESET] || o.weight[UNREACH] || o.window ||
			o.retry_ns))
		usage_error("--blind receives no SYN-ACK: use it with --abandon and --bad-ack only, without --window and --retry");
	if (o.blind && o.log)
		usage_error("--blind receives no SYN-ACK: --log would be empty");
	if (o.race && (o.dup > OUTBOX_RACERS_MAX + 1 || o.dup_reset > OUTBOX_RACERS_MAX + 1))
		usage_error("--dup-race: at most %d copies", OUTBOX_RACERS_MAX + 1);
	if (o.race && o.cpu < 0)
		o.cpu = 0;
	if (o.retry_ns && !retries_given)
		o.retries = 1;
	o.icmp_type = o.dst.family == AF_INET ? 3 : 1;
	o.icmp_code = o.dst.family == AF_INET ? 1 : 4;
	if (icmp)
		parse_icmp(icmp);
	/* Use new numbers in each run, to recognize late SYN-ACKs of an older run. */
	if (!seed_given && getrandom(&o.seed, sizeof(o.seed), 0) != sizeof(o.seed))
		o.seed = (uint32_t)now_ns();
}

/* ---- the run ---- */

static void on_signal(int sig)
{
	int running = RUNNING;

	atomic_compare_exchange_strong(&stop, &running, sig == SIGALRM ? BY_TIME : BY_SIGNAL);
}

static void bound_time(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval t = { 0 };

	t.it_value.tv_sec = (time_t)(o.seconds_ns / NSEC_PER_SEC);
	t.it_value.tv_usec = (suseconds_t)(o.seconds_ns % NSEC_PER_SEC / 1000);
	if (!o.seconds_ns)
		t.it_value.tv_usec = 1;		/* all zero would mean never */
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* Return memory that takes no RAM until it is used. */
static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		fail("out of memory: %s", strerror(errno));
	return p;
}

static void print_count(const char *name, uint64_t value)
{
	printf("\"%s\":%llu,", name, (unsigned long long)value);
}

static void report(uint64_t started, struct link_losses before)
{
	static const char *const why[] = { "count", "time", "signal" };
	uint64_t syns = syn_box.sent[K_SYN];
	uint64_t all = syns + syn_box.sent[K_BAD_ACK];
	uint64_t syn_end = atomic_load(&syns_done_at);
	struct link_losses now = link_losses(&wire);

	putchar('{');
	print_count("syn_sent", syns);
	print_count("syn_copies", syn_box.sent[K_SYN_COPY]);
	print_count("syn_retries", syn_box.sent[K_SYN_RETRY]);
	print_count("resets_behind", syn_box.sent[K_SYN_RESET]);
	print_count("synack_first", counts.synack_first);
	print_count("synack_repeat", counts.synack_repeat);
	print_count("plan_complete", planned(COMPLETE, all));
	print_count("plan_reset", planned(RESET, all));
	print_count("plan_unreach", planned(UNREACH, all));
	print_count("plan_abandon", planned(ABANDON, all));
	print_count("completed", answer_box.sent[K_COMPLETE]);
	print_count("data_sent", answer_box.sent[K_DATA]);
	print_count("then_reset", answer_box.sent[K_THEN_RESET]);
	print_count("reset", answer_box.sent[K_RESET]);
	print_count("reset_copies", answer_box.sent[K_RESET_COPY]);
	print_count("unreachable", answer_box.sent[K_ICMP]);
	print_count("abandoned", counts.abandoned);
	print_count("again", answer_box.sent[K_AGAIN]);
	print_count("bad_acks", syn_box.sent[K_BAD_ACK]);
	print_count("rst_received", counts.rst_received);
	print_count("other", counts.other);
	print_count("send_errors", syn_box.refused + answer_box.refused);
	print_count("rx_drops", o.blind ? 0 : ring_drops(&ring));
	print_count("dev_tx_dropped", now.tx_dropped - before.tx_dropped);
	print_count("dev_rx_dropped", now.rx_dropped - before.rx_dropped);
	print_count("seed", o.seed);
	printf("\"ended_by\":\"%s\",\"send_seconds\":%.3f,\"seconds\":%.3f}\n",
	       why[atomic_load(&stop)], (double)(syn_end - started) / 1e9,
	       (double)(now_ns() - started) / 1e9);
}

static FILE *open_log(void)
{
	FILE *f = fopen(o.log, "w");

	if (!f)
		fail("--log: cannot write %s: %s", o.log, strerror(errno));
	return f;
}

static void write_log(FILE *f)
{
	static const char *const names[] = { "complete", "reset", "unreach", "abandon" };
	char source[INET6_ADDRSTRLEN];

	for (uint64_t n = 0; n < o.count; n++) {
		struct flow flow;

		if (!has(n, SEEN))
			continue;
		flow_of(o.first + n, &flow);
		inet_ntop(flow.us.family, flow.us.b, source, sizeof(source));
		fprintf(f, "%s %u %u %s %llu %llu\n", source, flow.our_port, flow.target_port,
			names[share_of(n)], (unsigned long long)times[n].synack,
			(unsigned long long)times[n].answer);
	}
	if (fclose(f))
		fail("--log: cannot write %s: %s", o.log, strerror(errno));
}

int main(int argc, char **argv)
{
	struct link_losses before;
	FILE *log = NULL;
	uint64_t started;
	uint8_t mac[6];
	pthread_t receiver;

	tool_name = "synsend";
	argv[0] = (char *)tool_name;	/* the name in getopt_long()'s messages */
	parse_options(argc, argv);
	plan_shares();
	link_open(&wire, o.dev, o.dst.family);
	if (o.dst_mac) {
		parse_mac("dst-mac", o.dst_mac, mac);
		link_set_target(&wire, mac);
	} else {
		link_find_target(&wire, &o.dst);
	}
	state = reserve(o.count);
	if (o.hold_ns + o.hold_more_ns)
		queue = reserve(o.count * sizeof(*queue));
	if (o.log) {
		log = open_log();
		times = reserve(o.count * sizeof(*times));
	}

	outbox_open(&syn_box, &wire, !o.qdisc, &stop);
	outbox_open(&answer_box, &wire, !o.qdisc, &stop);
	if (!o.blind)
		ring_open(&ring, &wire, &o.dst, o.ring_mib);
	if (o.race && o.dup > 1)
		outbox_start_racers(&syn_box, &wire, !o.qdisc, o.dup - 1, (unsigned int)o.cpu);
	if (o.race && o.dup_reset > 1)
		outbox_start_racers(&answer_box, &wire, !o.qdisc, o.dup_reset - 1,
				    (unsigned int)o.cpu + 1);
	before = link_losses(&wire);
	started = now_ns();
	bound_time();
	if (!o.blind && pthread_create(&receiver, NULL, receive, NULL))
		fail("cannot start a thread");

	if (o.cpu >= 0)
		pin_to_cpu((unsigned int)o.cpu);
	send_syns();
	retry_syns();
	atomic_store(&syns_done_at, now_ns());
	if (!o.blind)
		pthread_join(receiver, NULL);
	outbox_close(&syn_box);
	outbox_close(&answer_box);
	if (log)
		write_log(log);
	report(started, before);
	return fflush(stdout) ? 1 : 0;
}
