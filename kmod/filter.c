// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tap asks for: "key=value" words, the same as module parameters (the
 * filter a tap starts with) and as a write to an open tap.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "tcpsynq.h"

#define SYNQ_INTERVAL_MS_MIN	10
#define SYNQ_INTERVAL_MS_MAX	3600000
#define SYNQ_LATENCY_MS_MAX	10000

static DEFINE_MUTEX(synq_default_lock);	/* guards synq_default */
static struct synq_filter synq_default = {
	.kinds = SYNQ_KIND_COUNT | SYNQ_KIND_SAMPLE,
	.interval_ms = 1000,
	.latency_ms = 10,
	.hook = SYNQ_SAMPLE_RCV,
};

static const struct {
	const char *name;
	unsigned int kind;
} synq_kinds[] = {
	{ "count", SYNQ_KIND_COUNT },
	{ "event", SYNQ_KIND_EVENT },
	{ "sample", SYNQ_KIND_SAMPLE },
	{ "drop", SYNQ_KIND_DROP },
	{ "close", SYNQ_KIND_CLOSE },
};

static const char * const synq_hook_names[] = {
	[SYNQ_SAMPLE_RCV]			= "rcv",
	[SYNQ_SAMPLE_XMIT]			= "xmit",
	[SYNQ_SAMPLE_RCV | SYNQ_SAMPLE_XMIT]	= "both",
};

/**
 * struct synq_key - one key of a filter
 * @name: before the "="
 * @allowed: its values, for the line that refuses another
 * @set: takes the value, which it may take apart; 0 or -EINVAL
 * @show: prints the value in force
 */
struct synq_key {
	const char *name;
	const char *allowed;
	int (*set)(struct synq_filter *filter, char *value);
	void (*show)(struct seq_file *seq, const struct synq_filter *filter);
};

static int synq_set_uint(const char *value, unsigned int min, unsigned int max,
			 unsigned int *to)
{
	unsigned int n;

	if (!isdigit(*value) || kstrtouint(value, 10, &n) || n < min || n > max)
		return -EINVAL;
	*to = n;
	return 0;
}

static int synq_set_kinds(struct synq_filter *filter, char *value)
{
	unsigned int kinds = 0, i;
	char *word;

	while ((word = strsep(&value, ","))) {
		for (i = 0; i < ARRAY_SIZE(synq_kinds); i++)
			if (!strcmp(word, synq_kinds[i].name))
				break;
		if (i == ARRAY_SIZE(synq_kinds))
			return -EINVAL;
		kinds |= synq_kinds[i].kind;
	}
	filter->kinds = kinds;
	return 0;
}

static void synq_show_kinds(struct seq_file *seq, const struct synq_filter *filter)
{
	const char *comma = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_kinds); i++) {
		if (!(filter->kinds & synq_kinds[i].kind))
			continue;
		seq_printf(seq, "%s%s", comma, synq_kinds[i].name);
		comma = ",";
	}
}

static int synq_set_interval_ms(struct synq_filter *filter, char *value)
{
	return synq_set_uint(value, SYNQ_INTERVAL_MS_MIN, SYNQ_INTERVAL_MS_MAX,
			     &filter->interval_ms);
}

static void synq_show_interval_ms(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%u", filter->interval_ms);
}

static int synq_set_latency_ms(struct synq_filter *filter, char *value)
{
	return synq_set_uint(value, 0, SYNQ_LATENCY_MS_MAX, &filter->latency_ms);
}

static void synq_show_latency_ms(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%u", filter->latency_ms);
}

static int synq_set_full(struct synq_filter *filter, char *value)
{
	return synq_set_uint(value, 0, 1, &filter->full);
}

static void synq_show_full(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%u", filter->full);
}

static int synq_set_hook(struct synq_filter *filter, char *value)
{
	unsigned int hook;

	for (hook = SYNQ_SAMPLE_RCV; hook < ARRAY_SIZE(synq_hook_names); hook++) {
		if (strcmp(value, synq_hook_names[hook]))
			continue;
		filter->hook = hook;
		return 0;
	}
	return -EINVAL;
}

static void synq_show_hook(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_puts(seq, synq_hook_names[filter->hook]);
}

static int synq_set_proto(struct synq_filter *filter, char *value)
{
	if (!strcmp(value, "any"))
		filter->any_proto = true;
	else if (!strcmp(value, "tcp"))
		filter->any_proto = false;
	else
		return -EINVAL;
	return 0;
}

static void synq_show_proto(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_puts(seq, filter->any_proto ? "any" : "tcp");
}

