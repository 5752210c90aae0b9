// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write and parse frames. Header layouts: RFC 791 (IPv4), RFC 8200 (IPv6),
 * RFC 9293 section 3.1 (TCP), RFC 7323 (timestamps), RFC 792 and RFC 4443
 * (the ICMP errors), RFC 1071 (the checksum).
 */
#include "frame.h"

#include <string.h>

#define ETH_LEN 14
#define IPPROTO_OF_TCP 6
#define MSS_OVER_IPV4 1460
#define MSS_OVER_IPV6 1440

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint64_t sum(uint64_t acc, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		acc += get16(p);
	return len ? acc + ((uint64_t)*p << 8) : acc;
}

static uint16_t fold(uint64_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

/* The pseudo-headers of IPv4 and IPv6 differ in the order of fields, not in the sum. */
static uint16_t checksum_with_pseudo(const struct addr *a, const struct addr *b, uint8_t proto,
				     const uint8_t *payload, size_t len)
{
	uint64_t acc = proto + len;

	acc = sum(acc, a->b, addr_len(a));
	acc = sum(acc, b->b, addr_len(b));
	return fold(sum(acc, payload, len));
}

static size_t ip_header_len(const struct addr *a)
{
	return a->family == AF_INET ? 20 : 40;
}

static void put_ip(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t proto,
		   size_t payload)
{
	memset(p, 0, ip_header_len(from));
	if (from->family == AF_INET) {
		p[0] = 0x45;
		put16(p + 2, (uint32_t)(20 + payload));
		p[6] = 0x40;	/* don't fragment, so the identification may be 0 (RFC 6864) */
		p[8] = 64;
		p[9] = proto;
		memcpy(p + 12, from->b, 4);
		memcpy(p + 16, to->b, 4);
		put16(p + 10, fold(sum(0, p, 20)));
	} else {
		p[0] = 0x60;
		put16(p + 4, (uint32_t)payload);
		p[6] = proto;
		p[7] = 64;
		memcpy(p + 8, from->b, 16);
		memcpy(p + 24, to->b, 16);
	}
}

/* Write options. A SYN has an MSS, and with timestamps also SACK and window scaling. */
static size_t put_options(uint8_t *p, const struct segment *s, uint16_t mss)
{
	uint8_t *start = p;

	if (s->flags & TCP_SYN) {
		*p++ = 2, *p++ = 4;
		put16(p, mss);
		p += 2;
	}
	if (s->timestamps) {
		if (s->flags & TCP_SYN)
			*p++ = 4, *p++ = 2;	/* SACK permitted */
		else
			*p++ = 1, *p++ = 1;	/* no operation */
		*p++ = 8, *p++ = 10;
		put32(p, s->tsval);
		put32(p + 4, s->tsecr);
		p += 8;
		if (s->flags & TCP_SYN)
			*p++ = 1, *p++ = 3, *p++ = 3, *p++ = 7;	/* window scale 7 */
	}
	return (size_t)(p - start);
}

size_t frame_tcp(uint8_t *frame, const uint8_t mac_header[14], const struct flow *f,
		 const struct segment *s)
{
	bool v4 = f->us.family == AF_INET;
	uint8_t *tcp = frame + ETH_LEN + ip_header_len(&f->us);
	size_t header = 20 + put_options(tcp + 20, s, v4 ? MSS_OVER_IPV4 : MSS_OVER_IPV6);
	size_t len = header + s->data;

	memcpy(frame, mac_header, ETH_LEN);
	put_ip(frame + ETH_LEN, &f->us, &f->target, IPPROTO_OF_TCP, len);
	put16(tcp, f->our_port);
	put16(tcp + 2, f->target_port);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->flags & TCP_ACK ? s->ack : 0);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->flags & TCP_RST ? 0 : 65535);
	put32(tcp + 16, 0);
	memset(tcp + header, 'x', s->data);
	put16(tcp + 16, checksum_with_pseudo(&f->us, &f->target, IPPROTO_OF_TCP, tcp, len));
	return (size_t)(tcp - frame) + len;
}

