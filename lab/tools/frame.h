/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Write and parse Ethernet frames with one TCP segment or one ICMP error. The
 * functions keep no state, and compute each checksum in full. That costs little
 * compared with the kernel's work for a segment.
 */
#ifndef LAB_TOOLS_FRAME_H
#define LAB_TOOLS_FRAME_H

#include "common.h"

#define FRAME_MAX 1536
#define FRAME_DATA_MAX 1400	/* fits a 1500-byte MTU with every header we build */

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* The two ends as the sender sees them: us (spoofed) and the target. */
struct flow {
	struct addr us, target;
	uint16_t our_port, target_port;
};

struct segment {
	uint32_t seq, ack;
	uint8_t flags;
	bool timestamps;	/* RFC 7323 option, with the two values below */
	uint32_t tsval, tsecr;
	uint16_t data;		/* bytes of payload */
};

/* Write a TCP segment to @frame. Return its length, at most FRAME_MAX. */
size_t frame_tcp(uint8_t *frame, const uint8_t mac_header[14], const struct flow *f,
		 const struct segment *s);
/* Write an ICMP error about the target's SYN-ACK, which has the given numbers. */
size_t frame_icmp(uint8_t *frame, const uint8_t mac_header[14], const struct flow *f,
		  uint8_t type, uint8_t code, uint32_t synack_seq, uint32_t synack_ack);

struct received {
	struct flow flow;
	struct segment segment;
};

/* Parse @frame. Return false unless it has a whole TCP header over IPv4 or IPv6. */
bool frame_parse_tcp(const uint8_t *frame, size_t len, struct received *r);

#endif /* LAB_TOOLS_FRAME_H */
