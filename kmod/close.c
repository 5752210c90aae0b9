// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closes: a connection leaves its last state for TCP_CLOSE. TCP always does so
 * through tcp_set_state(), which is hooked. A connection handed to TIME_WAIT
 * closes too: the kernel closes its socket then.
 *
 * The module decides the cause in this order (net/ipv4/tcp*.c, 6.1):
 *
 *   1. fin: tcp_time_wait() was called. Both sides have finished, or we have
 *      and no process waits for the other.
 *      reset_received: tcp_reset() was called for a RST.
 *      reset_sent: tcp_reset() was called for data that no process can read any
 *      more; the kernel answers with a RST. Before 5.11 tcp_reset() does not
 *      get the segment, and its caller decides: tcp_rcv_state_process() itself
 *      calls it for unread data, and in SYN_SENT for a RST.
 *      Both functions close the socket before they return, so their hooks leave
 *      a note for the hook of tcp_set_state().
 *   2. fin: LAST_ACK with everything acknowledged, the FIN too.
 *   3. sk_err, if set: ECONNABORTED by tcp_abort() is aborted, ETIMEDOUT by
 *      tcp_write_err() is timeout. tcp_write_err() sets the last soft error
 *      instead if there was one. tcp_v4_err() and tcp_v6_err(), icmp, set
 *      sk_err only before the connection is established. The retransmission
 *      timer is pending then; it is not pending when it has just fired.
 *   4. aborted: a socket in repair, which closes without sending anything.
 *   5. reset_sent: a state on the list of tcp_need_reset(). The kernel sends a
 *      RST for unread data, SO_LINGER of 0, TCP_LINGER2, a listener closed
 *      before accept(), a disconnect or lack of memory. (It sends none for an
 *      orphan that was silent for long; nothing shows that.) LAST_ACK and
 *      CLOSING too if the owner closes, unless it asked for SO_LINGER of 0 with
 *      nothing left to send.
 *   6. aborted: SYN_SENT. The process gave up, and the kernel sends nothing.
 */
#include <linux/hash.h>
#include <net/tcp.h>

#include "hooks.h"
#include "record.h"

/* ---- Notes ---- */

#define SYNQ_NOTE_BITS		6
#define SYNQ_NOTE_TRIES		8
#define SYNQ_NOTE_CAUSE		7UL	/* the bits a socket's address leaves free */

/*
 * A socket's address, with the cause in its low bits; 0: free. The socket stays
 * locked until its note is taken, so no two CPUs write or take the same note.
 * If no slot is free, rules 2 to 6 decide.
 */
static unsigned long synq_notes[1 << SYNQ_NOTE_BITS];

static __always_inline unsigned long *synq_note(const struct sock *sk, unsigned int try)
{
	return &synq_notes[(hash_ptr(sk, SYNQ_NOTE_BITS) + try) % ARRAY_SIZE(synq_notes)];
}

static __always_inline bool synq_note_is(unsigned long note, const struct sock *sk)
{
	return (note & ~SYNQ_NOTE_CAUSE) == (unsigned long)sk;
}

static __always_inline void synq_note_leave(const struct sock *sk, enum synq_cause cause)
{
	unsigned int try;

	for (try = 0; try < SYNQ_NOTE_TRIES; try++) {
		unsigned long *note = synq_note(sk, try);

		if (!synq_note_is(READ_ONCE(*note), sk) && cmpxchg(note, 0, (unsigned long)sk | cause))
			continue;
		WRITE_ONCE(*note, (unsigned long)sk | cause);
		break;
	}
}

static __always_inline enum synq_cause synq_note_take(const struct sock *sk)
{
	unsigned int try;

	for (try = 0; try < SYNQ_NOTE_TRIES; try++) {
		unsigned long note = READ_ONCE(*synq_note(sk, try));

		if (!synq_note_is(note, sk))
			continue;
		WRITE_ONCE(*synq_note(sk, try), 0);
		return note & SYNQ_NOTE_CAUSE;
	}
	return SYNQ_CAUSE_OTHER;
}

static struct synq_range synq_rcv_state_process;

/* If the symbol is missing, every reset is classified as received. */
void synq_close_init(void)
{
	if (SYNQ_TCP_RESET_HAS_SKB)
		return;
	synq_rcv_state_process = synq_symbol_range("tcp_rcv_state_process");
	if (!synq_rcv_state_process.start)
		pr_warn("tcp_rcv_state_process: cannot be found (%d); if this host resets a connection, the module reports a reset by the peer\n",
			-ENOENT);
}

/* Clear the notes before the hooks are attached: a skipped kprobe may have left some. */
void synq_close_prepare(void)
{
	memset(synq_notes, 0, sizeof(synq_notes));
}

/* ---- The close ---- */

#define SYNQ_STATES_BEFORE	(TCPF_SYN_SENT | TCPF_SYN_RECV)
#define SYNQ_STATES_RESET	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | \
				 TCPF_FIN_WAIT2 | TCPF_SYN_RECV)

