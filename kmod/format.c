// SPDX-License-Identifier: GPL-2.0-only
/* A record as a line. docs/format.md has every column. */
#include <linux/kallsyms.h>
#include <net/ipv6.h>

#include "record.h"

#define SYNQ_SYMBOL_MOST	80	/* of a symbol's name and offset, characters */

static const char synq_letters[SYNQ_RECORD_KINDS] = {
	[SYNQ_RECORD_ADDED]	= 'A',
	[SYNQ_RECORD_REMOVED]	= 'R',
	[SYNQ_RECORD_SAMPLE]	= 'S',
	[SYNQ_RECORD_DROP]	= 'D',
	[SYNQ_RECORD_CLOSE]	= 'X',
};

static const char * const synq_columns[SYNQ_RECORD_KINDS] = {
	[SYNQ_RECORD_ADDED]	= "time local remote qlen limit",
	[SYNQ_RECORD_REMOVED]	= "time local remote qlen outcome age_us synacks",
	[SYNQ_RECORD_SAMPLE]	= "time local remote length snd_nxt snd_una snd_cwnd ssthresh snd_wnd srtt_us rcv_wnd rttvar_us rto_us min_rtt_us lost retrans inflight rqueue wqueue mss pacing_rate delivery_rate bytes_acked ca_state ca_name cookie hook",
	[SYNQ_RECORD_DROP]	= "time location reason local remote state flags length stack proto",
	[SYNQ_RECORD_CLOSE]	= "time local remote state cause stack",
};

static const char * const synq_ca_states[] = {
	[TCP_CA_Open]		= "Open",
	[TCP_CA_Disorder]	= "Disorder",
	[TCP_CA_CWR]		= "CWR",
	[TCP_CA_Recovery]	= "Recovery",
	[TCP_CA_Loss]		= "Loss",
};

/* As the kernel has them, without TCP_ (include/net/tcp_states.h). */
static const char * const synq_states[] = {
	[TCP_ESTABLISHED]	= "ESTABLISHED",
	[TCP_SYN_SENT]		= "SYN_SENT",
	[TCP_SYN_RECV]		= "SYN_RECV",
	[TCP_FIN_WAIT1]		= "FIN_WAIT1",
	[TCP_FIN_WAIT2]		= "FIN_WAIT2",
	[TCP_TIME_WAIT]		= "TIME_WAIT",
	[TCP_CLOSE]		= "CLOSE",
	[TCP_CLOSE_WAIT]	= "CLOSE_WAIT",
	[TCP_LAST_ACK]		= "LAST_ACK",
	[TCP_LISTEN]		= "LISTEN",
	[TCP_CLOSING]		= "CLOSING",
	[TCP_NEW_SYN_RECV]	= "NEW_SYN_RECV",
};

/* From the lowest bit of the byte they are in. */
static const char * const synq_flags[] = {
	"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
};

