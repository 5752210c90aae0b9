/* SPDX-License-Identifier: GPL-2.0-only */
/* Generated from src/stream/schema.json by `npm run schema`. */
#ifndef SYNQ_SCHEMA_H
#define SYNQ_SCHEMA_H

#define SYNQ_FORMAT_VERSION "1"

/* Each CPU counts those below SYNQ_COUNTED; the others are computed for each reading. */
enum synq_counter {
	SYNQ_INITIAL,
	SYNQ_ADDED,
	SYNQ_COMPLETED,
	SYNQ_EXPIRED,
	SYNQ_RESET,
	SYNQ_UNREACHABLE,
	SYNQ_CLOSED,
	SYNQ_OTHER,
	SYNQ_COOKIES,
	SYNQ_QUEUE_FULL,
	SYNQ_ACCEPT_FULL,
	SYNQ_SAMPLES,
	SYNQ_LOST,
	SYNQ_REFUSED_OTHER,
	SYNQ_FASTOPEN,
	SYNQ_COUNTED,
	SYNQ_HALF_OPEN = SYNQ_COUNTED,
	SYNQ_PEAK,
	SYNQ_COOKIES_OK,
	SYNQ_COOKIES_BAD,
	SYNQ_SYNS,
	SYNQ_ACKS_REFUSED,
	SYNQ_MISSED,
	SYNQ_COUNTERS
};

#define SYNQ_STAT_COLUMNS "half_open initial added completed expired reset unreachable closed other cookies cookies_ok cookies_bad queue_full accept_full samples lost missed refused_other fastopen syns acks_refused"
#define SYNQ_STAT_COUNTERS { \
	SYNQ_HALF_OPEN, SYNQ_INITIAL, SYNQ_ADDED, SYNQ_COMPLETED, \
	SYNQ_EXPIRED, SYNQ_RESET, SYNQ_UNREACHABLE, SYNQ_CLOSED, \
	SYNQ_OTHER, SYNQ_COOKIES, SYNQ_COOKIES_OK, SYNQ_COOKIES_BAD, \
	SYNQ_QUEUE_FULL, SYNQ_ACCEPT_FULL, SYNQ_SAMPLES, SYNQ_LOST, \
	SYNQ_MISSED, SYNQ_REFUSED_OTHER, SYNQ_FASTOPEN, SYNQ_SYNS, \
	SYNQ_ACKS_REFUSED }
#define SYNQ_C_COUNTERS { \
	SYNQ_HALF_OPEN, SYNQ_INITIAL, SYNQ_ADDED, SYNQ_COMPLETED, \
	SYNQ_EXPIRED, SYNQ_RESET, SYNQ_UNREACHABLE, SYNQ_CLOSED, \
	SYNQ_OTHER, SYNQ_COOKIES, SYNQ_COOKIES_OK, SYNQ_COOKIES_BAD, \
	SYNQ_QUEUE_FULL, SYNQ_ACCEPT_FULL, SYNQ_PEAK, SYNQ_MISSED, \
	SYNQ_LOST, SYNQ_REFUSED_OTHER, SYNQ_FASTOPEN, SYNQ_SYNS, \
	SYNQ_ACKS_REFUSED }

#define SYNQ_COLUMNS_C "time half_open initial added completed expired reset unreachable closed other cookies cookies_ok cookies_bad queue_full accept_full peak missed lost refused_other fastopen syns acks_refused"
#define SYNQ_COLUMNS_A "time local remote qlen limit win ttl ipid len mss wscale opts"
#define SYNQ_COLUMNS_R "time local remote qlen outcome age_us synacks"
#define SYNQ_COLUMNS_S "time local remote length snd_nxt snd_una snd_cwnd ssthresh snd_wnd srtt_us rcv_wnd rttvar_us rto_us min_rtt_us lost retrans inflight rqueue wqueue mss pacing_rate delivery_rate bytes_acked ca_state ca_name cookie hook"
#define SYNQ_COLUMNS_D "time location reason local remote state flags length stack proto"
#define SYNQ_COLUMNS_X "time local remote state cause stack"
#define SYNQ_COLUMNS_Y "time local remote answer qlen limit accept_qlen backlog win ttl ipid len mss wscale opts"
#define SYNQ_COLUMNS_L "time kind lost lost_total produced_total"
#define SYNQ_LISTENERS_COLUMNS "local inode uid qlen young holds accept_qlen backlog defer_accept drops warned"

