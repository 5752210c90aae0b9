// SPDX-License-Identifier: GPL-2.0-only
/* Save the kernel's call stack in a record. */
#include <linux/module.h>

#include "hooks.h"
#include "record.h"

/**
 * synq_stack_take() - save the current call stack
 * @stack: filled in
 * @from: the innermost frame wanted, a return address on the stack. If it is not
 *	among the innermost frames, all but the module's own are kept
 * @entry: address of the hook in the function that returns to @from, or 0. At
 *	that entry the function has no frame yet. The frame pointer unwinder takes
 *	the saved registers for its frame, and leaves out its caller.
 *
 * Safe in any context but an NMI.
 */
notrace void synq_stack_take(struct synq_stack *stack, unsigned long from, unsigned long entry)
{
	unsigned long *frames = stack->frame;
	unsigned int n = synq_stack_save(frames, ARRAY_SIZE(stack->frame));
	unsigned int i, first = 0;

	for (i = 0; i < n && i < SYNQ_STACK_OURS; i++) {
		bool at_entry = entry && frames[i] - entry <= SYNQ_ENTRY_SLACK;

		if (at_entry && (i + 1 == n || frames[i + 1] != from))
			frames[i] = from;
		if (frames[i] == from) {
			first = i;
			break;
		}
		if (within_module(frames[i], THIS_MODULE))
			first = i + 1;
	}
	stack->depth = min_t(unsigned int, n - first, SYNQ_STACK_MOST);
	memmove(frames, frames + first, stack->depth * sizeof(*frames));
}
