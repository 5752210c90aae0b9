import type { SourceSummary } from '../aggregate/source-sketch.js';
import type { Listener, QueueSettings } from '../proc/listeners.js';
import type { Counters, Outcome } from '../stream/counters.js';

/** A SYN queue during the watch, in half-opens. */
export interface Queue {
  /** The length at the end. */
  readonly qlen: number;
  /** Its capacity; 0 if every SYN is answered with a cookie. */
  readonly holds: number;
  /** The highest length seen. */
  readonly peak: number;
  /** How many of the half-opens in `qlen` were unanswered for PATIENCE or longer. */
  readonly old: number;
  /** Share of the readings in which too many half-opens were old: see areMostlyOld(). */
  readonly stale: number;
}

/** Minimum number of connections or half-opens: the shares of fewer mean nothing. */
export const FEW = 10;
/** The share of a queue, or of the readings, that counts as too much. */
export const HALF = 0.5;

/** Return whether the old half-opens are too many for a queue of that capacity. */
export function areMostlyOld(old: number, holds: number): boolean {
  return holds > 0 && old >= Math.max(FEW, HALF * holds);
}

/** An accept queue during the watch, in connections. */
export interface AcceptQueue {
  /**
   * Inode of the socket; 0 if not known. If several share the address, that of the one most often
   * full.
   */
  readonly inode: number;
  /** Sockets that share the address (SO_REUSEPORT). */
  readonly sockets: number;
  readonly first: number;
  readonly last: number;
  readonly backlog: number;
  /** Number of readings, and of those in which the queue was full. */
  readonly readings: number;
  readonly full: number;
  /** Whether the queue became shorter between two readings. */
  readonly shrank: boolean;
}

/** What happened at one listener, or in the whole namespace. */
export interface Scope {
  /** `a.b.c.d:port` or `[v6]:port`; null if no single listener can be named. */
  readonly local: string | null;
  /** Length of the time in which the judged half-opens began, in seconds. */
  readonly seconds: number;
  /**
   * The judged half-opens: those completed, those unanswered for PATIENCE, and those reset or ended
   * by an ICMP error.
   */
  readonly completed: number;
  readonly unanswered: number;
  readonly failed: number;
  /** Seconds within which 19 of 20 of the `failed` ended; 0 if there are none. */
  readonly failed_within: number;
  /** Sources of the unanswered half-opens; null if none is known. */
  readonly sources: SourceSummary | null;
  /** Sources of the refused SYNs; null if none is known. */
  readonly refused_sources: SourceSummary | null;
  /** Half-opens that ended during the watch, by outcome, whenever they began. */
  readonly ended: Readonly<Record<Outcome, number>>;
  /** SYNs answered with a cookie, cookies that came back, cookies unanswered for PATIENCE. */
  readonly cookies: number;
  readonly cookies_ok: number;
  readonly cookies_unanswered: number;
  /** SYNs and final ACKs that this listener dropped (`sk_drops`). */
  readonly drops: number;
  /** SYNs refused for a full SYN queue or accept queue, if the stream says for which listener. */
  readonly queue_full: number;
  readonly accept_full: number;
  /** SYNs refused for another reason: no memory, no route, a security module. */
  readonly refused_other: number;
  readonly queue: Queue | null;
  readonly accept: AcceptQueue | null;
  /** The listener's last line in /proc/net/tcpsynq_listeners; null in a capture. */
  readonly listener: Listener | null;
  /** Whether the kernel had printed "Possible SYN flooding" before the watch. */
  readonly warned_before: boolean;
}

/** All facts behind a verdict. */
export interface Evidence {
  /** Seconds from the first count to the last, added up over all epochs. */
  readonly seconds: number;
  readonly half_open: number;
  readonly peak: number;
  /** Growth of the namespace's counters. */
  readonly totals: Counters;
  readonly scopes: readonly Scope[];
  /** Sources of all half-opens; null if there were none, or if no A rows were requested. */
  readonly sources: SourceSummary | null;
  /**
   * Share of completed handshakes in the namespace, from the load of the module to the start of the
   * watch; null if too few ended.
   */
  readonly completed_before: number | null;
  /** Whether the stream held A or R rows. */
  readonly events: boolean;
  /** Whether each scope has its own cookies and refused SYNs, from Y rows. */
  readonly syns: boolean;
  /** A, R and Y rows that this reader lost. */
  readonly lost: number;
  /** How often time went back in a capture: each stretch in between is judged alone. */
  readonly turns: number;
  readonly settings: QueueSettings;
}
