/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcpsynq: exact counts of half-open TCP connections.
 *
 * What all files share. Who does what:
 *
 *   schema.h    names, columns and ranges, generated from src/stream/schema.json
 *   main.c      init and exit
 *   symbol.c    functions of the running kernel, found by name
 *   hooks.c     the table of hooks, and how each is attached
 *   halfopen.c  handlers: a half-open added, and why one ended
 *   syn_drop.c  handlers: SYNs that never became half-open
 *   life.c      one half-open, one count, whichever CPUs race for it
 *   initial.c   what was half-open before the hooks
 *   netns.c     counters of each network namespace, and their sum
 *   record.c    records for taps that ask for more than counts: kept, read
 *   event.c     records of half-opens added and removed
 *   sample.c    records of established connections
 *   drop.c      records of dropped segments
 *   close.c     records of connections closed
 *   format.c    a record as a line
 *   text.c      numbers as text
 *   filter.c    what a tap asks for; module parameters and tap writes alike
 *   tap.c       /proc/net/tcpsynq
 *   stat.c      /proc/net/stat/tcpsynq
 *   listen.c    /proc/net/tcpsynq_listeners
 *   status.c    /proc/net/tcpsynq_status
 *   files.c     all four, in every network namespace
 */
#ifndef SYNQ_TCPSYNQ_H
#define SYNQ_TCPSYNQ_H

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "schema.h"

#define SYNQ_VERSION "0.1.0"

/**
 * struct synq_uint_param - a module parameter that is a number within bounds
 * @value: in force; readers use READ_ONCE(); first, as param_get_uint() reads it
 * @min: the lowest value allowed
 * @max: the highest value allowed
 * @allowed: both in words, for the kernel log's line about a bad value
 */
struct synq_uint_param {
	unsigned int	value;
	unsigned int	min, max;
	const char	*allowed;
};

/* Initialise a struct synq_uint_param from its SYNQ_NAME_* in schema.h. */
#define SYNQ_UINT_PARAM(NAME) {				\
	.value = SYNQ_##NAME##_DEFAULT,			\
	.min = SYNQ_##NAME##_MIN,			\
	.max = SYNQ_##NAME##_MAX,			\
	.allowed = SYNQ_##NAME##_ALLOWED,		\
}

extern const struct kernel_param_ops synq_uint_param_ops;

/* ---- What was half-open before the hooks (initial.c) ---- */

extern bool synq_initial_done;

int synq_initial_find(void);
void synq_initial_show(struct seq_file *seq, bool host);

/* ---- Files ---- */

int synq_files_init(void);
void synq_files_uninit(void);

struct proc_dir_entry *synq_tap_create(struct net *net);
struct proc_dir_entry *synq_stat_create(struct net *net);
struct proc_dir_entry *synq_listeners_create(struct net *net);
struct proc_dir_entry *synq_status_create(struct net *net);

#endif /* SYNQ_TCPSYNQ_H */
