// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/tcpsynq_status: whether the figures are exact, and each reason if not. */
#include <linux/proc_fs.h>

#include "counters.h"
#include "hooks.h"
#include "tap.h"

static bool synq_lives_exact(struct seq_file *seq)
{
	u64 uncounted, late_completions;

	synq_net_doubts(seq_file_single_net(seq), &uncounted, &late_completions);
	if (uncounted)
		seq_printf(seq, "why %llu half-opens ended without being counted as added: a hook missed them\n",
			   uncounted);
	if (late_completions)
		seq_printf(seq, "why %llu handshakes completed while another CPU was ending their half-open: counted as expired, reset or the like, not as completed\n",
			   late_completions);
	return !uncounted && !late_completions;
}

static int synq_status_show(struct seq_file *seq, void *v)
{
	bool host = net_eq(seq_file_single_net(seq), &init_net);
	bool exact;

	seq_puts(seq, "version " SYNQ_VERSION "\n");
	exact = synq_hooks_exact(seq);
	exact &= synq_lives_exact(seq);
	if (SYNQ_BH_PREEMPTED) {
		seq_puts(seq, "why PREEMPT_RT without PREEMPT_RT_NEEDS_BH_LOCK: the kernel may interrupt the handling of one packet to handle another: accept_full, queue_full, refused_other, syns, records of SYNs and half-opens that move to another listener may be off by a few\n");
		exact = false;
	}
	seq_printf(seq, "exact %s\n", exact ? "yes" : "no");
	synq_initial_show(seq, host);
	synq_taps_show(seq);
	synq_hooks_show(seq, host);
	return 0;
}

struct proc_dir_entry *synq_status_create(struct net *net)
{
	return synq_proc_create_net_single("tcpsynq_status", 0444, net->proc_net,
					   synq_status_show, NULL);
}
