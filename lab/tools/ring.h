/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receive the target's segments through a ring shared with the kernel
 * (PACKET_RX_RING, TPACKET_V3: Documentation/networking/packet_mmap.rst). The
 * kernel hands a block of the ring over when it is full or after a few
 * milliseconds, so a flood costs about one wake-up per hundred segments.
 */
#ifndef LAB_TOOLS_RING_H
#define LAB_TOOLS_RING_H

#include "common.h"
#include "link.h"

struct ring {
	int fd;
	uint8_t *map;
	size_t blocks, current;
	uint64_t drops;
};

/* @received: the time when the kernel received the frame, CLOCK_REALTIME in ns. */
typedef void ring_fn(void *arg, const uint8_t *frame, size_t len, uint64_t received);

/* Open the ring. From now on it keeps every TCP segment from @target on @l. */
void ring_open(struct ring *r, const struct link *l, const struct addr *target, size_t mebibytes);
/* Pass the frames of at most one block to @fn. Return false if there was none. */
bool ring_read(struct ring *r, ring_fn *fn, void *arg);
/* Wait for a block, but not longer than @ns. */
void ring_wait(struct ring *r, uint64_t ns);
/* Return the segments lost so far because the ring was full. */
uint64_t ring_drops(struct ring *r);

#endif /* LAB_TOOLS_RING_H */
