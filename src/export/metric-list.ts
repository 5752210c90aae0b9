// Generated from src/stream/schema.json by `npm run schema`.

/**
 * Every metric with its type and help. Names and units follow
 * https://prometheus.io/docs/practices/naming/.
 */
export const METRICS = {
  tcpsynq_up: ['gauge', '1 if the exporter could read the source in tcpsynq_source_info'],
  tcpsynq_source_info: ['gauge', 'Source of the figures: module, or proc, which has fewer'],
  tcpsynq_build_info: ['gauge', 'Versions of this command and of the module'],
  tcpsynq_exact: ['gauge', '1 if the module vouches for its counts'],
  tcpsynq_probe_misses_total: ['counter', 'Hooked calls that no hook saw, on the whole host'],
  tcpsynq_taps_open: ['gauge', 'Readers of the stream, on the whole host'],
  tcpsynq_taps_limit: ['gauge', 'Maximum number of readers of the stream'],
  tcpsynq_half_open: ['gauge', 'Connections waiting for the final ACK'],
  tcpsynq_half_open_initial: ['gauge', 'Connections half-open when the module was loaded'],
  tcpsynq_added_total: ['counter', 'Connections that became half-open'],
  tcpsynq_ended_total: ['counter', 'Half-open connections that ended, by outcome'],
  tcpsynq_cookies_sent_total: ['counter', 'SYNs answered with a cookie'],
  tcpsynq_cookies_received_total: ['counter', 'ACKs with a good cookie or a bad one'],
  tcpsynq_syns_refused_total: ['counter', 'SYNs refused, by reason'],
  tcpsynq_syns_total: ['counter', 'SYNs that asked for a new connection'],
  tcpsynq_fastopen_total: ['counter', 'SYNs that made a connection at once, by TCP Fast Open'],
  tcpsynq_acks_refused_total: ['counter', 'Final ACKs refused because the accept queue was full'],
  tcpsynq_listen_overflows_total: [
    'counter',
    "Overflows of accept queues (the kernel's ListenOverflows)",
  ],
  tcpsynq_listen_drops_total: [
    'counter',
    "SYNs and final ACKs that listeners dropped (the kernel's ListenDrops)",
  ],
  tcpsynq_samples_total: ['counter', 'Samples written for readers of the stream'],
  tcpsynq_records_lost_total: ['counter', 'Records that readers of the stream lost'],
  tcpsynq_audit_drift: [
    'gauge',
    'Half-opens beyond those queued at listeners: above 0 their listeners closed, below 0 the count is wrong',
  ],
  tcpsynq_listeners: ['gauge', 'Listening sockets'],
  tcpsynq_listeners_left_out: ['gauge', 'Addresses of listeners that have no series here'],
  tcpsynq_listener_sockets: ['gauge', 'Sockets that listen there'],
  tcpsynq_listener_queue_length: ['gauge', 'Half-opens in the SYN queue'],
  tcpsynq_listener_queue_young: ['gauge', 'Of these, those whose SYN-ACK was sent only once'],
  tcpsynq_listener_queue_limit: ['gauge', 'Half-opens that fit'],
  tcpsynq_listener_queue_full_ratio: ['gauge', 'Share of the SYN queue that is full, 1 being all'],
  tcpsynq_listener_accept_queue_length: ['gauge', 'Connections waiting for accept()'],
  tcpsynq_listener_accept_queue_limit: ['gauge', 'Backlog: one more than this fit'],
  tcpsynq_listener_accept_queue_full_ratio: [
    'gauge',
    'Share of the accept queue that is full, 1 being all',
  ],
  tcpsynq_netns_left_out: ['gauge', 'Network namespaces that have no series here'],
  tcpsynq_processes_hidden: [
    'gauge',
    'Processes whose network namespace the exporter may not look at',
  ],
  tcpsynq_handshake_seconds: [
    'histogram',
    'Time from the first SYN-ACK to the final ACK of completed handshakes',
  ],
  tcpsynq_drops_total: ['counter', 'TCP segments that the kernel dropped, by its reason'],
  tcpsynq_exporter_tap_open: ['gauge', '1 if the stream can be read for handshakes and drops'],
  tcpsynq_exporter_tap_lost_total: ['counter', 'Records that were lost to the exporter itself'],
  tcpsynq_exporter_last_write_timestamp_seconds: ['gauge', 'When this file was written'],
  tcpsynq_exporter_write_failures_total: ['counter', 'Times this file could not be written'],
  tcpsynq_exporter_connections_evicted_total: [
    'counter',
    'Connections closed before their request was complete, to make room for others',
  ],
  tcpsynq_exporter_connections_refused_total: [
    'counter',
    'Connections refused while all others waited for an answer',
  ],
  tcpsynq_exporter_read_seconds: ['gauge', 'Time it took to read the figures'],
} as const satisfies Readonly<Record<string, readonly ['gauge' | 'counter' | 'histogram', string]>>;

/** The metric of each counter, with its labels in addition to `netns`. */
export const COUNTER_METRICS = {
  half_open: { name: 'tcpsynq_half_open', labels: {} },
  initial: { name: 'tcpsynq_half_open_initial', labels: {} },
  added: { name: 'tcpsynq_added_total', labels: {} },
  completed: { name: 'tcpsynq_ended_total', labels: { outcome: 'completed' } },
  expired: { name: 'tcpsynq_ended_total', labels: { outcome: 'expired' } },
  reset: { name: 'tcpsynq_ended_total', labels: { outcome: 'reset' } },
  unreachable: { name: 'tcpsynq_ended_total', labels: { outcome: 'unreachable' } },
  closed: { name: 'tcpsynq_ended_total', labels: { outcome: 'closed' } },
  other: { name: 'tcpsynq_ended_total', labels: { outcome: 'other' } },
  cookies: { name: 'tcpsynq_cookies_sent_total', labels: {} },
  cookies_ok: { name: 'tcpsynq_cookies_received_total', labels: { result: 'good' } },
  cookies_bad: { name: 'tcpsynq_cookies_received_total', labels: { result: 'bad' } },
  queue_full: { name: 'tcpsynq_syns_refused_total', labels: { reason: 'queue_full' } },
  accept_full: { name: 'tcpsynq_syns_refused_total', labels: { reason: 'accept_full' } },
  refused_other: { name: 'tcpsynq_syns_refused_total', labels: { reason: 'other' } },
  fastopen: { name: 'tcpsynq_fastopen_total', labels: {} },
  syns: { name: 'tcpsynq_syns_total', labels: {} },
  acks_refused: { name: 'tcpsynq_acks_refused_total', labels: {} },
  listen_overflows: { name: 'tcpsynq_listen_overflows_total', labels: {} },
  listen_drops: { name: 'tcpsynq_listen_drops_total', labels: {} },
  samples: { name: 'tcpsynq_samples_total', labels: {} },
  lost: { name: 'tcpsynq_records_lost_total', labels: {} },
} as const;