/* Kinds of records, and their letters and columns. */
enum synq_record_kind {
	SYNQ_RECORD_ADDED,
	SYNQ_RECORD_REMOVED,
	SYNQ_RECORD_SAMPLE,
	SYNQ_RECORD_DROP,
	SYNQ_RECORD_CLOSE,
	SYNQ_RECORD_SYN,
	SYNQ_RECORD_KINDS
};

#define SYNQ_RECORD_LETTERS { 'A', 'R', 'S', 'D', 'X', 'Y' }
#define SYNQ_RECORD_COLUMNS { \
	SYNQ_COLUMNS_A, SYNQ_COLUMNS_R, SYNQ_COLUMNS_S, SYNQ_COLUMNS_D, \
	SYNQ_COLUMNS_X, SYNQ_COLUMNS_Y }

/* Bit N asks for SYNQ_KIND_WORDS[N]. */
#define SYNQ_KIND_COUNT (1U << 0)
#define SYNQ_KIND_EVENT (1U << 1)
#define SYNQ_KIND_SAMPLE (1U << 2)
#define SYNQ_KIND_DROP (1U << 3)
#define SYNQ_KIND_CLOSE (1U << 4)
#define SYNQ_KIND_SYN (1U << 5)

#define SYNQ_OUTCOME_NAMES { \
	[SYNQ_COMPLETED] = "completed", \
	[SYNQ_EXPIRED] = "expired", \
	[SYNQ_RESET] = "reset", \
	[SYNQ_UNREACHABLE] = "unreachable", \
	[SYNQ_CLOSED] = "closed", \
	[SYNQ_OTHER] = "other" }
#define SYNQ_CAUSE_NAMES { \
	[SYNQ_CAUSE_FIN] = "fin", \
	[SYNQ_CAUSE_RESET_RECEIVED] = "reset_received", \
	[SYNQ_CAUSE_RESET_SENT] = "reset_sent", \
	[SYNQ_CAUSE_TIMEOUT] = "timeout", \
	[SYNQ_CAUSE_ABORTED] = "aborted", \
	[SYNQ_CAUSE_ICMP] = "icmp", \
	[SYNQ_CAUSE_OTHER] = "other" }
#define SYNQ_KIND_WORDS { \
	"count", "event", "sample", "drop", \
	"close", "syn" }

#define SYNQ_FILTER_KEYS "kinds interval_ms latency_ms port addr fwmark full hook proto stack format"
#define SYNQ_FILTER_LIST(KEY) KEY(kinds, KINDS) KEY(interval_ms, INTERVAL_MS) KEY(latency_ms, LATENCY_MS) KEY(port, PORT) KEY(addr, ADDR) KEY(fwmark, FWMARK) KEY(full, FULL) KEY(hook, HOOK) KEY(proto, PROTO) KEY(stack, STACK) KEY(format, FORMAT)

#define SYNQ_KINDS_ALLOWED "a comma list of count, event, sample, drop, close, syn"
#define SYNQ_KINDS_HELP "kinds of lines that a tap shows, unless its filter names others: a comma list of count, event, sample, drop, close, syn (default count,sample)"

#define SYNQ_INTERVAL_MS_ALLOWED "10 to 3600000"
#define SYNQ_INTERVAL_MS_HELP "time between C lines, in milliseconds, 10 to 3600000 (default 1000)"
#define SYNQ_INTERVAL_MS_MIN 10
#define SYNQ_INTERVAL_MS_MAX 3600000
#define SYNQ_INTERVAL_MS_DEFAULT 1000

#define SYNQ_LATENCY_MS_ALLOWED "0 to 10000"
#define SYNQ_LATENCY_MS_HELP "wake a waiting reader at most N milliseconds after the first record, and once a buffer is half full, 0 to 10000 (default 10)"
#define SYNQ_LATENCY_MS_MIN 0
#define SYNQ_LATENCY_MS_MAX 10000
#define SYNQ_LATENCY_MS_DEFAULT 10

#define SYNQ_PORT_ALLOWED "0 to 65535 (0: any)"
#define SYNQ_PORT_HELP "records of connections with this port at either end, 0 to 65535 (default 0: any)"
#define SYNQ_PORT_MIN 0
#define SYNQ_PORT_MAX 65535
#define SYNQ_PORT_DEFAULT 0

