// SPDX-License-Identifier: GPL-2.0-only
/* The counters of each network namespace, and their sum. */
#include <net/ip.h>
#include <net/tcp.h>

#include "tcpsynq.h"

unsigned int synq_net_id;

static const int synq_mib_fields[SYNQ_MIBS] = {
	[SYNQ_MIB_COOKIES_RECV] = LINUX_MIB_SYNCOOKIESRECV,
	[SYNQ_MIB_COOKIES_FAILED] = LINUX_MIB_SYNCOOKIESFAILED,
	[SYNQ_MIB_QUEUE_FULL_DROP] = LINUX_MIB_TCPREQQFULLDROP,
	[SYNQ_MIB_LISTEN_OVERFLOWS] = LINUX_MIB_LISTENOVERFLOWS,
	[SYNQ_MIB_LISTEN_DROPS] = LINUX_MIB_LISTENDROPS,
};

u64 synq_mib_read(struct net *net, int cpu, enum synq_mib mib)
{
	return snmp_get_cpu_field(net->mib.net_statistics, cpu, synq_mib_fields[mib]);
}

static u64 synq_mib_since_load(struct net *net, const struct synq_cpu *c, int cpu,
			       enum synq_mib mib)
{
	return synq_mib_read(net, cpu, mib) - c->mib_at_load[mib];
}

/*
 * How often a question was answered badly; the last one counts once the
 * kernel's counter, which is handed out as of the same moment, has moved.
 */
static u64 synq_answered_badly(struct net *net, const struct synq_cpu *c, int cpu,
			       const struct synq_question *question,
			       enum synq_counter counter, enum synq_mib mib, u64 *now)
{
	unsigned int seq;
	u64 bad;

	do {
		seq = read_seqcount_begin(&c->seq);
		bad = c->n[counter];
		*now = synq_mib_read(net, cpu, mib);
		if (question->open && *now != question->mib_then)
			bad++;
	} while (read_seqcount_retry(&c->seq, seq));
	return bad;
}

/* LISTENOVERFLOWS without the final ACKs in it. */
static u64 synq_accept_full(struct net *net, const struct synq_cpu *c, int cpu)
{
	u64 overflows, acks;

	acks = synq_answered_badly(net, c, cpu, &c->ack, SYNQ_ACK_OVERFLOW,
				   SYNQ_MIB_LISTEN_OVERFLOWS, &overflows);
	return overflows - c->mib_at_load[SYNQ_MIB_LISTEN_OVERFLOWS] - acks;
}

static u64 synq_queue_full(struct net *net, const struct synq_cpu *c, int cpu)
{
	u64 drops;

	return synq_mib_since_load(net, c, cpu, SYNQ_MIB_QUEUE_FULL_DROP) +
	       synq_answered_badly(net, c, cpu, &c->peer, SYNQ_PEER_UNPROVEN,
				   SYNQ_MIB_LISTEN_DROPS, &drops);
}

/**
 * synq_cpu_figures() - what one CPU has counted in a namespace
 * @net: the namespace; the caller holds it
 * @cpu: a possible CPU
 * @f: filled in; f->half_open is that CPU's share, meaningless on its own
 */
void synq_cpu_figures(struct net *net, int cpu, struct synq_figures *f)
{
	const struct synq_cpu *c = per_cpu_ptr(synq_net(net)->cpu, cpu);

	f->initial = READ_ONCE(c->n[SYNQ_INITIAL]);
	f->added = READ_ONCE(c->n[SYNQ_ADDED]);
	f->completed = READ_ONCE(c->n[SYNQ_COMPLETED]);
	f->expired = READ_ONCE(c->n[SYNQ_EXPIRED]);
	f->reset = READ_ONCE(c->n[SYNQ_RESET]);
	f->unreachable = READ_ONCE(c->n[SYNQ_UNREACHABLE]);
	f->closed = READ_ONCE(c->n[SYNQ_CLOSED]);
	f->other = READ_ONCE(c->n[SYNQ_OTHER]);
	f->half_open = f->initial + f->added - f->completed - f->expired -
		       f->reset - f->unreachable - f->closed - f->other;
	f->cookies = READ_ONCE(c->n[SYNQ_COOKIES]);
	f->cookies_ok = synq_mib_since_load(net, c, cpu, SYNQ_MIB_COOKIES_RECV);
	f->cookies_bad = synq_mib_since_load(net, c, cpu, SYNQ_MIB_COOKIES_FAILED);
	f->queue_full = synq_queue_full(net, c, cpu);
	f->accept_full = synq_accept_full(net, c, cpu);
	f->samples = READ_ONCE(c->n[SYNQ_SAMPLES]);
	f->lost = READ_ONCE(c->n[SYNQ_LOST]);
}

