// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a half-open leaves the established hash, unless its handshake is
 * completed: the one function that every removal passes.
 *
 * They are small functions of one file (net/ipv4/inet_connection_sock.c), and
 * compilers differ in which they inline where: Debian's 5.10 has one compiled
 * into its callers that Debian's 6.1 calls. A removal inlined into a caller
 * would go unseen, so that each caller does call is looked up in its code.
 */
#include <linux/string.h>

#include "removal.h"
#include "tcpsynq.h"

DEFINE_STATIC_KEY_FALSE(synq_removal_untold);
DEFINE_STATIC_KEY_FALSE(synq_removal_unlink);
struct synq_range synq_timer_handler __read_mostly;
struct synq_range synq_drop_and_put __read_mostly;

static const struct {
	const char	*symbol;
	bool		untold;		/* whether its timer removes a request */
	bool		unlink;		/* has the request alone */
} synq_removals[] = {
	{ "__inet_csk_reqsk_queue_drop", false, false },
	{ "inet_csk_reqsk_queue_drop", true, false },
	{ SYNQ_UNLINK_TAKES_REQ ? "reqsk_queue_unlink" : NULL, true, true },
};

/* Whoever removes one calls one of these, or is; each may call those before it. */
static const char * const synq_removers[] = {
	"inet_csk_reqsk_queue_drop",
	"inet_csk_reqsk_queue_drop_and_put",
	"reqsk_timer_handler",
};

/* @returns: the callers are to be told from each other. */
static bool synq_all_pass(const char *symbol, bool returns)
{
	bool passes[ARRAY_SIZE(synq_removers)];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(synq_removers); i++) {
		const char *remover = synq_removers[i];

		passes[i] = !strcmp(remover, symbol) || synq_symbol_calls(remover, symbol, returns);
		for (j = 0; j < i && !passes[i]; j++)
			passes[i] = synq_symbol_calls(remover, synq_removers[j], false);
		if (!passes[i])
			return false;
	}
	return true;
}

/**
 * synq_removal_init() - choose the function to hook
 *
 * Return: 0; -ENOENT with a line in the kernel log if there is none.
 */
int synq_removal_init(void)
{
	unsigned int i;

	if (synq_symbol_range("reqsk_timer_handler", &synq_timer_handler) ||
	    synq_symbol_range("inet_csk_reqsk_queue_drop_and_put", &synq_drop_and_put))
		goto err;
	for (i = 0; i < ARRAY_SIZE(synq_removals); i++) {
		const char *symbol = synq_removals[i].symbol;

		if (!symbol || synq_symbol_missing(symbol) ||
		    !synq_all_pass(symbol, synq_removals[i].untold))
			continue;
		if (synq_removals[i].untold)
			static_branch_enable(&synq_removal_untold);
		if (synq_removals[i].unlink)
			static_branch_enable(&synq_removal_unlink);
		synq_hook_use(SYNQ_HOOK_DROP, symbol);
		return 0;
	}
err:
	pr_err("inet_csk_reqsk_queue_drop: this kernel was compiled with it inlined where no hook sees it, and the count would be wrong\n");
	return -ENOENT;
}