size_t frame_icmp(uint8_t *frame, const uint8_t mac_header[14], const struct flow *f,
		  uint8_t type, uint8_t code, uint32_t synack_seq, uint32_t synack_ack)
{
	bool v4 = f->us.family == AF_INET;
	size_t ip_len = ip_header_len(&f->us);
	uint8_t *icmp = frame + ETH_LEN + ip_len;
	uint8_t *quoted_tcp = icmp + 8 + ip_len;
	size_t len = 8 + ip_len + 20;

	memcpy(frame, mac_header, ETH_LEN);
	put_ip(frame + ETH_LEN, &f->us, &f->target, v4 ? 1 : 58, len);
	memset(icmp, 0, len);
	icmp[0] = type;
	icmp[1] = code;
	/* The quoted SYN-ACK has the other direction: from the target to us. */
	put_ip(icmp + 8, &f->target, &f->us, IPPROTO_OF_TCP, 20);
	put16(quoted_tcp, f->target_port);
	put16(quoted_tcp + 2, f->our_port);
	put32(quoted_tcp + 4, synack_seq);
	put32(quoted_tcp + 8, synack_ack);
	quoted_tcp[12] = 5 << 4;
	quoted_tcp[13] = TCP_SYN | TCP_ACK;
	/* The checksum covers a pseudo-header only in ICMPv6. */
	put16(icmp + 2, v4 ? fold(sum(0, icmp, len)) :
			     checksum_with_pseudo(&f->us, &f->target, 58, icmp, len));
	return (size_t)(icmp - frame) + len;
}

static void parse_options(const uint8_t *p, size_t len, struct segment *s)
{
	size_t i = 0;

	while (i < len && p[i] != 0) {
		if (p[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || p[i + 1] < 2 || i + p[i + 1] > len)
			return;
		if (p[i] == 8 && p[i + 1] == 10) {
			s->timestamps = true;
			s->tsval = get32(p + i + 2);
			s->tsecr = get32(p + i + 6);
		}
		i += p[i + 1];
	}
}

bool frame_parse_tcp(const uint8_t *frame, size_t len, struct received *r)
{
	const uint8_t *ip = frame + ETH_LEN;
	const uint8_t *tcp;
	size_t ip_len, tcp_len;

	memset(r, 0, sizeof(*r));
	if (len < ETH_LEN + 20 + 20)
		return false;
	if (ip[0] >> 4 == 4 && ip[9] == IPPROTO_OF_TCP) {
		ip_len = (size_t)(ip[0] & 15) * 4;
		r->flow.us.family = r->flow.target.family = AF_INET;
		memcpy(r->flow.target.b, ip + 12, 4);
		memcpy(r->flow.us.b, ip + 16, 4);
	} else if (ip[0] >> 4 == 6 && ip[6] == IPPROTO_OF_TCP && len >= ETH_LEN + 40 + 20) {
		ip_len = 40;
		r->flow.us.family = r->flow.target.family = AF_INET6;
		memcpy(r->flow.target.b, ip + 8, 16);
		memcpy(r->flow.us.b, ip + 24, 16);
	} else {
		return false;
	}
	if (ip_len < 20 || len < ETH_LEN + ip_len + 20)
		return false;
	tcp = ip + ip_len;
	tcp_len = (size_t)(tcp[12] >> 4) * 4;
	if (tcp_len < 20 || len < ETH_LEN + ip_len + tcp_len)
		return false;
	r->flow.target_port = get16(tcp);
	r->flow.our_port = get16(tcp + 2);
	r->segment.seq = get32(tcp + 4);
	r->segment.ack = get32(tcp + 8);
	r->segment.flags = tcp[13] & 0x3f;
	parse_options(tcp + 20, tcp_len - 20, &r->segment);
	return true;
}
