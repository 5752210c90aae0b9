// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters of taps: "key=value" words. Module parameters set the filter that a
 * tap starts with, a write to an open tap changes its own.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "tap.h"

static DEFINE_MUTEX(synq_default_lock);	/* guards synq_default */
static struct synq_filter synq_default = {
	.kinds = SYNQ_KIND_COUNT | SYNQ_KIND_SAMPLE,
	.port = SYNQ_PORT_DEFAULT,
	.fwmark = SYNQ_FWMARK_DEFAULT,
	.interval_ms = SYNQ_INTERVAL_MS_DEFAULT,
	.latency_ms = SYNQ_LATENCY_MS_DEFAULT,
	.hook = SYNQ_SAMPLE_RCV,
};

/* Indexed by bit number of SYNQ_KIND_*. */
static const char * const synq_kind_words[] = SYNQ_KIND_WORDS;

/**
 * struct synq_key - one key of a filter
 * @name: before the "="
 * @allowed: its values in words, for the kernel log's line about a bad value
 * @offset: where struct synq_filter stores the value, an unsigned int
 * @min: the lowest value allowed
 * @max: the highest value allowed
 * @words: names of the values from @min to @max; NULL: the value is a number
 * @base: passed to kstrtouint(); 0: any, and the number prints as hexadecimal
 * @set: parse a value of another form, and may modify the text; 0 or -EINVAL
 * @show: print a value of another form
 */
struct synq_key {
	const char *name;
	const char *allowed;
	size_t offset;
	unsigned int min, max;
	const char * const *words;
	unsigned int base;
	int (*set)(struct synq_filter *filter, char *value);
	void (*show)(struct seq_file *seq, const struct synq_filter *filter);
};

static int synq_set_uint(const char *value, unsigned int base, unsigned int min,
			 unsigned int max, unsigned int *to)
{
	unsigned int n;

	if (!isdigit(*value) || kstrtouint(value, base, &n) || n < min || n > max)
		return -EINVAL;
	*to = n;
	return 0;
}

static int synq_set_kinds(struct synq_filter *filter, char *value)
{
	unsigned int kinds = 0;
	char *word;
	int bit;

	while ((word = strsep(&value, ","))) {
		bit = match_string(synq_kind_words, ARRAY_SIZE(synq_kind_words), word);
		if (bit < 0)
			return bit;
		kinds |= BIT(bit);
	}
	filter->kinds = kinds;
	return 0;
}

static void synq_show_kinds(struct seq_file *seq, const struct synq_filter *filter)
{
	const char *comma = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_kind_words); i++) {
		if (!(filter->kinds & BIT(i)))
			continue;
		seq_printf(seq, "%s%s", comma, synq_kind_words[i]);
		comma = ",";
	}
}

/* Store IPv4 as v4-mapped, so that one comparison serves both families. */
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
	if (slash && synq_set_uint(slash, 10, 0, most, &bits))
		return -EINVAL;
	/* 0.0.0.0/0 is the prefix ::ffff:0:0/96; ::/0 has 0 bits and matches everything. */
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

/* The field must be an unsigned int: synq_key_take() stores through a pointer to one. */
#define SYNQ_KEY_OFFSET(field)						\
	(offsetof(struct synq_filter, field) +				\
	 BUILD_BUG_ON_ZERO(!__same_type(((struct synq_filter *)0)->field, unsigned int)))

/* @NAME: the middle of its SYNQ_NAME_* in schema.h. */
#define SYNQ_KEY_NUMBER(field, NAME, number_base)			\
	{								\
		.name = #field,						\
		.allowed = SYNQ_##NAME##_ALLOWED,			\
		.offset = SYNQ_KEY_OFFSET(field),			\
		.min = SYNQ_##NAME##_MIN,				\
		.max = SYNQ_##NAME##_MAX,				\
		.base = number_base,					\
	}

/*
 * @first: the value of the first word. Each later word has the next value, so
 * the order of the words in schema.json must not change.
 */
#define SYNQ_KEY_WORDS(key, field, NAME, first)				\
	{								\
		.name = #key,						\
		.allowed = SYNQ_##NAME##_ALLOWED,			\
		.offset = SYNQ_KEY_OFFSET(field),			\
		.min = (first),						\
		.max = (first) + SYNQ_##NAME##_COUNT - 1,		\
		.words = (const char * const [])SYNQ_##NAME##_WORDS,	\
	}

