/* SPDX-License-Identifier: GPL-2.0-only */
/* How many half-opens a listener really holds. */
#ifndef SYNQ_QUEUE_H
#define SYNQ_QUEUE_H

#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat.h"

/*
 * Return that number: 0 with tcp_syncookies=2. With tcp_syncookies=0,
 * tcp_conn_request() (net/ipv4/tcp_input.c) also refuses peers not yet proven
 * once less than a quarter of tcp_max_syn_backlog is free.
 */
static inline u64 synq_listener_holds(const struct sock *sk)
{
	const struct net *net = sock_net(sk);
	int cookies = READ_ONCE(net->ipv4.sysctl_tcp_syncookies);
	u64 holds = synq_queue_room(sk);

	if (cookies == 2)
		return 0;
	if (cookies == 0) {
		int most = READ_ONCE(net->ipv4.sysctl_max_syn_backlog);

		holds = min_t(u64, holds, max(0, most - (most >> 2) + 1));
	}
	return holds;
}

#endif /* SYNQ_QUEUE_H */
