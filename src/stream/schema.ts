// Generated from src/stream/schema.json by `npm run schema`.

/** The version of the format. */
export const FORMAT_VERSION = 1;

/** The outcomes of a half-open. The sum of their counters is everything removed. */
export const OUTCOMES = [
  'completed',
  'expired',
  'reset',
  'unreachable',
  'closed',
  'other',
] as const;

/** Why a connection was closed. */
export const CAUSES = [
  'fin',
  'reset_received',
  'reset_sent',
  'timeout',
  'aborted',
  'icmp',
  'other',
] as const;

/** Every counter with its meaning, in the order in which they are printed. */
export const COUNTERS = {
  half_open: 'connections waiting for the final ACK, now',
  peak: 'highest half_open since the line before',
  initial: 'half-open when the module was loaded',
  added: 'became half-open since then',
  completed: 'ended by the final ACK: a connection',
  expired: 'ended when the SYN-ACK timer gave up',
  reset: 'ended by a RST, a bad segment, or a local abort',
  unreachable: 'ended by an ICMP error',
  closed: 'ended because the listener closed',
  other: 'ended in another way',
  cookies: 'SYNs answered with a cookie',
  cookies_ok: 'ACKs with a valid cookie',
  cookies_bad: 'ACKs with an invalid cookie',
  queue_full: 'SYNs refused: SYN queue full',
  accept_full: 'SYNs refused: accept queue full',
  refused_other: 'SYNs refused: no memory, no route or the like',
  fastopen: 'SYNs with a valid Fast Open cookie: a connection',
  syns: 'SYNs: added, cookies, fastopen and refused',
  acks_refused: 'final ACKs refused: accept queue full',
  listen_overflows: 'accept queue overflows (kernel ListenOverflows)',
  listen_drops: 'SYNs and ACKs dropped (kernel ListenDrops)',
  samples: 'samples recorded for taps',
  missed: 'probe hits missed: the count may be off by these',
  lost: 'records lost for lack of buffer space',
} as const;

/** Counters that can fall, since they show a current number. */
export const LEVELS = ['half_open', 'peak', 'initial'] as const;

/** The columns of each kind of line, in the order of a module with this version. */
export const COLUMNS = {
  C: [
    'time',
    'half_open',
    'initial',
    'added',
    'completed',
    'expired',
    'reset',
    'unreachable',
    'closed',
    'other',
    'cookies',
    'cookies_ok',
    'cookies_bad',
    'queue_full',
    'accept_full',
    'peak',
    'missed',
    'lost',
    'refused_other',
    'fastopen',
    'syns',
    'acks_refused',
  ],
  A: [
    'time',
    'local',
    'remote',
    'qlen',
    'limit',
    'win',
    'ttl',
    'ipid',
    'len',
    'mss',
    'wscale',
    'opts',
  ],
  R: ['time', 'local', 'remote', 'qlen', 'outcome', 'age_us', 'synacks'],
  S: [
    'time',
    'local',
    'remote',
    'length',
    'snd_nxt',
    'snd_una',
    'snd_cwnd',
    'ssthresh',
    'snd_wnd',
    'srtt_us',
    'rcv_wnd',
    'rttvar_us',
    'rto_us',
    'min_rtt_us',
    'lost',
    'retrans',
    'inflight',
    'rqueue',
    'wqueue',
    'mss',
    'pacing_rate',
    'delivery_rate',
    'bytes_acked',
    'ca_state',
    'ca_name',
    'cookie',
    'hook',
  ],
  D: [
    'time',
    'location',
    'reason',
    'local',
    'remote',
    'state',
    'flags',
    'length',
    'stack',
    'proto',
  ],
  X: ['time', 'local', 'remote', 'state', 'cause', 'stack'],
  Y: [
    'time',
    'local',
    'remote',
    'answer',
    'qlen',
    'limit',
    'accept_qlen',
    'backlog',
    'win',
    'ttl',
    'ipid',
    'len',
    'mss',
    'wscale',
    'opts',
  ],
  L: ['time', 'kind', 'lost', 'lost_total', 'produced_total'],
} as const;