#define SYNQ_ADDR_ALLOWED "ADDRESS or ADDRESS/LENGTH, IPv4 or IPv6 (-: any)"
#define SYNQ_ADDR_HELP "records of connections with either end in this network: ADDRESS or ADDRESS/LENGTH, IPv4 or IPv6 (default -: any)"

#define SYNQ_FWMARK_ALLOWED "0 to 4294967295 (0: any)"
#define SYNQ_FWMARK_HELP "records of connections with this mark, 0 to 4294967295 (default 0: any)"
#define SYNQ_FWMARK_MIN 0
#define SYNQ_FWMARK_MAX 4294967295U
#define SYNQ_FWMARK_DEFAULT 0

#define SYNQ_FULL_ALLOWED "0 or 1"
#define SYNQ_FULL_HELP "samples: 1 of every segment, 0 only when the connection's snd_cwnd has changed: 0 or 1 (default 0)"
#define SYNQ_FULL_WORDS { "0", "1" }
#define SYNQ_FULL_COUNT 2

#define SYNQ_HOOK_ALLOWED "rcv, xmit or both"
#define SYNQ_HOOK_HELP "samples of segments received, sent, or both: rcv, xmit or both (default rcv)"
#define SYNQ_HOOK_WORDS { "rcv", "xmit", "both" }
#define SYNQ_HOOK_COUNT 3

#define SYNQ_PROTO_ALLOWED "tcp or any"
#define SYNQ_PROTO_HELP "drops of TCP, or of any protocol: tcp or any (default tcp)"
#define SYNQ_PROTO_WORDS { "tcp", "any" }
#define SYNQ_PROTO_COUNT 2

#define SYNQ_STACK_ALLOWED "0 or 1"
#define SYNQ_STACK_HELP "drops and closes: 1 with the kernel's stack: 0 or 1 (default 0)"
#define SYNQ_STACK_WORDS { "0", "1" }
#define SYNQ_STACK_COUNT 2

#define SYNQ_FORMAT_ALLOWED "tcpsynq or tcpprobe"
#define SYNQ_FORMAT_HELP "tcpprobe: samples only, as bare lines of tcp_probe: tcpsynq or tcpprobe (default tcpsynq)"
#define SYNQ_FORMAT_WORDS { "tcpsynq", "tcpprobe" }
#define SYNQ_FORMAT_COUNT 2

#define SYNQ_TAPS_ALLOWED "1 to 1024"
#define SYNQ_TAPS_HELP "maximum number of open taps, 1 to 1024 (default 16)"
#define SYNQ_TAPS_MIN 1
#define SYNQ_TAPS_MAX 1024
#define SYNQ_TAPS_DEFAULT 16

#define SYNQ_BUFSIZE_ALLOWED "16 to 65536 records for each CPU"
#define SYNQ_BUFSIZE_HELP "samples that a tap keeps for each CPU until they are read; 4096 take some 700 KiB, 16 to 65536 (default 4096)"
#define SYNQ_BUFSIZE_MIN 16
#define SYNQ_BUFSIZE_MAX 65536
#define SYNQ_BUFSIZE_DEFAULT 4096

#define SYNQ_LINGER_MS_ALLOWED "0 to 3600000 milliseconds"
#define SYNQ_LINGER_MS_HELP "how long the hooks of samples, drops and closes stay attached after their last reader, in milliseconds, 0 to 3600000 (default 10000)"
#define SYNQ_LINGER_MS_MIN 0
#define SYNQ_LINGER_MS_MAX 3600000
#define SYNQ_LINGER_MS_DEFAULT 10000

#define SYNQ_GID_ALLOWED "a group of the host (-1: none)"
#define SYNQ_GID_HELP "group whose members may open taps without CAP_NET_ADMIN: a group of the host (default -1: none)"

#define SYNQ_VIA_ALLOWED "auto, ftrace or kprobe"
#define SYNQ_VIA_HELP "how hooks are attached; auto: ftrace, else kprobe; jprobe before Linux 4.15: auto, ftrace or kprobe (default auto)"
#define SYNQ_VIA_WORDS { "auto", "ftrace", "kprobe" }
#define SYNQ_VIA_COUNT 3

#endif /* SYNQ_SCHEMA_H */
