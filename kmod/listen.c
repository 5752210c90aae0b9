// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/tcpsynq_listeners: the SYN queue of every listening socket. */
#include <linux/proc_fs.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "queue.h"
#include "tcpsynq.h"

/*
 * A position is a chain and a place in it. Listeners are freed after an RCU
 * grace period (SOCK_RCU_FREE), so reading one needs no reference.
 */
#define SYNQ_POS_PLACE_BITS	32

static struct sock *synq_listener_at(struct net *net, loff_t *pos)
{
	struct inet_hashinfo *hash = synq_hashinfo(net);
	u64 chain = (*pos - 1) >> SYNQ_POS_PLACE_BITS;
	u64 place = (*pos - 1) & GENMASK_ULL(SYNQ_POS_PLACE_BITS - 1, 0);
	struct sock *sk;

	for (; chain < synq_listen_chains(hash); chain++, place = 0) {
		u64 i = 0;

		for (sk = synq_listen_first(hash, chain); sk; sk = synq_listen_next(sk)) {
			if (i++ < place)
				continue;
			if (net_eq(sock_net(sk), net) && inet_sk_state_load(sk) == TCP_LISTEN) {
				*pos = 1 + (chain << SYNQ_POS_PLACE_BITS) + i - 1;
				return sk;
			}
		}
	}
	return NULL;
}

static void *synq_listeners_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? synq_listener_at(seq_file_net(seq), pos) : SEQ_START_TOKEN;
}

static void *synq_listeners_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct net *net = seq_file_net(seq);
	struct sock *sk = v;

	++*pos;
	if (v == SEQ_START_TOKEN)
		return synq_listener_at(net, pos);
	/* Continue down the chain instead of from its start: it may be long. */
	while ((sk = synq_listen_next(sk))) {
		if (net_eq(sock_net(sk), net) && inet_sk_state_load(sk) == TCP_LISTEN)
			return sk;
		++*pos;
	}
	*pos = 1 + ((((*pos - 1) >> SYNQ_POS_PLACE_BITS) + 1) << SYNQ_POS_PLACE_BITS);
	return synq_listener_at(net, pos);
}

static void synq_listeners_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int synq_listeners_show(struct seq_file *seq, void *v)
{
	struct inet_connection_sock *icsk;
	struct request_sock_queue *queue;
	struct sock *sk = v;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, SYNQ_LISTENERS_COLUMNS "\n");
		return 0;
	}
	icsk = inet_csk(sk);
	queue = &icsk->icsk_accept_queue;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		seq_printf(seq, "[%pI6c]:%u", &sk->sk_v6_rcv_saddr, sk->sk_num);
	else
#endif /* CONFIG_IPV6 */
		seq_printf(seq, "%pI4:%u", &sk->sk_rcv_saddr, sk->sk_num);

	seq_printf(seq, " %llu %u %d %d %llu %u %u %u %d %u\n",
		   (u64)sock_i_ino(sk),
		   from_kuid_munged(seq_user_ns(seq), sock_net_uid(sock_net(sk), sk)),
		   reqsk_queue_len(queue), reqsk_queue_len_young(queue),
		   synq_listener_holds(sk),
		   READ_ONCE(sk->sk_ack_backlog), READ_ONCE(sk->sk_max_ack_backlog),
		   READ_ONCE(queue->rskq_defer_accept),
		   atomic_read(&sk->sk_drops),
		   READ_ONCE(queue->synflood_warned));
	return 0;
}

static const struct seq_operations synq_listeners_seq_ops = {
	.start	= synq_listeners_start,
	.next	= synq_listeners_next,
	.stop	= synq_listeners_stop,
	.show	= synq_listeners_show,
};

struct proc_dir_entry *synq_listeners_create(struct net *net)
{
	return synq_proc_create_net("tcpsynq_listeners", 0444, net->proc_net,
				    &synq_listeners_seq_ops, sizeof(struct seq_net_private));
}
