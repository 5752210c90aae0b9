// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's stack, as a record has it. */
#include <linux/module.h>

#include "record.h"

/* Between a hook's handler and what it is attached to, at most. */
#define SYNQ_STACK_OURS	8

/**
 * synq_stack_take() - the stack of what is running now
 * @stack: filled in
 * @from: the innermost frame wanted, a return address on the stack; if it is
 *	not among the innermost, all but our own are kept
 * @entry: the hook through which we came from the function that returns to
 *	@from, or 0. The frame pointer unwinder takes the registers saved there
 *	for a frame of that function, which has none yet, and leaves out its
 *	caller.
 *
 * Safe in any context but an NMI.
 */
notrace void synq_stack_take(struct synq_stack *stack, unsigned long from, unsigned long entry)
{
	unsigned long frames[SYNQ_STACK_MOST + SYNQ_STACK_OURS];
	unsigned int n = synq_stack_save(frames, ARRAY_SIZE(frames));
	unsigned int most = min_t(unsigned int, n, SYNQ_STACK_OURS);
	unsigned int first, at = n;

	for (first = 0; first < most && frames[first] != from; first++)
		if (entry && frames[first] - entry <= SYNQ_ENTRY_SLACK)
			at = first;
	if (first == most && at < n) {
		first = at;
		frames[first] = from;
	} else if (first == most) {
		for (first = 0; first < n && within_module(frames[first], THIS_MODULE);)
			first++;
	}
	stack->depth = min_t(unsigned int, n - first, SYNQ_STACK_MOST);
	memcpy(stack->frame, frames + first, stack->depth * sizeof(*frames));
}