/** The number of columns, from the first, that a line of each kind has at least. */
export const MIN_COLUMNS = { C: 18, A: 5, R: 7, S: 27, D: 10, X: 6, Y: 15, L: 5 } as const;

/** Counters of a C line that only grow, except the tap's own losses. */
export const GROWING = [
  'added',
  'completed',
  'expired',
  'reset',
  'unreachable',
  'closed',
  'other',
  'cookies',
  'cookies_ok',
  'cookies_bad',
  'queue_full',
  'accept_full',
  'missed',
  'refused_other',
  'fastopen',
  'syns',
  'acks_refused',
] as const;

/** The kinds whose lines are rows: all except counts and losses. */
export const ROW_KINDS = ['A', 'R', 'S', 'D', 'X', 'Y'] as const;

/** The noun for the records of each kind. */
export const RECORDS = {
  C: 'counts',
  A: 'half-opens added',
  R: 'half-opens removed',
  S: 'samples',
  D: 'drops',
  X: 'closes',
  Y: 'SYNs answered otherwise',
} as const;

/** The columns that tcp_probe of Linux 4.15 printed, in its order. */
export const TCP_PROBE_COLUMNS = [
  'time',
  'local',
  'remote',
  'length',
  'snd_nxt',
  'snd_una',
  'snd_cwnd',
  'ssthresh',
  'snd_wnd',
  'srtt_us',
  'rcv_wnd',
] as const;

/** Columns whose values are not numbers, or may be too large for a double. */
export const TEXT_COLUMNS = [
  'local',
  'remote',
  'opts',
  'outcome',
  'snd_nxt',
  'snd_una',
  'ca_state',
  'ca_name',
  'cookie',
  'hook',
  'location',
  'reason',
  'state',
  'flags',
  'stack',
  'proto',
  'cause',
  'answer',
  'kind',
] as const;

/** The letters of the lines that each word of the filter key `kinds` asks for. */
export const LETTERS = {
  count: 'C',
  event: 'AR',
  sample: 'S',
  drop: 'D',
  close: 'X',
  syn: 'Y',
} as const;

/** Names of counters in /proc/net/netstat, which counts since the namespace was made. */
export const NETSTAT = {
  cookies: 'SyncookiesSent',
  cookies_ok: 'SyncookiesRecv',
  cookies_bad: 'SyncookiesFailed',
  queue_full: 'TCPReqQFullDrop',
  listen_overflows: 'ListenOverflows',
  listen_drops: 'ListenDrops',
} as const;

/** The columns of /proc/net/stat/tcpsynq. */
export const STAT_COLUMNS = [
  'half_open',
  'initial',
  'added',
  'completed',
  'expired',
  'reset',
  'unreachable',
  'closed',
  'other',
  'cookies',
  'cookies_ok',
  'cookies_bad',
  'queue_full',
  'accept_full',
  'samples',
  'lost',
  'missed',
  'refused_other',
  'fastopen',
  'syns',
  'acks_refused',
] as const;

/** The columns of /proc/net/tcpsynq_listeners. */
export const LISTENER_COLUMNS = [
  'local',
  'inode',
  'uid',
  'qlen',
  'young',
  'holds',
  'accept_qlen',
  'backlog',
  'defer_accept',
  'drops',
  'warned',
] as const;

/** The range of each number of a tap's filter. */
export const FILTER_RANGES = {
  interval_ms: { min: 10, max: 3600000 },
  latency_ms: { min: 0, max: 10000 },
  port: { min: 0, max: 65535 },
  fwmark: { min: 0, max: 4294967295 },
} as const;

/** The words that each key of a tap's filter takes. */
export const FILTER_WORDS = {
  hook: ['rcv', 'xmit', 'both'],
  proto: ['tcp', 'any'],
  format: ['tcpsynq', 'tcpprobe'],
} as const;
