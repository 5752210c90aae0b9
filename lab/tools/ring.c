// SPDX-License-Identifier: GPL-2.0-only
/* The receive ring; ring.h documents the functions. */
#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/*
 * The kernel hands a block over when it is full or after BLOCK_MSEC, even if it
 * is almost empty. So blocks are small: with few large ones, a reader that lags
 * for a moment would lose segments while the ring is nearly empty.
 */
#define BLOCK_SIZE (16U * 1024)
#define BLOCK_MSEC 4		/* one tick at HZ=250: an answer waits no longer */
#define SNAP 128		/* Ethernet, IPv6 and the longest TCP header fit */
#define MAX_FILTER 16

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

/* Accept only TCP from the target. Offsets count from the Ethernet header. */
static void attach_filter(int fd, const struct addr *target)
{
	bool v4 = target->family == AF_INET;
	uint32_t proto = v4 ? 23 : 20, source = v4 ? 26 : 22;
	uint8_t words = (uint8_t)(addr_len(target) / 4);
	struct sock_filter code[MAX_FILTER];
	struct sock_fprog prog = { .filter = code };
	uint8_t n = 0, end = (uint8_t)(2 + 2 * words + 1);

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, proto);
	code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0,
					       (uint8_t)(end - n - 1));
	n++;
	for (uint8_t i = 0; i < words; i++) {
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 4 * i);
		code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						       word(target->b + 4 * i), 0,
						       (uint8_t)(end - n - 1));
		n++;
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SNAP);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	prog.len = n;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		fail("cannot attach the receive filter: %s", strerror(errno));
}

void ring_open(struct ring *r, const struct link *l, const struct addr *target, size_t mebibytes)
{
	/*
	 * Bind to one protocol, not to ETH_P_ALL: the socket then does not
	 * receive the segments that this host sends, so they cost nothing here.
	 */
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(target->family == AF_INET ? ETH_P_IP : ETH_P_IPV6),
		.sll_ifindex = l->index,
	};
	struct tpacket_req3 req = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = (unsigned int)(mebibytes * 1048576 / BLOCK_SIZE),
		.tp_frame_size = 2048,
		.tp_retire_blk_tov = BLOCK_MSEC,
	};
	int version = TPACKET_V3;

	memset(r, 0, sizeof(*r));
	req.tp_frame_nr = req.tp_block_nr * (BLOCK_SIZE / req.tp_frame_size);
	/* Protocol 0 until bind(): no unfiltered frame gets in. */
	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		fail("packet socket: %s (CAP_NET_RAW is needed)", strerror(errno));
	attach_filter(r->fd, target);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		fail("receive ring of %zu MiB: %s", mebibytes, strerror(errno));
	r->blocks = req.tp_block_nr;
	r->map = mmap(NULL, r->blocks * BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED)
		fail("cannot map the receive ring: %s", strerror(errno));
	if (bind(r->fd, (struct sockaddr *)&ll, sizeof(ll)))
		fail("cannot receive on %s: %s", l->name, strerror(errno));
}

bool ring_read(struct ring *r, ring_fn *fn, void *arg)
{
	struct tpacket_block_desc *b = (void *)(r->map + r->current * BLOCK_SIZE);
	struct tpacket3_hdr *h;
	uint32_t *status = &b->hdr.bh1.block_status;

	/* Pairs with the kernel's barrier before it hands the block over. */
	if (!(__atomic_load_n(status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	h = (void *)((uint8_t *)b + b->hdr.bh1.offset_to_first_pkt);
	for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
		fn(arg, (uint8_t *)h + h->tp_mac, h->tp_snaplen,
		   h->tp_sec * NSEC_PER_SEC + h->tp_nsec);
		h = (void *)((uint8_t *)h + h->tp_next_offset);
	}
	__atomic_store_n(status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->current = (r->current + 1) % r->blocks;
	return true;
}

void ring_wait(struct ring *r, uint64_t ns)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct timespec ts = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	ppoll(&p, 1, &ts, NULL);
}

uint64_t ring_drops(struct ring *r)
{
	struct tpacket_stats_v3 s;
	socklen_t len = sizeof(s);

	/* Each call clears the kernel's counter. */
	if (!getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len))
		r->drops += s.tp_drops;
	return r->drops;
}
