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
 *
 * Safe in any context but an NMI.
 */
notrace void synq_stack_take(struct synq_stack *stack, unsigned long from)
{
	unsigned long frames[SYNQ_STACK_MOST + SYNQ_STACK_OURS];
	unsigned int n = synq_stack_save(frames, ARRAY_SIZE(frames));
	unsigned int first = 0;

	while (first < n && first < SYNQ_STACK_OURS && frames[first] != from)
		first++;
	if (first == n || frames[first] != from)
		for (first = 0; first < n && within_module(frames[first], THIS_MODULE);)
			first++;
	stack->depth = min_t(unsigned int, n - first, SYNQ_STACK_MOST);
	memcpy(stack->frame, frames + first, stack->depth * sizeof(*frames));
}