static int synq_set_stack(struct synq_filter *filter, char *value)
{
	return synq_set_uint(value, 0, 1, &filter->stack);
}

static void synq_show_stack(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%u", filter->stack);
}

static int synq_set_format(struct synq_filter *filter, char *value)
{
	if (!strcmp(value, "tcpprobe"))
		filter->tcpprobe = true;
	else if (!strcmp(value, "tcpsynq"))
		filter->tcpprobe = false;
	else
		return -EINVAL;
	return 0;
}

static void synq_show_format(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_puts(seq, filter->tcpprobe ? "tcpprobe" : "tcpsynq");
}

static int synq_set_port(struct synq_filter *filter, char *value)
{
	return synq_set_uint(value, 0, U16_MAX, &filter->port);
}

static void synq_show_port(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%u", filter->port);
}

static int synq_set_fwmark(struct synq_filter *filter, char *value)
{
	unsigned int mark;

	if (!isdigit(*value) || kstrtouint(value, 0, &mark))
		return -EINVAL;
	filter->fwmark = mark;
	return 0;
}

static void synq_show_fwmark(struct seq_file *seq, const struct synq_filter *filter)
{
	seq_printf(seq, "%#x", filter->fwmark);
}

/* IPv4 is kept v4-mapped, so that one comparison serves both. */
static int synq_set_addr(struct synq_filter *filter, char *value)
{
	char *slash = strchr(value, '/');
	unsigned int most = 128, bits;
	struct in6_addr addr;
	__be32 v4;

	if (!strcmp(value, "-")) {
		filter->addr_bits = 0;
		return 0;
	}
	if (slash)
		*slash++ = '\0';
	if (in4_pton(value, -1, (u8 *)&v4, -1, NULL)) {
		ipv6_addr_set_v4mapped(v4, &addr);
		most = 32;
	} else if (!in6_pton(value, -1, addr.s6_addr, -1, NULL)) {
		return -EINVAL;
	}
	bits = most;
	if (slash && synq_set_uint(slash, 0, most, &bits))
		return -EINVAL;
	/* All of IPv4 is a network too; all of IPv6 is everything. */
	bits += 128 - most;
	ipv6_addr_prefix(&filter->addr, &addr, bits);
	filter->addr_bits = bits;
	return 0;
}

static void synq_show_addr(struct seq_file *seq, const struct synq_filter *filter)
{
	if (!filter->addr_bits)
		seq_putc(seq, '-');
	else if (ipv6_addr_v4mapped(&filter->addr) && filter->addr_bits >= 96)
		seq_printf(seq, "%pI4/%u", &filter->addr.s6_addr32[3], filter->addr_bits - 96);
	else
		seq_printf(seq, "%pI6c/%u", &filter->addr, filter->addr_bits);
}

static const struct synq_key synq_keys[] = {
	{ "kinds", "a comma list of: count, event, sample, drop, close", synq_set_kinds, synq_show_kinds },
	{ "interval_ms", __stringify(SYNQ_INTERVAL_MS_MIN) " to " __stringify(SYNQ_INTERVAL_MS_MAX),
	  synq_set_interval_ms, synq_show_interval_ms },
	{ "latency_ms", "0 to " __stringify(SYNQ_LATENCY_MS_MAX), synq_set_latency_ms,
	  synq_show_latency_ms },
	{ "port", "0 to 65535 (0: any)", synq_set_port, synq_show_port },
	{ "addr", "ADDRESS or ADDRESS/LENGTH, IPv4 or IPv6 (-: any)", synq_set_addr, synq_show_addr },
	{ "fwmark", "0 to 4294967295 (0: any)", synq_set_fwmark, synq_show_fwmark },
	{ "full", "0 or 1", synq_set_full, synq_show_full },
	{ "hook", "rcv, xmit or both", synq_set_hook, synq_show_hook },
	{ "proto", "tcp or any", synq_set_proto, synq_show_proto },
	{ "stack", "0 or 1", synq_set_stack, synq_show_stack },
	{ "format", "tcpsynq or tcpprobe", synq_set_format, synq_show_format },
};

static const struct synq_key *synq_key_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_keys); i++)
		if (!strcmp(name, synq_keys[i].name))
			return &synq_keys[i];
	return NULL;
}

static int synq_key_set(struct synq_filter *filter, const char *name, char *value)
{
	const struct synq_key *key = synq_key_find(name);
	char shown[48];
	int err;

	if (!key) {
		pr_notice_ratelimited("%.32s: no such key; there are kinds interval_ms latency_ms port addr fwmark full hook proto stack format\n", name);
		return -EINVAL;
	}
	snprintf(shown, sizeof(shown), "%s", value);
	err = key->set(filter, value);
	if (err)
		pr_notice_ratelimited("%s=%s: allowed is %s\n", name, shown, key->allowed);
	return err;
}

