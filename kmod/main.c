// SPDX-License-Identifier: GPL-2.0-only
/* Init and exit. */
#include <linux/module.h>

#include "claim.h"
#include "tcpsynq.h"

static int __init synq_init(void)
{
	int err;

	synq_sample_init();
	err = synq_close_init() ?: synq_removal_init() ?: synq_halfopen_init() ?:
	      synq_hooks_find();
	synq_symbols_done();
	if (err)
		return err;
	synq_taps_init();
	err = synq_claim_init();
	if (err)
		return err;
	err = synq_netns_init();
	if (err)
		goto err_claim;
	err = synq_hooks_attach();
	if (err)
		goto err_netns;
	synq_refusal_init();
	synq_baseline_take();
	err = synq_files_init();
	if (err)
		goto err_hooks;
	synq_taps_ready();
	return 0;

err_hooks:
	synq_hooks_detach();
err_netns:
	synq_netns_uninit();
err_claim:
	synq_claim_uninit();
	return err;
}

static void __exit synq_exit(void)
{
	synq_files_uninit();
	synq_hooks_detach();
	synq_netns_uninit();
	synq_claim_uninit();
}

module_init(synq_init);
module_exit(synq_exit);

MODULE_DESCRIPTION("Exact counts of half-open TCP connections");
MODULE_AUTHOR("The tcpsynq authors");
MODULE_VERSION(SYNQ_VERSION);
MODULE_LICENSE("GPL");
