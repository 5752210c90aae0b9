/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's answers, through a receive ring shared with the kernel
 * (PACKET_RX_RING, TPACKET_V3: Documentation/networking/packet_mmap.rst).
 * A block of the ring is handed over when full or after a few milliseconds,
 * so a flood costs one wake-up per hundred segments or so.
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

/* @received: when the kernel saw the frame, CLOCK_REALTIME in ns. */
typedef void ring_fn(void *arg, const uint8_t *frame, size_t len, uint64_t received);

/* From now on every TCP segment from @target on @l is kept. */
void ring_open(struct ring *r, const struct link *l, const struct addr *target, size_t mebibytes);
/* Hands at most one block to @fn; false if there was none. */
bool ring_read(struct ring *r, ring_fn *fn, void *arg);
/* Until a block is there, or @ns passed. */
void ring_wait(struct ring *r, uint64_t ns);
/* Segments lost so far because the ring was full. */
uint64_t ring_drops(struct ring *r);

#endif /* LAB_TOOLS_RING_H */
