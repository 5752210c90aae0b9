// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/stat/tcpsynq: a row per possible CPU, in the form of its
 * neighbours (net/ipv4/route.c), for lnstat. O(CPUs), no lock, no walk.
 */
#include <linux/cpumask.h>
#include <linux/proc_fs.h>

#include "tcpsynq.h"
#include "text.h"

struct synq_stat {
	struct seq_net_private	p;	/* first: proc_net wants it so */
	s64			half_open;
	s64			initial;
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
		stat->half_open = sum.half_open;
		stat->initial = sum.initial;
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

/* With seq_printf() a CPU's row cost nearly three times as much. */
static void synq_stat_cpu_show(struct seq_file *seq, const struct synq_figures *f, bool first)
{
	const struct synq_stat *stat = seq->private;
	const u64 counts[] = {
		f->added, f->completed, f->expired, f->reset, f->unreachable, f->closed,
		f->other, f->cookies, f->cookies_ok, f->cookies_bad, f->queue_full,
		f->accept_full, f->samples, f->lost, first ? synq_hooks_missed() : 0,
	};
	/* Each up to 16 digits and what parts it from the next. */
	char line[17 * (2 + ARRAY_SIZE(counts)) + SYNQ_TEXT_ROOM], *p = line;
	unsigned int i;

	p = synq_put_hex(p, stat->half_open, 16);
	p = synq_put_hex(synq_put_char(p, ' '), first ? stat->initial : 0, 16);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		p = synq_put_hex(synq_put_char(p, ' '), counts[i], 8);
	p = synq_put_char(p, '\n');
	seq_write(seq, line, p - line);
}

static int synq_stat_show(struct seq_file *seq, void *v)
{
	struct synq_figures f;
	int cpu;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "half_open initial added completed expired reset unreachable closed other cookies cookies_ok cookies_bad queue_full accept_full samples lost missed\n");
		return 0;
	}
	cpu = *(loff_t *)v - 1;
	synq_cpu_figures(seq_file_net(seq), cpu, &f);
	synq_stat_cpu_show(seq, &f, cpu == cpumask_first(cpu_possible_mask));
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
