// SPDX-License-Identifier: GPL-2.0-only
/* Print records as lines. docs/format.md defines every column. */
#include <linux/kallsyms.h>
#include <net/ipv6.h>

#include "record.h"
#include "text.h"

/* Maximum numbers of characters. */
#define SYNQ_SYMBOL_MOST	80	/* a symbol's name and offset */
#define SYNQ_TIME_MOST		21
#define SYNQ_LINE_MOST		768	/* a sample: two endpoints and thirty fields of up to 20 */

static const char synq_letters[] = SYNQ_RECORD_LETTERS;
static const char * const synq_columns[] = SYNQ_RECORD_COLUMNS;

static const char * const synq_ca_states[] = {
	[TCP_CA_Open]		= "Open",
	[TCP_CA_Disorder]	= "Disorder",
	[TCP_CA_CWR]		= "CWR",
	[TCP_CA_Recovery]	= "Recovery",
	[TCP_CA_Loss]		= "Loss",
};

/* The kernel's names without TCP_ (include/net/tcp_states.h). */
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

/* Indexed by bit of the TCP header's byte 13. */
static const char * const synq_flags[] = {
	"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
};

static const char * const synq_causes[SYNQ_CAUSES] = SYNQ_CAUSE_NAMES;

static const char * const synq_answers[] = {
	[SYNQ_COOKIES]		= "cookie",
	[SYNQ_COOKIES_OK]	= "cookie_ok",
	[SYNQ_FASTOPEN]		= "fastopen",
	[SYNQ_QUEUE_FULL]	= "queue_full",
	[SYNQ_ACCEPT_FULL]	= "accept_full",
	[SYNQ_REFUSED_OTHER]	= "other",
};

char synq_record_letter(enum synq_record_kind kind)
{
	return synq_letters[kind];
}

/* Print the columns of each kind, one line each. */
void synq_record_header(struct seq_file *seq)
{
	int kind;

	for (kind = 0; kind < SYNQ_RECORD_KINDS; kind++)
		seq_printf(seq, "# %c %s\n", synq_letters[kind], synq_columns[kind]);
}

/*
 * Each function below writes a blank and a field, with text.h: every segment or SYN may
 * make a line, and seq_printf() would be most of its cost.
 */

static char *synq_put_field(char *p, u64 n)
{
	return synq_put_decimal(synq_put_char(p, ' '), n);
}

static char *synq_put_hex_field(char *p, u32 n)
{
	memcpy(p, " 0x", 3);
	return synq_put_hex(p + 3, n, 1);
}

static char *synq_put_word_field(char *p, const char *word)
{
	return synq_put_word(synq_put_char(p, ' '), word);
}

/* Write a dash if the value is unknown. */
static char *synq_put_known(char *p, u64 value, u64 unknown)
{
	return value == unknown ? synq_put_word(p, " -") : synq_put_field(p, value);
}

static char *synq_put_end(char *p, const struct in6_addr *addr, u16 port)
{
	if (ipv6_addr_v4mapped(addr)) {
		p = synq_put_field(p, addr->s6_addr[12]);
		p = synq_put_decimal(synq_put_char(p, '.'), addr->s6_addr[13]);
		p = synq_put_decimal(synq_put_char(p, '.'), addr->s6_addr[14]);
		p = synq_put_decimal(synq_put_char(p, '.'), addr->s6_addr[15]);
	} else {
		p += sprintf(p, " [%pI6c]", addr);
	}
	return synq_put_decimal(synq_put_char(p, ':'), port);
}

static char *synq_put_ends(char *p, const struct synq_record *r)
{
	return synq_put_end(synq_put_end(p, &r->local, r->local_port), &r->remote, r->remote_port);
}

