// SPDX-License-Identifier: GPL-2.0-only
/* A record as a line. docs/format.md has every column. */
#include <net/ipv6.h>

#include "record.h"

static const char synq_letters[SYNQ_RECORD_KINDS] = {
	[SYNQ_RECORD_ADDED]	= 'A',
	[SYNQ_RECORD_REMOVED]	= 'R',
	[SYNQ_RECORD_SAMPLE]	= 'S',
};

static const char * const synq_columns[SYNQ_RECORD_KINDS] = {
	[SYNQ_RECORD_ADDED]	= "time local remote qlen limit",
	[SYNQ_RECORD_REMOVED]	= "time local remote qlen outcome age_us synacks",
	[SYNQ_RECORD_SAMPLE]	= "time local remote length snd_nxt snd_una snd_cwnd ssthresh snd_wnd srtt_us rcv_wnd rttvar_us rto_us min_rtt_us lost retrans inflight rqueue wqueue mss pacing_rate delivery_rate bytes_acked ca_state ca_name cookie hook",
};

static const char * const synq_ca_states[] = {
	[TCP_CA_Open]		= "Open",
	[TCP_CA_Disorder]	= "Disorder",
	[TCP_CA_CWR]		= "CWR",
	[TCP_CA_Recovery]	= "Recovery",
	[TCP_CA_Loss]		= "Loss",
};

char synq_record_letter(enum synq_record_kind kind)
{
	return synq_letters[kind];
}

/* The columns of each kind, a line each. */
void synq_record_header(struct seq_file *seq)
{
	int kind;

	for (kind = 0; kind < SYNQ_RECORD_KINDS; kind++)
		seq_printf(seq, "# %c %s\n", synq_letters[kind], synq_columns[kind]);
}

static void synq_end_show(struct seq_file *seq, const struct in6_addr *addr, u16 port)
{
	if (ipv6_addr_v4mapped(addr))
		seq_printf(seq, " %pI4:%u", &addr->s6_addr32[3], port);
	else
		seq_printf(seq, " [%pI6c]:%u", addr, port);
}

static void synq_event_show(struct seq_file *seq, const struct synq_event *e)
{
	/* A removal that other CPUs' raced may find the queue counted down already. */
	seq_printf(seq, " %d", max_t(s32, e->qlen, 0));
	if (e->r.kind == SYNQ_RECORD_ADDED)
		seq_printf(seq, " %u\n", e->limit);
	else
		seq_printf(seq, " %s %llu %u\n", synq_outcome_name(e->outcome),
			   e->age_us, e->synacks);
}

/* As tcp_probe of 4.15 printed it (net/ipv4/tcp_probe.c, tcpprobe_sprint()). */
static void synq_tcpprobe_show(struct seq_file *seq, const struct synq_sample *s)
{
	seq_printf(seq, " %u %#x %#x %u %u %u %u %u", s->length, s->snd_nxt, s->snd_una,
		   s->snd_cwnd, s->ssthresh, s->snd_wnd, s->srtt_us, s->rcv_wnd);
}

/* What is not known is a dash. */
static void synq_known_show(struct seq_file *seq, u64 value, u64 unknown)
{
	if (value == unknown)
		seq_puts(seq, " -");
	else
		seq_printf(seq, " %llu", value);
}

static void synq_sample_show(struct seq_file *seq, const struct synq_sample *s)
{
	const char *state = s->ca_state < ARRAY_SIZE(synq_ca_states) ?
			    synq_ca_states[s->ca_state] : "?";

	seq_printf(seq, " %u %u", s->rttvar_us, s->rto_us);
	synq_known_show(seq, s->min_rtt_us, U32_MAX);
	seq_printf(seq, " %u %u %u %u %u %u", s->lost, s->retrans, s->inflight,
		   s->rqueue, s->wqueue, s->mss);
	synq_known_show(seq, s->pacing_rate, U64_MAX);
	seq_printf(seq, " %llu %llu %s %s %llu %s", s->delivery_rate, s->bytes_acked,
		   state, s->ca_name, s->cookie,
		   s->hook == SYNQ_SAMPLE_RCV ? "rcv" : "xmit");
}

/**
 * synq_record_show() - print a record as a line
 * @seq: where to
 * @r: the record
 * @start: what times count from, nanoseconds of CLOCK_MONOTONIC
 * @tcpprobe: a sample's line as tcp_probe printed it, and of what it did not
 *	print, which was recorded before the format was changed, a comment
 */
void synq_record_show(struct seq_file *seq, const struct synq_record *r, u64 start, bool tcpprobe)
{
	bool bare = tcpprobe && r->kind == SYNQ_RECORD_SAMPLE;

	if (!bare)
		seq_printf(seq, "%s%c ", tcpprobe ? "# " : "", synq_letters[r->kind]);
	synq_time_show(seq, r->time - start);
	synq_end_show(seq, &r->local, r->local_port);
	synq_end_show(seq, &r->remote, r->remote_port);
	if (r->kind != SYNQ_RECORD_SAMPLE) {
		synq_event_show(seq, container_of(r, struct synq_event, r));
		return;
	}
	synq_tcpprobe_show(seq, container_of(r, struct synq_sample, r));
	if (!bare)
		synq_sample_show(seq, container_of(r, struct synq_sample, r));
	seq_putc(seq, '\n');
}
