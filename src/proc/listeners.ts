import { copyOf } from '../stream/copy.js';
import { parseInteger } from '../stream/number.js';
import type { LISTENER_COLUMNS } from '../stream/schema.js';
import { rowsOf } from './stat.js';

/** One listening socket, as /proc/net/tcpsynq_listeners shows it. */
export interface Listener {
  /** `a.b.c.d:port` or `[v6]:port`. */
  readonly local: string;
  /** The socket's inode, as in /proc/PID/fd; 0 if it has none. */
  readonly inode: number;
  readonly uid: number;
  /** Half-opens queued (`icsk_accept_queue.qlen`). */
  readonly qlen: number;
  /** Those of them whose SYN-ACK was not yet sent again. */
  readonly young: number;
  /** How many half-opens fit on this kernel with its settings. */
  readonly holds: number;
  /** Connections waiting for accept(), and their limit: what `ss` shows as Recv-Q and Send-Q. */
  readonly accept_qlen: number;
  readonly backlog: number;
  readonly defer_accept: number;
  /** SYNs and final ACKs this listener dropped (`sk_drops`). */
  readonly drops: number;
  /** The kernel has printed "possible SYN flooding" for this listener: it does so once. */
  readonly warned: boolean;
}

/** The columns that a Listener needs. An older module has no others. */
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
 * Read /proc/net/tcpsynq_listeners by the names in its header row; a string is the reason why not.
 * There may be 100,000s of rows: beside the text only listeners are kept, and they keep none of it.
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

/** Read one row; a string is the reason why not. */
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
 * How full the SYN queue is, 1 being full, or null where no half-open fits at all because every
 * SYN is answered with a cookie.
 */
export function fullness(listener: Listener): number | null {
  return listener.holds > 0 ? listener.qlen / listener.holds : null;
}

/**
 * How full the accept queue is, 1 being full: backlog + 1 fit (sk_acceptq_is_full(),
 * include/net/sock.h, Linux 6.1).
 */
export function acceptFullness({ accept_qlen, backlog }: Listener): number {
  return accept_qlen / (backlog + 1);
}

/** Sorts the fullest first, then the longest queue, then by address, so that rows keep their place. */
export function byFullness(a: Listener, b: Listener): number {
  return (
    (fullness(b) ?? -1) - (fullness(a) ?? -1) ||
    b.qlen - a.qlen ||
    (a.local < b.local ? -1 : a.local > b.local ? 1 : a.inode - b.inode)
  );
}

/** The settings that bound a SYN queue; null where they could not be read. */
export interface QueueSettings {
  readonly somaxconn: number | null;
  readonly tcp_max_syn_backlog: number | null;
  readonly tcp_syncookies: number | null;
}

/**
 * Which setting gives a listener's `holds`, as `name=value`, or null if the settings are unknown.
 *
 * The rules are those of tcp_conn_request() in net/ipv4/tcp_input.c, Linux 4.14 to 6.x: with
 * tcp_syncookies=2 no SYN is queued; the queue is full at the listener's backlog, which is
 * min(listen() backlog, net.core.somaxconn) (__sys_listen, net/socket.c); and with
 * tcp_syncookies=0, peers not proven alive are refused once fewer than a quarter of
 * tcp_max_syn_backlog is left. A backlog equal to somaxconn is called somaxconn's: listen() asked
 * for as much or more.
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
