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

/* The innermost: whatever removes a half-open ends in it. */
#define SYNQ_UNLINK	"reqsk_queue_unlink"

static const struct {
	const char	*symbol;
	bool		untold;		/* whether its timer removes a request */
	bool		unlink;		/* has the request alone */
} synq_removals[] = {
	{ "__inet_csk_reqsk_queue_drop", false, false },
	{ "inet_csk_reqsk_queue_drop", true, false },
	{ SYNQ_UNLINK_TAKES_REQ ? SYNQ_UNLINK : NULL, true, true },
};

/* Whoever removes one calls one of these, or is; each may call those before it. */
static const char * const synq_removers[] = {
	"inet_csk_reqsk_queue_drop",
	"inet_csk_reqsk_queue_drop_and_put",
	"reqsk_timer_handler",
};

/* @returns: the callers are to be told from each other. Return: 1, 0 or -errno. */
static int synq_all_pass(const char *symbol, bool returns)
{
	unsigned int i, j;
	int passes, past;

	for (i = 0; i < ARRAY_SIZE(synq_removers); i++) {
		const char *remover = synq_removers[i];

		if (!strcmp(remover, symbol))
			continue;
		/* It may be called at one place of a remover, and inlined at another. */
		past = strcmp(symbol, SYNQ_UNLINK) ?
			synq_symbol_calls(remover, SYNQ_UNLINK, false) : 0;
		if (past)
			return past < 0 ? past : 0;
		passes = synq_symbol_calls(remover, symbol, returns);
		for (j = 0; j < i && !passes; j++)
			passes = synq_symbol_calls(remover, synq_removers[j], false);
		if (passes <= 0)
			return passes;
	}
	return 1;
}

/* Return: the one of synq_removals to hook, or -errno; -ENOENT if there is none. */
static int synq_removal_find(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(synq_removals); i++) {
		const char *symbol = synq_removals[i].symbol;
		int passes;

		if (!symbol || synq_symbol_missing(symbol))
			continue;
		passes = synq_all_pass(symbol, synq_removals[i].untold);
		if (passes)
			return passes < 0 ? passes : i;
	}
	return -ENOENT;
}

/**
 * synq_removal_init() - choose the function to hook
 *
 * Return: 0 or -errno, with a line in the kernel log; -ENOENT if there is none.
 */
int synq_removal_init(void)
{
	int found;

	found = synq_symbol_needed("reqsk_timer_handler", &synq_timer_handler) ?:
		synq_symbol_needed("inet_csk_reqsk_queue_drop_and_put", &synq_drop_and_put);
	if (found)
		return found;
	found = synq_removal_find();
	if (found < 0)
		return synq_symbol_unseen("inet_csk_reqsk_queue_drop", found);
	if (synq_removals[found].untold)
		static_branch_enable(&synq_removal_untold);
	if (synq_removals[found].unlink)
		static_branch_enable(&synq_removal_unlink);
	synq_hook_use(SYNQ_HOOK_DROP, synq_removals[found].symbol);
	return 0;
}
