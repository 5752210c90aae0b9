import { copyOf } from '../stream/copy.js';
import { parseInteger } from '../stream/number.js';
import type { LISTENER_COLUMNS } from '../stream/schema.js';
import { rowsOf } from './stat.js';

/** One listening socket from /proc/net/tcpsynq_listeners. */
export interface Listener {
  /** `a.b.c.d:port` or `[v6]:port`. */
  readonly local: string;
  /** The socket's inode, as in /proc/PID/fd; 0 if it has none. */
  readonly inode: number;
  readonly uid: number;
  /** Half-opens queued (`icsk_accept_queue.qlen`). */
  readonly qlen: number;
  /** The queued half-opens whose SYN-ACK was sent only once. */
  readonly young: number;
  /** Number of half-opens that fit into the queue on this kernel with its settings. */
  readonly holds: number;
  /** Connections waiting for accept(), and their limit: Recv-Q and Send-Q in `ss`. */
  readonly accept_qlen: number;
  readonly backlog: number;
  readonly defer_accept: number;
  /** SYNs and final ACKs this listener dropped (`sk_drops`). */
  readonly drops: number;
  /**
   * Whether the kernel has printed "possible SYN flooding" for this listener; it does so only once.
   */
  readonly warned: boolean;
}

/** The columns of numbers that a Listener needs. An older module may lack others, but has these. */
const NUMBERS = [
  'inode',
  'uid',
  'qlen',
  'young',
  'holds',
  'accept_qlen',
  'backlog',
  'defer_accept',
  'drops',
] as const satisfies readonly (typeof LISTENER_COLUMNS)[number][];

/**
 * Parse /proc/net/tcpsynq_listeners by the names in its header row; return the reason on failure.
 * There may be 100,000s of rows. So keep only the listeners, with a copy of each address: a slice
 * would keep the whole text in memory.
 */
export function parseListeners(text: string): Listener[] | string {
  const rows = rowsOf(text);
  const { value: names } = rows.next();
  if (names === undefined) {
    return 'no header row';
  }
  const places = new Map(names.map((name, at) => [name, at]));
  const listeners: Listener[] = [];
  for (const row of rows) {
    const listener = listenerOf((name) => row[places.get(name) ?? -1] ?? '');
    if (typeof listener === 'string') {
      return `row ${listeners.length + 1}: ${listener}`;
    }
    listeners.push(listener);
  }
  return listeners;
}

/** Parse one row; return the reason on failure. */
function listenerOf(field: (name: string) => string): Listener | string {
  const numbers = {} as Record<(typeof NUMBERS)[number], number>;
  for (const name of NUMBERS) {
    const value = parseInteger(field(name));
    if (value === undefined) {
      return `${name} is not a whole number`;
    }
    numbers[name] = value;
  }
  return {
    local: copyOf(field('local')),
    ...numbers,
    warned: !['0', 'no', '-', ''].includes(field('warned')),
  };
}

/**
 * Return the fullness of the SYN queue, 1 being full; null if it holds no half-opens, because every
 * SYN is answered with a cookie.
 */
export function fullness(listener: Listener): number | null {
  return listener.holds > 0 ? listener.qlen / listener.holds : null;
}

/**
 * Return the fullness of the accept queue, 1 being full: backlog + 1 connections fit
 * (sk_acceptq_is_full(), include/net/sock.h, Linux 6.1).
 */
export function acceptFullness({ accept_qlen, backlog }: Listener): number {
  return accept_qlen / (backlog + 1);
}

/**
 * Compare by fullness, queue length and address, so that rows keep their place from one reading to
 * the next.
 */
export function byFullness(a: Listener, b: Listener): number {
  return (
    (fullness(b) ?? -1) - (fullness(a) ?? -1) ||
    b.qlen - a.qlen ||
    (a.local < b.local ? -1 : a.local > b.local ? 1 : a.inode - b.inode)
  );
}

/** The settings that bound a SYN queue; null if unreadable. */
export interface QueueSettings {
  readonly somaxconn: number | null;
  readonly tcp_max_syn_backlog: number | null;
  readonly tcp_syncookies: number | null;
}

/**
 * Return the setting behind a listener's `holds`, as `name=value`; null if not known.
 *
 * The rules are those of tcp_conn_request() in net/ipv4/tcp_input.c, Linux 4.14 to 6.x:
 * 1. With tcp_syncookies=2 no SYN is queued.
 * 2. The queue is full at the backlog: min(listen() backlog, net.core.somaxconn) (__sys_listen,
 *    net/socket.c). A backlog equal to somaxconn is attributed to somaxconn: listen() requested
 *    that or more.
 * 3. With tcp_syncookies=0, peers not proven alive are refused once less than a quarter of
 *    tcp_max_syn_backlog is left.
 */
export function limitSetBy(listener: Listener, settings: QueueSettings): string | null {
  const { somaxconn, tcp_max_syn_backlog, tcp_syncookies } = settings;
  if (somaxconn === null || tcp_max_syn_backlog === null || tcp_syncookies === null) {
    return null;
  }
  if (tcp_syncookies === 2) {
    return 'tcp_syncookies=2';
  }
  const threeQuarters = tcp_max_syn_backlog - Math.floor(tcp_max_syn_backlog / 4);
  if (tcp_syncookies === 0 && threeQuarters < listener.backlog) {
    return `tcp_max_syn_backlog=${tcp_max_syn_backlog}`;
  }
  if (listener.backlog === somaxconn) {
    return `somaxconn=${somaxconn}`;
  }
  return `listen()=${listener.backlog}`;
}