/* Return whether the owner closes it with a RST, in a state after the FIN was sent. */
static __always_inline bool synq_close_resets(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (sock_flag(sk, SOCK_DEAD) || READ_ONCE(sk->sk_shutdown) != SHUTDOWN_MASK)
		return false;
	return !(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime && tp->snd_nxt == tp->write_seq);
}

static __always_inline enum synq_cause synq_close_cause(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	int state = sk->sk_state, err = READ_ONCE(sk->sk_err);

	if (state == TCP_LAST_ACK && tp->snd_una == tp->write_seq)
		return SYNQ_CAUSE_FIN;
	if (err == ECONNABORTED)
		return SYNQ_CAUSE_ABORTED;
	if (err == ETIMEDOUT)
		return SYNQ_CAUSE_TIMEOUT;
	if (err && (1 << state) & SYNQ_STATES_BEFORE)
		return inet_csk(sk)->icsk_pending ? SYNQ_CAUSE_ICMP : SYNQ_CAUSE_TIMEOUT;
	if (err && err == READ_ONCE(sk->sk_err_soft))
		return SYNQ_CAUSE_TIMEOUT;
	if (tp->repair)
		return SYNQ_CAUSE_ABORTED;
	/* The namespace is being dismantled: the kernel sends nothing. */
	if (!check_net(sock_net(sk)))
		return SYNQ_CAUSE_OTHER;
	if ((1 << state) & SYNQ_STATES_RESET)
		return SYNQ_CAUSE_RESET_SENT;
	if ((1 << state) & (TCPF_LAST_ACK | TCPF_CLOSING))
		return synq_close_resets(sk) ? SYNQ_CAUSE_RESET_SENT : SYNQ_CAUSE_OTHER;
	return state == TCP_SYN_SENT ? SYNQ_CAUSE_ABORTED : SYNQ_CAUSE_OTHER;
}

static noinline notrace void synq_close_write(const struct synq_net *sn, const struct sock *sk,
					      enum synq_cause noted, const struct synq_call *call)
{
	u32 mark = READ_ONCE(sk->sk_mark);
	struct synq_feed *feed;
	struct synq_close c;
	u8 depth = 0;

	c.r.kind = SYNQ_RECORD_CLOSE;
	c.state = sk->sk_state;
	c.cause = noted != SYNQ_CAUSE_OTHER ? noted : synq_close_cause(sk);
	synq_record_ends(&c.r, sk);
	preempt_disable_notrace();
	synq_hlist_for_each_entry_hook(feed, &sn->feeds, node) {
		const struct synq_filter *filter = rcu_dereference_check(feed->filter, true);

		if (!(synq_filter_kinds(filter) & SYNQ_KIND_CLOSE) ||
		    !synq_record_wanted(filter, &c.r, mark))
			continue;
		if (filter->stack && !depth) {
			synq_stack_take(&c.stack, call->caller, call->entry);
			depth = c.stack.depth;
		}
		c.stack.depth = filter->stack ? depth : 0;
		synq_feed_write(sn, feed, &c.r);
	}
	preempt_enable_notrace();
}

/* tcp_set_state(sk, state) */
static __always_inline void synq_on_set_state(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[0];
	const struct synq_net *sn = synq_net(sock_net(sk));
	enum synq_cause noted;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	/* Always take the note: it is stale if the socket lives on or its memory is reused. */
	noted = synq_note_take(sk);
	/* A listener is not a connection; a socket that was already closed has its line. */
	if ((int)call->arg[1] != TCP_CLOSE || (1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE))
		return;
	if (synq_recording(sn))
		synq_close_write(sn, sk, noted, call);
}

/* tcp_reset(sk, skb): the transport header is still that of the received segment. */
static __always_inline bool synq_reset_received(const struct synq_call *call, int state)
{
	const struct sk_buff *skb = (const void *)call->arg[1];

	if (SYNQ_TCP_RESET_HAS_SKB)
		return tcp_hdr(skb)->rst;
	return state == TCP_SYN_SENT || !synq_in_range(&synq_rcv_state_process, call->caller);
}

static __always_inline void synq_on_tcp_reset(const struct synq_call *call)
{
	const struct sock *sk = (const void *)call->arg[0];
	int state = sk->sk_state;

	if (state != TCP_CLOSE)
		synq_note_leave(sk, synq_reset_received(call, state) ?
				    SYNQ_CAUSE_RESET_RECEIVED : SYNQ_CAUSE_RESET_SENT);
}

/* tcp_time_wait(sk, state, timeo) */
static __always_inline void synq_on_time_wait(const struct synq_call *call)
{
	synq_note_leave((const void *)call->arg[0], SYNQ_CAUSE_FIN);
}

SYNQ_DEFINE_HOOK(synq_on_set_state, SYNQ_HOOK_SET_STATE)
SYNQ_DEFINE_HOOK(synq_on_tcp_reset, SYNQ_HOOK_TCP_RESET)
SYNQ_DEFINE_HOOK(synq_on_time_wait, SYNQ_HOOK_TIME_WAIT)
