/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcpsynq: exact counts of half-open TCP connections.
 *
 * Declarations that all files share. ARCHITECTURE.md describes each file.
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
 * @value: current value; readers use READ_ONCE(); first, for param_get_uint()
 * @min: the lowest value allowed
 * @max: the highest value allowed
 * @allowed: both limits in words, for the kernel log's line about a bad value
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

/* ---- Half-opens from before the hooks (initial.c) ---- */

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
