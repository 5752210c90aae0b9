// SPDX-License-Identifier: GPL-2.0-only
/* Send frames in batches; outbox.h documents the functions. */
#include "outbox.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPINS_BEFORE_YIELD 200
#define SPINS_BEFORE_SLEEP 2000

void pin_to_cpu(unsigned int n)
{
	cpu_set_t allowed, one;
	unsigned int count;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	count = (unsigned int)CPU_COUNT(&allowed);
	n %= count;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || n--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void pin_to_this_cpu(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int open_sender(const struct link *l, bool bypass)
{
	/* Protocol 0: the kernel passes no frames to a socket that only sends. */
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = l->index };
	int one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("packet socket: %s (CAP_NET_RAW is needed)", strerror(errno));
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		fail("cannot send on %s: %s", l->name, strerror(errno));
	if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		fail("cannot bypass the queueing discipline: %s (--qdisc goes through it)",
		     strerror(errno));
	return fd;
}

void outbox_open(struct outbox *b, const struct link *l, bool bypass, const atomic_int *stop)
{
	memset(b, 0, sizeof(*b));
	b->fd = open_sender(l, bypass);
	b->stop = stop;
	for (int i = 0; i < OUTBOX_BATCH; i++) {
		b->iov[i].iov_base = b->frame[i];
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Send some of @n messages. Return how many: at least one, or 0 if @stop is set. */
static unsigned int send_some(int fd, struct mmsghdr *msg, unsigned int n, const atomic_int *stop,
			      uint64_t *refused)
{
	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		int sent = sendmmsg(fd, msg, n, MSG_DONTWAIT);

		if (sent > 0)
			return (unsigned int)sent;
		if (errno == EINTR)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN)
			fail("cannot send: %s", strerror(errno));
		(*refused)++;
		usleep(200);
	}
	return 0;
}

void outbox_flush(struct outbox *b)
{
	unsigned int at = 0;

	while (at < b->n) {
		unsigned int sent = send_some(b->fd, b->msg + at, b->n - at, b->stop, &b->refused);

		if (!sent)
			break;
		for (; sent; sent--)
			b->sent[b->kind[at++]]++;
	}
	b->n = 0;
}

uint8_t *outbox_frame(struct outbox *b)
{
	return b->frame[b->n];
}

void outbox_push(struct outbox *b, size_t len, uint8_t kind)
{
	b->iov[b->n].iov_len = len;
	b->kind[b->n] = kind;
	if (++b->n == OUTBOX_BATCH)
		outbox_flush(b);
}

/*
 * Spin, then yield, then sleep. A racer may be slow to arm: only the steps after
 * that must be quick.
 */
static void backoff(unsigned int *spins)
{
	struct timespec ts = { 0, 50000 };

	if (++*spins > SPINS_BEFORE_SLEEP)
		nanosleep(&ts, NULL);
	else if (*spins > SPINS_BEFORE_YIELD)
		sched_yield();
}

static void *racer_main(void *arg)
{
	struct racer *r = arg;
	struct outbox *b = r->box;
	/* Racers share the frame, but the kernel writes msg_len: each has its own. */
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = b->iov, .msg_iovlen = 1 } };
	unsigned int round = 0, spins = 0;
	uint64_t refused = 0;

	pin_to_cpu((unsigned int)r->cpu);
	while (!atomic_load(&b->quit)) {
		if (atomic_load(&b->go) == round) {
			backoff(&spins);
			continue;
		}
		spins = 0;
		round++;
		atomic_store(&r->armed, round);
		send_some(r->fd, &msg, 1, b->stop, &refused);
		atomic_store(&r->done, round);
	}
	return NULL;
}

void outbox_start_racers(struct outbox *b, const struct link *l, bool bypass, unsigned int n,
			 unsigned int cpu)
{
	for (unsigned int i = 0; i < n; i++) {
		struct racer *r = &b->racers[i];

		r->box = b;
		r->fd = open_sender(l, bypass);
		r->cpu = (int)(cpu + 1 + i);
		if (pthread_create(&r->thread, NULL, racer_main, r))
			fail("cannot start a thread: %s", strerror(errno));
	}
	b->n_racers = n;
}

/* Send the frame in slot 0 at the same moment as each racer. */
static void race(struct outbox *b, uint8_t kind, uint8_t kind_of_copy)
{
	unsigned int round = atomic_fetch_add(&b->go, 1) + 1;
	unsigned int spins = 0;

	for (unsigned int i = 0; i < b->n_racers; i++)
		while (atomic_load(&b->racers[i].armed) != round)
			backoff(&spins);
	if (send_some(b->fd, b->msg, 1, b->stop, &b->refused))
		b->sent[kind]++;
	spins = 0;
	for (unsigned int i = 0; i < b->n_racers; i++)
		while (atomic_load(&b->racers[i].done) != round)
			backoff(&spins);
	b->sent[kind_of_copy] += b->n_racers;
}

void outbox_push_copies(struct outbox *b, size_t len, uint8_t kind, uint8_t kind_of_copy,
			unsigned int copies)
{
	unsigned int from = b->n;

	if (b->n_racers) {
		outbox_flush(b);
		if (from)
			memcpy(b->frame[0], b->frame[from], len);
		b->iov[0].iov_len = len;
		race(b, kind, kind_of_copy);
		return;
	}
	/* A flush in between does not change the bytes of the frame. */
	outbox_push(b, len, kind);
	for (unsigned int i = 1; i < copies; i++) {
		if (b->n != from)
			memcpy(b->frame[b->n], b->frame[from], len);
		outbox_push(b, len, kind_of_copy);
	}
}

void outbox_close(struct outbox *b)
{
	outbox_flush(b);
	atomic_store(&b->quit, true);
	for (unsigned int i = 0; i < b->n_racers; i++) {
		pthread_join(b->racers[i].thread, NULL);
		close(b->racers[i].fd);
	}
	close(b->fd);
}