/* ---- As module parameters ---- */

static int synq_default_set(const char *val, const struct kernel_param *kp)
{
	char value[SYNQ_FILTER_TEXT];
	int err;

	if (strscpy(value, val, sizeof(value)) < 0)
		return -EINVAL;
	mutex_lock(&synq_default_lock);
	err = synq_key_set(&synq_default, kp->name, strim(value));
	mutex_unlock(&synq_default_lock);
	return err;
}

static int synq_default_get(char *buffer, const struct kernel_param *kp)
{
	const struct synq_key *key = synq_key_find(kp->name);
	struct seq_file seq = { .buf = buffer, .size = PAGE_SIZE };

	mutex_lock(&synq_default_lock);
	key->show(&seq, &synq_default);
	mutex_unlock(&synq_default_lock);
	seq_putc(&seq, '\n');
	return seq.count;
}

static const struct kernel_param_ops synq_default_ops = {
	.set = synq_default_set,
	.get = synq_default_get,
};

#define SYNQ_FILTER_PARAM(name, text)				\
	module_param_cb(name, &synq_default_ops, NULL, 0644);	\
	MODULE_PARM_DESC(name, text)

SYNQ_FILTER_PARAM(kinds, "what a tap shows unless it asks otherwise: a comma list of count, event, sample, drop, close (default count,sample)");
SYNQ_FILTER_PARAM(interval_ms, "time between C lines in milliseconds, 10 to 3600000 (default 1000)");
SYNQ_FILTER_PARAM(latency_ms, "a reader is woken so many milliseconds after the first record, 0 to 10000 (default 10)");
SYNQ_FILTER_PARAM(port, "records of connections with this port at either end, 0 to 65535 (default 0: any)");
SYNQ_FILTER_PARAM(addr, "records of connections with either end in this network, as ADDRESS/LENGTH (default -: any)");
SYNQ_FILTER_PARAM(fwmark, "records of connections with this mark (default 0: any)");
SYNQ_FILTER_PARAM(full, "samples: 1 of every segment, 0 only when that connection's cwnd has changed (default 0)");
SYNQ_FILTER_PARAM(hook, "samples of segments received (rcv), sent (xmit), or both (default rcv)");
SYNQ_FILTER_PARAM(proto, "drops of segments of TCP (tcp), or of every protocol (any) (default tcp)");
SYNQ_FILTER_PARAM(stack, "drops and closes: 1 with the kernel's stack, 0 without (default 0)");
SYNQ_FILTER_PARAM(format, "tcpsynq, or tcpprobe for the bare lines of tcp_probe (default tcpsynq)");

static int synq_uint_param_set(const char *val, const struct kernel_param *kp)
{
	struct synq_uint_param *param = kp->arg;
	unsigned int n;

	if (kstrtouint(val, 10, &n) || n < param->min || n > param->max) {
		pr_err("%s=%s: allowed is %u to %u%s\n", kp->name, val, param->min, param->max,
		       param->unit);
		return -EINVAL;
	}
	WRITE_ONCE(param->value, n);
	return 0;
}

static int synq_uint_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct synq_uint_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(param->value));
}

const struct kernel_param_ops synq_uint_param_ops = {
	.set = synq_uint_param_set,
	.get = synq_uint_param_get,
};

/* ---- As a tap's own ---- */

void synq_filter_default(struct synq_filter *filter)
{
	mutex_lock(&synq_default_lock);
	*filter = synq_default;
	mutex_unlock(&synq_default_lock);
}

/**
 * synq_filter_parse() - change a filter by "key=value …"
 * @filter: changed only if the whole text is good
 * @text: taken apart
 *
 * Return: 0, or -EINVAL with one line in the kernel log saying what was wrong.
 */
int synq_filter_parse(struct synq_filter *filter, char *text)
{
	struct synq_filter changed = *filter;
	char *word, *value;
	int err;

	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (!value) {
			pr_notice_ratelimited("%.32s: a filter is key=value words\n", word);
			return -EINVAL;
		}
		*value++ = '\0';
		err = synq_key_set(&changed, word, value);
		if (err)
			return err;
	}
	*filter = changed;
	return 0;
}

void synq_filter_show(struct seq_file *seq, const struct synq_filter *filter)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_keys); i++) {
		seq_printf(seq, "%s%s=", i ? " " : "", synq_keys[i].name);
		synq_keys[i].show(seq, filter);
	}
}
