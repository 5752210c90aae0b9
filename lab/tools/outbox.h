/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Send frames in batches, one outbox per thread. A frame counts, under the kind
 * that its caller gave, once the device has accepted it. If the device has no
 * room, the outbox sends the frame again until the device accepts it.
 *
 * Racers: threads that send the copies of a frame from several CPUs at the same
 * moment. The target then handles the copies at the same time, and not one after
 * another.
 */
#ifndef LAB_TOOLS_OUTBOX_H
#define LAB_TOOLS_OUTBOX_H

#include "frame.h"
#include "link.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define OUTBOX_BATCH 64
#define OUTBOX_KINDS 16
#define OUTBOX_RACERS_MAX 7

struct outbox;

struct racer {
	pthread_t thread;
	struct outbox *box;
	int fd, cpu;
	atomic_uint armed, done;	/* rounds; they pair with box->go */
};

struct outbox {
	int fd;
	unsigned int n;
	uint64_t sent[OUTBOX_KINDS];
	uint64_t refused;		/* attempts that the device refused */
	const atomic_int *stop;		/* not zero: discard unsent frames */
	struct racer racers[OUTBOX_RACERS_MAX];
	unsigned int n_racers;
	atomic_uint go;
	atomic_bool quit;
	uint8_t kind[OUTBOX_BATCH];
	struct iovec iov[OUTBOX_BATCH];
	struct mmsghdr msg[OUTBOX_BATCH];
	uint8_t frame[OUTBOX_BATCH][FRAME_MAX];
};

/* @bypass: skip the queueing discipline (and tcpdump), which is faster. */
void outbox_open(struct outbox *b, const struct link *l, bool bypass, const atomic_int *stop);
/* Start @n threads on the CPUs after @cpu. Each sends one copy. */
void outbox_start_racers(struct outbox *b, const struct link *l, bool bypass, unsigned int n,
			 unsigned int cpu);
/* Return the buffer of the next frame. */
uint8_t *outbox_frame(struct outbox *b);
void outbox_push(struct outbox *b, size_t len, uint8_t kind);
/* Push the frame just written @copies times. Copies count as @kind_of_copy. */
void outbox_push_copies(struct outbox *b, size_t len, uint8_t kind, uint8_t kind_of_copy,
			unsigned int copies);
void outbox_flush(struct outbox *b);
void outbox_close(struct outbox *b);

/* Pin the calling thread to the @n-th CPU that it may use, modulo their number. */
void pin_to_cpu(unsigned int n);
/* Pin the calling thread to its current CPU. */
void pin_to_this_cpu(void);

#endif /* LAB_TOOLS_OUTBOX_H */
