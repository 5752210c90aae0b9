/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending frames in batches, one outbox per thread. A frame is counted, under
 * the kind its builder gave it, once the device has really taken it; one that
 * the device refuses for want of room is tried again until it goes.
 *
 * Racing: with racers, a frame pushed with copies leaves from several CPUs at
 * the same moment, one thread each, so that the target handles the copies at
 * once and not one after another.
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
	uint64_t refused;		/* tries the device turned down */
	const atomic_int *stop;		/* not zero: give up what is not sent */
	struct racer racers[OUTBOX_RACERS_MAX];
	unsigned int n_racers;
	atomic_uint go;
	atomic_bool quit;
	uint8_t kind[OUTBOX_BATCH];
	struct iovec iov[OUTBOX_BATCH];
	struct mmsghdr msg[OUTBOX_BATCH];
	uint8_t frame[OUTBOX_BATCH][FRAME_MAX];
};

/* @bypass: past the queueing discipline (and past tcpdump), which is faster. */
void outbox_open(struct outbox *b, const struct link *l, bool bypass, const atomic_int *stop);
/* Starts @n threads, on the CPUs after @cpu, each sending one copy. */
void outbox_start_racers(struct outbox *b, const struct link *l, bool bypass, unsigned int n,
			 unsigned int cpu);
/* Where the next frame is to be written. */
uint8_t *outbox_frame(struct outbox *b);
void outbox_push(struct outbox *b, size_t len, uint8_t kind);
/* The frame just written, @copies times; all but the first count as @kind_of_copy. */
void outbox_push_copies(struct outbox *b, size_t len, uint8_t kind, uint8_t kind_of_copy,
			unsigned int copies);
void outbox_flush(struct outbox *b);
void outbox_close(struct outbox *b);

/* Ties the calling thread to the @n-th CPU it may use, counted round and round. */
void pin_to_cpu(unsigned int n);
/* Ties the calling thread to the CPU it happens to be on. */
void pin_to_this_cpu(void);

#endif /* LAB_TOOLS_OUTBOX_H */
