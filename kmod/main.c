// SPDX-License-Identifier: GPL-2.0-only
/* Init and exit. */
#include <linux/module.h>

#include "counters.h"
#include "hooks.h"
#include "life.h"
#include "record.h"
#include "syn.h"
#include "tap.h"

static int __init synq_init(void)
{
	int err;

	synq_close_init();
	synq_halfopen_init();
	err = synq_hooks_find();
	synq_symbols_done();
	if (err)
		return err;
	synq_taps_init();
	synq_life_init();
	err = synq_feeds_init();
	if (err)
		return err;
	err = synq_netns_init();
	if (err)
		goto err_feeds;
	err = synq_syns_init();
	if (err)
		goto err_netns;
	err = synq_hooks_attach();
	if (err)
		goto err_syns;
	err = synq_initial_find() ?: synq_files_init();
	if (!err)
		return 0;

	synq_hooks_detach();
err_syns:
	synq_syns_uninit();
err_netns:
	synq_netns_uninit();
err_feeds:
	synq_feeds_uninit();
	return err;
}

static void __exit synq_exit(void)
{
	synq_files_uninit();
	synq_hooks_detach();
	synq_syns_uninit();
	synq_netns_uninit();
	synq_feeds_uninit();
}

module_init(synq_init);
module_exit(synq_exit);

MODULE_DESCRIPTION("Exact counts of half-open TCP connections");
MODULE_AUTHOR("The tcpsynq authors");
MODULE_VERSION(SYNQ_VERSION);
MODULE_LICENSE("GPL");
