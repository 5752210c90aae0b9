/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of taps (filter.c), and the taps (tap.c). */
#ifndef SYNQ_TAP_H
#define SYNQ_TAP_H

#include <linux/in6.h>
#include <linux/irq_work.h>

#include "tcpsynq.h"

#define SYNQ_KIND_RECORDS	(~SYNQ_KIND_COUNT)
#define SYNQ_KIND_HOOKED	(SYNQ_KIND_SAMPLE | SYNQ_KIND_DROP | SYNQ_KIND_CLOSE)

#define SYNQ_SAMPLE_RCV		BIT(0)
#define SYNQ_SAMPLE_XMIT	BIT(1)

/**
 * struct synq_filter - the records and lines that a tap asks for
 * @kinds: SYNQ_KIND_*; see synq_filter_kinds()
 * @interval_ms: time between C lines, milliseconds
 * @latency_ms: the tap wakes a reader that long after the first record
 * @port: of either end, host order; 0: any
 * @fwmark: of the connection; 0: any
 * @addr: a network that either end is in; IPv4 as v4-mapped
 * @addr_bits: the length of its prefix, of 128; 0: any
 * @full: samples of every segment, not only when the cwnd has changed
 * @hook: SYNQ_SAMPLE_*: the segments that make samples
 * @any_proto: drops of every protocol, not only of TCP
 * @stack: drops and closes with the kernel's stack
 * @tcpprobe: only the lines of tcp_probe
 */
struct synq_filter {
	unsigned int	kinds;
	unsigned int	interval_ms;
	unsigned int	latency_ms;
	unsigned int	port;
	unsigned int	fwmark;
	struct in6_addr	addr;
	unsigned int	addr_bits;
	unsigned int	full;
	unsigned int	hook;
	unsigned int	any_proto;
	unsigned int	stack;
	unsigned int	tcpprobe;
};

/* Return the kinds a tap shows: with tcp_probe's lines, only samples. */
static __always_inline unsigned int synq_filter_kinds(const struct synq_filter *filter)
{
	return filter->tcpprobe ? filter->kinds & SYNQ_KIND_SAMPLE : filter->kinds;
}

#define SYNQ_FILTER_TEXT	512	/* longest write to a tap, bytes */

void synq_filter_default(struct synq_filter *filter);
int synq_filter_parse(struct synq_filter *filter, char *text);
void synq_filter_show(struct seq_file *seq, const struct synq_filter *filter);

void synq_taps_init(void);
void synq_taps_stir(struct irq_work *stir);
void synq_taps_show(struct seq_file *seq);

#endif /* SYNQ_TAP_H */