/**
 * synq_net_figures() - the sum over all CPUs
 * @net: the namespace; the caller holds it
 * @sum: filled in. initial + added - outcomes = half_open holds by
 *	construction; while traffic runs the CPUs are not read at one instant.
 */
void synq_net_figures(struct net *net, struct synq_figures *sum)
{
	struct synq_figures f;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		synq_cpu_figures(net, cpu, &f);
		sum->half_open += f.half_open;
		sum->initial += f.initial;
		sum->added += f.added;
		sum->completed += f.completed;
		sum->expired += f.expired;
		sum->reset += f.reset;
		sum->unreachable += f.unreachable;
		sum->closed += f.closed;
		sum->other += f.other;
		sum->cookies += f.cookies;
		sum->cookies_ok += f.cookies_ok;
		sum->cookies_bad += f.cookies_bad;
		sum->queue_full += f.queue_full;
		sum->accept_full += f.accept_full;
		sum->samples += f.samples;
		sum->lost += f.lost;
	}
}

/* Half-open connections of a namespace, now. Safe in any context. */
s64 synq_net_half_open(struct net *net)
{
	struct synq_cpu __percpu *cpus = synq_net(net)->cpu;
	s64 sum = 0;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		const struct synq_cpu *c = per_cpu_ptr(cpus, cpu);

		sum += READ_ONCE(c->n[SYNQ_INITIAL]) + READ_ONCE(c->n[SYNQ_ADDED]);
		for (i = SYNQ_COMPLETED; i <= SYNQ_OTHER; i++)
			sum -= READ_ONCE(c->n[i]);
	}
	return sum;
}

/* As the C line's columns and the R line's words have it. */
const char *synq_outcome_name(enum synq_counter outcome)
{
	switch (outcome) {
	case SYNQ_COMPLETED:
		return "completed";
	case SYNQ_EXPIRED:
		return "expired";
	case SYNQ_RESET:
		return "reset";
	case SYNQ_UNREACHABLE:
		return "unreachable";
	case SYNQ_CLOSED:
		return "closed";
	default:
		return "other";
	}
}

static int __net_init synq_netns_new(struct net *net)
{
	struct synq_net *sn = synq_net(net);
	int cpu;

	sn->cpu = alloc_percpu_gfp(struct synq_cpu, GFP_KERNEL_ACCOUNT);
	if (!sn->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		seqcount_init(&per_cpu_ptr(sn->cpu, cpu)->seq);
	return 0;
}

/*
 * Ours runs before TCP purges the namespace's last requests, so the hooks may
 * still fire for it: they find these counters, which nobody reads, and none
 * that found the namespace's own is still at it once RCU has passed.
 */
static DEFINE_PER_CPU(struct synq_cpu, synq_nowhere);

static void __net_exit synq_netns_leave(struct net *net)
{
	struct synq_net *sn = synq_net(net);

	sn->dying = sn->cpu;
	WRITE_ONCE(sn->cpu, &synq_nowhere);
}

static void __net_exit synq_netns_gone(struct net *net)
{
	free_percpu(synq_net(net)->dying);
}

SYNQ_DEFINE_NETNS_EXIT(synq_netns_leave, synq_netns_gone)

static struct pernet_operations synq_netns_ops = {
	.init = synq_netns_new,
	SYNQ_NETNS_EXIT(synq_netns_leave, synq_netns_gone),
	.id = &synq_net_id,
	.size = sizeof(struct synq_net),
};

int synq_netns_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		seqcount_init(&per_cpu_ptr(&synq_nowhere, cpu)->seq);
	return register_pernet_subsys(&synq_netns_ops);
}

void synq_netns_uninit(void)
{
	unregister_pernet_subsys(&synq_netns_ops);
}