/* Write the ends of a sample. Consecutive samples of a connection share the text. */
static char *synq_put_known_ends(char *p, const struct synq_record *r, struct synq_ends *known)
{
	struct synq_ends *ends = &known[(r->local_port ^ r->remote_port) % SYNQ_ENDS_KNOWN];

	if (!ends->length || ends->local_port != r->local_port ||
	    ends->remote_port != r->remote_port ||
	    !ipv6_addr_equal(&ends->local, &r->local) ||
	    !ipv6_addr_equal(&ends->remote, &r->remote)) {
		ends->local = r->local;
		ends->remote = r->remote;
		ends->local_port = r->local_port;
		ends->remote_port = r->remote_port;
		ends->length = synq_put_ends(ends->text, r) - ends->text;
	}
	/* 48 bytes hold any two IPv4 ends; the compiler copies a constant size in words. */
	memcpy(p, ends->text, 48);
	if (ends->length > 48)
		memcpy(p + 48, ends->text + 48, ends->length - 48);
	return p + ends->length;
}

static char *synq_put_print(char *p, const struct synq_print *print)
{
	/* Without a length it is not known: no tap recorded when the SYN came. */
	bool known = print->length;

	p = synq_put_known(p, known ? print->win : U64_MAX, U64_MAX);
	p = synq_put_known(p, known ? print->ttl : U64_MAX, U64_MAX);
	p = synq_put_known(p, known && !print->ipv6 ? print->id : U64_MAX, U64_MAX);
	p = synq_put_known(p, known ? print->length : U64_MAX, U64_MAX);
	p = synq_put_known(p, print->mss ? print->mss : U64_MAX, U64_MAX);
	p = synq_put_known(p, print->wscale, SYNQ_PRINT_NONE);
	return synq_put_word_field(p, print->options[0] ? print->options : "-");
}

static char *synq_put_syn(char *p, const struct synq_syn *syn)
{
	p = synq_put_ends(p, &syn->r);
	p = synq_put_word_field(p, synq_answers[syn->answer]);
	p = synq_put_field(p, syn->qlen);
	p = synq_put_field(p, syn->limit);
	p = synq_put_field(p, syn->accept_qlen);
	p = synq_put_field(p, syn->backlog);
	return synq_put_print(p, &syn->print);
}

static char *synq_put_event(char *p, const struct synq_event *e)
{
	p = synq_put_ends(p, &e->r);
	/* If removals race, another CPU may already have counted down the queue. */
	p = synq_put_field(p, max_t(s32, e->qlen, 0));
	if (e->r.kind == SYNQ_RECORD_ADDED)
		return synq_put_print(synq_put_field(p, e->limit), &e->print);
	p = synq_put_word_field(p, synq_outcome_name(e->outcome));
	p = synq_put_field(p, e->age_us);
	return synq_put_field(p, e->synacks);
}

/* Write it as tcp_probe of 4.15 did (net/ipv4/tcp_probe.c, tcpprobe_sprint()). */
static char *synq_put_tcpprobe(char *p, const struct synq_sample *s, struct synq_ends *known)
{
	p = synq_put_known_ends(p, &s->r, known);
	p = synq_put_field(p, s->length);
	p = synq_put_hex_field(p, s->snd_nxt);
	p = synq_put_hex_field(p, s->snd_una);
	p = synq_put_field(p, s->snd_cwnd);
	p = synq_put_field(p, s->ssthresh);
	p = synq_put_field(p, s->snd_wnd);
	p = synq_put_field(p, s->srtt_us);
	return synq_put_field(p, s->rcv_wnd);
}

static char *synq_put_sample(char *p, const struct synq_sample *s, struct synq_ends *known)
{
	const char *state = s->ca_state < ARRAY_SIZE(synq_ca_states) ?
			    synq_ca_states[s->ca_state] : "?";

	p = synq_put_tcpprobe(p, s, known);
	p = synq_put_field(p, s->rttvar_us);
	p = synq_put_field(p, s->rto_us);
	p = synq_put_known(p, s->min_rtt_us, U32_MAX);
	p = synq_put_field(p, s->lost);
	p = synq_put_field(p, s->retrans);
	p = synq_put_field(p, s->inflight);
	p = synq_put_field(p, s->rqueue);
	p = synq_put_field(p, s->wqueue);
	p = synq_put_field(p, s->mss);
	p = synq_put_known(p, s->pacing_rate, U64_MAX);
	p = synq_put_field(p, s->delivery_rate);
	p = synq_put_field(p, s->bytes_acked);
	p = synq_put_word_field(p, state);
	p = synq_put_word_field(p, s->ca_name);
	p = synq_put_field(p, s->cookie);
	return synq_put_word_field(p, s->hook == SYNQ_SAMPLE_RCV ? "rcv" : "xmit");
}