static const char * const synq_causes[SYNQ_CAUSES] = {
	[SYNQ_CAUSE_OTHER]		= "other",
	[SYNQ_CAUSE_FIN]		= "fin",
	[SYNQ_CAUSE_RESET_RECEIVED]	= "reset_received",
	[SYNQ_CAUSE_RESET_SENT]		= "reset_sent",
	[SYNQ_CAUSE_TIMEOUT]		= "timeout",
	[SYNQ_CAUSE_ABORTED]		= "aborted",
	[SYNQ_CAUSE_ICMP]		= "icmp",
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

/* A number costs a quarter of what seq_printf() would; a line has up to thirty. */
static void synq_number_show(struct seq_file *seq, u64 n)
{
	seq_put_decimal_ull(seq, " ", n);
}

/* " %#x" */
static void synq_hex_show(struct seq_file *seq, u32 n)
{
	char text[] = " 0x00000000", *digit = text + sizeof(text) - 1;

	do {
		*--digit = "0123456789abcdef"[n & 0xf];
		n >>= 4;
	} while (n);
	*--digit = 'x';
	*--digit = '0';
	*--digit = ' ';
	seq_puts(seq, digit);
}

static void synq_word_show(struct seq_file *seq, const char *word)
{
	seq_putc(seq, ' ');
	seq_puts(seq, word);
}

/**
 * synq_time_show() - print a time as seconds.nanoseconds
 * @seq: where to
 * @ns: nanoseconds
 */
void synq_time_show(struct seq_file *seq, u64 ns)
{
	char text[] = ".000000000", *digit = text + sizeof(text) - 1;
	u32 rem;
	u64 s = div_u64_rem(ns, NSEC_PER_SEC, &rem);

	seq_put_decimal_ull(seq, "", s);
	for (; rem; rem /= 10)
		*--digit = '0' + rem % 10;
	seq_puts(seq, text);
}

static void synq_end_show(struct seq_file *seq, const struct in6_addr *addr, u16 port)
{
	if (ipv6_addr_v4mapped(addr)) {
		synq_number_show(seq, addr->s6_addr[12]);
		seq_put_decimal_ull(seq, ".", addr->s6_addr[13]);
		seq_put_decimal_ull(seq, ".", addr->s6_addr[14]);
		seq_put_decimal_ull(seq, ".", addr->s6_addr[15]);
	} else {
		seq_printf(seq, " [%pI6c]", addr);
	}
	seq_put_decimal_ull(seq, ":", port);
}

static void synq_ends_show(struct seq_file *seq, const struct synq_record *r)
{
	synq_end_show(seq, &r->local, r->local_port);
	synq_end_show(seq, &r->remote, r->remote_port);
}

static void synq_event_show(struct seq_file *seq, const struct synq_event *e)
{
	synq_ends_show(seq, &e->r);
	/* A removal that other CPUs' raced may find the queue counted down already. */
	synq_number_show(seq, max_t(s32, e->qlen, 0));
	if (e->r.kind == SYNQ_RECORD_ADDED) {
		synq_number_show(seq, e->limit);
	} else {
		synq_word_show(seq, synq_outcome_name(e->outcome));
		synq_number_show(seq, e->age_us);
		synq_number_show(seq, e->synacks);
	}
	seq_putc(seq, '\n');
}

/* As tcp_probe of 4.15 printed it (net/ipv4/tcp_probe.c, tcpprobe_sprint()). */
static void synq_tcpprobe_show(struct seq_file *seq, const struct synq_sample *s)
{
	synq_ends_show(seq, &s->r);
	synq_number_show(seq, s->length);
	synq_hex_show(seq, s->snd_nxt);
	synq_hex_show(seq, s->snd_una);
	synq_number_show(seq, s->snd_cwnd);
	synq_number_show(seq, s->ssthresh);
	synq_number_show(seq, s->snd_wnd);
	synq_number_show(seq, s->srtt_us);
	synq_number_show(seq, s->rcv_wnd);
}

/* What is not known is a dash. */
static void synq_known_show(struct seq_file *seq, u64 value, u64 unknown)
{
	if (value == unknown)
		seq_puts(seq, " -");
	else
		synq_number_show(seq, value);
}

static void synq_sample_show(struct seq_file *seq, const struct synq_sample *s)
{
	const char *state = s->ca_state < ARRAY_SIZE(synq_ca_states) ?
			    synq_ca_states[s->ca_state] : "?";

	synq_number_show(seq, s->rttvar_us);
	synq_number_show(seq, s->rto_us);
	synq_known_show(seq, s->min_rtt_us, U32_MAX);
	synq_number_show(seq, s->lost);
	synq_number_show(seq, s->retrans);
	synq_number_show(seq, s->inflight);
	synq_number_show(seq, s->rqueue);
	synq_number_show(seq, s->wqueue);
	synq_number_show(seq, s->mss);
	synq_known_show(seq, s->pacing_rate, U64_MAX);
	synq_number_show(seq, s->delivery_rate);
	synq_number_show(seq, s->bytes_acked);
	synq_word_show(seq, state);
	synq_word_show(seq, s->ca_name);
	synq_number_show(seq, s->cookie);
	synq_word_show(seq, s->hook == SYNQ_SAMPLE_RCV ? "rcv" : "xmit");
}

/*
 * An address in the kernel's text as symbol+0xoff; never as a number, not even
 * to one who may see those. @returns: it is a return address, and belongs to
 * the call before it.
 */
static void synq_symbol_show(struct seq_file *seq, unsigned long addr, bool returns)
{
	char text[KSYM_SYMBOL_LEN];

	snprintf(text, sizeof(text), returns ? "%pB" : "%pS", (void *)addr);
	/* What has no name is printed as 0x…; what has one has its size after a slash. */
	if (text[0] == '0')
		seq_putc(seq, '?');
	else
		seq_printf(seq, "%.*s", min_t(int, strcspn(text, "/"), SYNQ_SYMBOL_MOST), text);
}

/* root;…;leaf */
static void synq_stack_show(struct seq_file *seq, const struct synq_stack *stack)
{
	int i;

	seq_putc(seq, ' ');
	if (!stack->depth)
		seq_putc(seq, '-');
	for (i = stack->depth - 1; i >= 0; i--) {
		synq_symbol_show(seq, stack->frame[i], true);
		if (i)
			seq_putc(seq, ';');
	}
}

static void synq_state_show(struct seq_file *seq, u8 state)
{
	seq_printf(seq, " %s", state < ARRAY_SIZE(synq_states) && synq_states[state] ?
		   synq_states[state] : "-");
}

static void synq_flags_show(struct seq_file *seq, const struct synq_drop *d)
{
	const char *bar = " ";
	unsigned int i;

	if (!d->has_flags || !d->flags) {
		seq_puts(seq, d->has_flags ? " 0" : " -");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(synq_flags); i++) {
		if (!(d->flags & BIT(i)))
			continue;
		seq_printf(seq, "%s%s", bar, synq_flags[i]);
		bar = "|";
	}
}

static void synq_proto_show(struct seq_file *seq, const struct synq_drop *d)
{
	if (!d->ip)
		seq_printf(seq, " 0x%04x", d->ethertype);
	else if (d->proto == IPPROTO_TCP)
		seq_puts(seq, " tcp");
	else if (d->proto == IPPROTO_UDP)
		seq_puts(seq, " udp");
	else
		seq_printf(seq, " %u", d->proto);
}

static void synq_drop_show(struct seq_file *seq, const struct synq_drop *d)
{
	seq_putc(seq, ' ');
	/* dev_kfree_skb_irq() has a function's own address, not a return into it. */
	synq_symbol_show(seq, d->location, false);
	seq_putc(seq, ' ');
	synq_drop_reason_show(seq, d->reason);
	if (d->ip)
		synq_ends_show(seq, &d->r);
	else
		seq_puts(seq, " - -");
	synq_state_show(seq, d->state);
	synq_flags_show(seq, d);
	seq_printf(seq, " %u", d->length);
	synq_stack_show(seq, &d->stack);
	synq_proto_show(seq, d);
	seq_putc(seq, '\n');
}

static void synq_close_show(struct seq_file *seq, const struct synq_close *c)
{
	synq_ends_show(seq, &c->r);
	synq_state_show(seq, c->state);
	seq_printf(seq, " %s", synq_causes[c->cause]);
	synq_stack_show(seq, &c->stack);
	seq_putc(seq, '\n');
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
	switch (r->kind) {
	case SYNQ_RECORD_SAMPLE:
		synq_tcpprobe_show(seq, container_of(r, struct synq_sample, r));
		if (!bare)
			synq_sample_show(seq, container_of(r, struct synq_sample, r));
		seq_putc(seq, '\n');
		break;
	case SYNQ_RECORD_DROP:
		synq_drop_show(seq, container_of(r, struct synq_drop, r));
		break;
	case SYNQ_RECORD_CLOSE:
		synq_close_show(seq, container_of(r, struct synq_close, r));
		break;
	default:
		synq_event_show(seq, container_of(r, struct synq_event, r));
	}
}
