// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/stat/tcpsynq: a row per possible CPU, for lnstat, in the form of the
 * other files there (net/ipv4/route.c). O(CPUs), no lock, no walk.
 */
#include <linux/cpumask.h>
#include <linux/proc_fs.h>

#include "counters.h"
#include "text.h"

static const enum synq_counter synq_stat_counters[] = SYNQ_STAT_COUNTERS;

struct synq_stat {
	struct seq_net_private	p;	/* proc_net requires it first */
	u64			half_open;
	u64			initial;
};

/* Position 0 is the header, position N the row of CPU N - 1. */
static void *synq_stat_row(loff_t *pos)
{
	if (!*pos)
		return SEQ_START_TOKEN;
	for (; *pos - 1 < nr_cpu_ids; ++*pos)
		if (cpu_possible(*pos - 1))
			return pos;
	return NULL;
}

static void *synq_stat_start(struct seq_file *seq, loff_t *pos)
{
	struct synq_stat *stat = seq->private;
	struct synq_figures sum;

	if (!*pos) {
		synq_net_figures(seq_file_net(seq), &sum);
		stat->half_open = sum.n[SYNQ_HALF_OPEN];
		stat->initial = sum.n[SYNQ_INITIAL];
	}
	return synq_stat_row(pos);
}

static void *synq_stat_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return synq_stat_row(pos);
}

static void synq_stat_stop(struct seq_file *seq, void *v)
{
}

/* Avoid seq_printf(): with it a CPU's row cost nearly three times as much. */
static void synq_stat_cpu_show(struct seq_file *seq, const struct synq_figures *f)
{
	/* Up to 16 digits and a blank each. */
	char line[17 * ARRAY_SIZE(synq_stat_counters) + SYNQ_TEXT_ROOM], *p = line;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_stat_counters); i++) {
		enum synq_counter counter = synq_stat_counters[i];
		bool is_signed = counter == SYNQ_HALF_OPEN || counter == SYNQ_INITIAL;

		p = synq_put_hex(p, f->n[counter], is_signed ? 16 : 8);
		p = synq_put_char(p, ' ');
	}
	p[-1] = '\n';
	seq_write(seq, line, p - line);
}

static int synq_stat_show(struct seq_file *seq, void *v)
{
	const struct synq_stat *stat = seq->private;
	struct synq_figures f;
	int cpu;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, SYNQ_STAT_COLUMNS "\n");
		return 0;
	}
	cpu = *(loff_t *)v - 1;
	synq_cpu_figures(seq_file_net(seq), cpu, &f);
	f.n[SYNQ_HALF_OPEN] = stat->half_open;
	f.n[SYNQ_INITIAL] = cpu == cpumask_first(cpu_possible_mask) ? stat->initial : 0;
	synq_stat_cpu_show(seq, &f);
	return 0;
}

static const struct seq_operations synq_stat_seq_ops = {
	.start	= synq_stat_start,
	.next	= synq_stat_next,
	.stop	= synq_stat_stop,
	.show	= synq_stat_show,
};

struct proc_dir_entry *synq_stat_create(struct net *net)
{
	return synq_proc_create_net("tcpsynq", 0444, net->proc_net_stat, &synq_stat_seq_ops,
			       sizeof(struct synq_stat));
}