static void synq_ends_show(struct seq_file *seq, const struct synq_record *r)
{
	char text[SYNQ_ENDS_MOST + SYNQ_TEXT_ROOM];

	*synq_put_ends(text, r) = '\0';
	seq_puts(seq, text);
}

/* Print @ns nanoseconds as seconds.nanoseconds. */
void synq_time_show(struct seq_file *seq, u64 ns)
{
	char text[SYNQ_TIME_MOST + SYNQ_TEXT_ROOM];

	*synq_put_time(text, ns) = '\0';
	seq_puts(seq, text);
}

/*
 * Print an address in the kernel's text as symbol+0xoff, never as a number, not
 * even for readers who may see kernel addresses. @returns: it is a return
 * address, and belongs to the call before it.
 */
static void synq_symbol_show(struct seq_file *seq, unsigned long addr, bool returns)
{
	char text[KSYM_SYMBOL_LEN];

	snprintf(text, sizeof(text), returns ? "%pB" : "%pS", (void *)addr);
	/* Unnamed addresses print as 0x…; named ones have the size after a slash. */
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
	/* dev_kfree_skb_irq() passes a function's own address, not a return address. */
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
}

static void synq_close_show(struct seq_file *seq, const struct synq_close *c)
{
	synq_ends_show(seq, &c->r);
	synq_state_show(seq, c->state);
	seq_printf(seq, " %s", synq_causes[c->cause]);
	synq_stack_show(seq, &c->stack);
}

/* Print a record of numbers and words. @head: the start of its line. */
static void synq_line_show(struct seq_file *seq, const struct synq_record *r, const char *head,
			   u64 start, bool tcpprobe, struct synq_ends *known)
{
	char *line, *p;

	if (seq_get_buf(seq, &line) < SYNQ_LINE_MOST) {
		seq_commit(seq, -1);
		return;
	}
	p = synq_put_time(synq_put_word(line, head), r->time - start);
	if (r->kind == SYNQ_RECORD_SYN)
		p = synq_put_syn(p, container_of(r, struct synq_syn, r));
	else if (r->kind != SYNQ_RECORD_SAMPLE)
		p = synq_put_event(p, container_of(r, struct synq_event, r));
	else if (tcpprobe)
		p = synq_put_tcpprobe(p, container_of(r, struct synq_sample, r), known);
	else
		p = synq_put_sample(p, container_of(r, struct synq_sample, r), known);
	p = synq_put_char(p, '\n');
	seq_commit(seq, p - line);
}

/**
 * synq_record_show() - print a record as a line
 * @seq: the output
 * @r: the record
 * @start: printed times are relative to it; nanoseconds of CLOCK_MONOTONIC
 * @tcpprobe: print a sample as tcp_probe did. Print any other kind, recorded
 *	before the format was changed, as a comment
 * @known: cache of ends as text, SYNQ_ENDS_KNOWN entries
 */
void synq_record_show(struct seq_file *seq, const struct synq_record *r, u64 start,
		      bool tcpprobe, struct synq_ends *known)
{
	char head[] = "# ? ";
	const char *from = tcpprobe ? head : head + 2;

	head[2] = synq_letters[r->kind];
	if (tcpprobe && r->kind == SYNQ_RECORD_SAMPLE)
		from = "";
	if (r->kind != SYNQ_RECORD_DROP && r->kind != SYNQ_RECORD_CLOSE) {
		synq_line_show(seq, r, from, start, tcpprobe, known);
		return;
	}
	seq_puts(seq, from);
	synq_time_show(seq, r->time - start);
	if (r->kind == SYNQ_RECORD_DROP)
		synq_drop_show(seq, container_of(r, struct synq_drop, r));
	else
		synq_close_show(seq, container_of(r, struct synq_close, r));
	seq_putc(seq, '\n');
}
