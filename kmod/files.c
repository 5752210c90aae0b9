// SPDX-License-Identifier: GPL-2.0-only
/* The files under /proc/net, in every network namespace. */
#include <linux/proc_fs.h>

#include "tcpsynq.h"

static int __net_init synq_files_new(struct net *net)
{
	if (!synq_tap_create(net))
		return -ENOMEM;
	if (!synq_stat_create(net))
		goto err_tap;
	if (!synq_listeners_create(net))
		goto err_stat;
	if (!synq_status_create(net))
		goto err_listeners;
	return 0;

err_listeners:
	remove_proc_entry("tcpsynq_listeners", net->proc_net);
err_stat:
	remove_proc_entry("tcpsynq", net->proc_net_stat);
err_tap:
	remove_proc_entry("tcpsynq", net->proc_net);
	return -ENOMEM;
}

static void __net_exit synq_files_gone(struct net *net)
{
	remove_proc_entry("tcpsynq_status", net->proc_net);
	remove_proc_entry("tcpsynq_listeners", net->proc_net);
	remove_proc_entry("tcpsynq", net->proc_net_stat);
	remove_proc_entry("tcpsynq", net->proc_net);
}

static struct pernet_operations synq_files_ops = {
	.init = synq_files_new,
	.exit = synq_files_gone,
};

int synq_files_init(void)
{
	return register_pernet_subsys(&synq_files_ops);
}

void synq_files_uninit(void)
{
	unregister_pernet_subsys(&synq_files_ops);
}