static const struct synq_key synq_keys[] = {
	{
		.name = "kinds",
		.allowed = SYNQ_KINDS_ALLOWED,
		.set = synq_set_kinds,
		.show = synq_show_kinds,
	},
	SYNQ_KEY_NUMBER(interval_ms, INTERVAL_MS, 10),
	SYNQ_KEY_NUMBER(latency_ms, LATENCY_MS, 10),
	SYNQ_KEY_NUMBER(port, PORT, 10),
	{
		.name = "addr",
		.allowed = SYNQ_ADDR_ALLOWED,
		.set = synq_set_addr,
		.show = synq_show_addr,
	},
	/* Accept hexadecimal too, as ip-rule(8) prints a mark. */
	SYNQ_KEY_NUMBER(fwmark, FWMARK, 0),
	SYNQ_KEY_WORDS(full, full, FULL, 0),
	SYNQ_KEY_WORDS(hook, hook, HOOK, SYNQ_SAMPLE_RCV),
	SYNQ_KEY_WORDS(proto, any_proto, PROTO, 0),
	SYNQ_KEY_WORDS(stack, stack, STACK, 0),
	SYNQ_KEY_WORDS(format, tcpprobe, FORMAT, 0),
};

static const struct synq_key *synq_key_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_keys); i++)
		if (!strcmp(name, synq_keys[i].name))
			return &synq_keys[i];
	return NULL;
}

static int synq_key_take(const struct synq_key *key, struct synq_filter *filter, char *value)
{
	unsigned int *to = (void *)filter + key->offset;
	int n;

	if (key->set)
		return key->set(filter, value);
	if (!key->words)
		return synq_set_uint(value, key->base, key->min, key->max, to);
	n = match_string(key->words, key->max - key->min + 1, value);
	if (n >= 0)
		*to = key->min + n;
	return min(n, 0);
}

static void synq_key_show(struct seq_file *seq, const struct synq_key *key,
			  const struct synq_filter *filter)
{
	unsigned int value = *(const unsigned int *)((const void *)filter + key->offset);

	if (key->show)
		key->show(seq, filter);
	else if (key->words)
		seq_puts(seq, key->words[value - key->min]);
	else
		seq_printf(seq, key->base ? "%u" : "%#x", value);
}

static int synq_key_set(struct synq_filter *filter, const char *name, char *value)
{
	const struct synq_key *key = synq_key_find(name);
	char shown[48];
	int err;

	if (!key) {
		pr_notice_ratelimited("%.32s: no such key; use one of " SYNQ_FILTER_KEYS "\n", name);
		return -EINVAL;
	}
	snprintf(shown, sizeof(shown), "%s", value);
	err = synq_key_take(key, filter, value);
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
	synq_key_show(&seq, key, &synq_default);
	mutex_unlock(&synq_default_lock);
	seq_putc(&seq, '\n');
	return seq.count;
}

static const struct kernel_param_ops synq_default_ops = {
	.set = synq_default_set,
	.get = synq_default_get,
};

#define SYNQ_FILTER_PARAM(name, NAME)				\
	module_param_cb(name, &synq_default_ops, NULL, 0644);	\
	MODULE_PARM_DESC(name, SYNQ_##NAME##_HELP);

SYNQ_FILTER_LIST(SYNQ_FILTER_PARAM)

static int synq_uint_param_set(const char *val, const struct kernel_param *kp)
{
	struct synq_uint_param *param = kp->arg;
	unsigned int n;

	if (kstrtouint(val, 10, &n) || n < param->min || n > param->max) {
		pr_err("%s=%s: allowed is %s\n", kp->name, val, param->allowed);
		return -EINVAL;
	}
	WRITE_ONCE(param->value, n);
	return 0;
}

const struct kernel_param_ops synq_uint_param_ops = {
	.set = synq_uint_param_set,
	.get = param_get_uint,
};

/* ---- As the filter of a tap ---- */

void synq_filter_default(struct synq_filter *filter)
{
	mutex_lock(&synq_default_lock);
	*filter = synq_default;
	mutex_unlock(&synq_default_lock);
}

/**
 * synq_filter_parse() - change a filter by "key=value …"
 * @filter: changed only if the whole text is valid
 * @text: modified
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
		synq_key_show(seq, &synq_keys[i], filter);
	}
}
