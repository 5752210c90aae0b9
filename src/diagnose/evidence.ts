import type { SourceSummary } from '../aggregate/source-sketch.js';
import type { Listener, QueueSettings } from '../proc/listeners.js';
import type { Counters, Outcome } from '../stream/counters.js';

/** A SYN queue over the watch; half-opens. */
export interface Queue {
  /** At the end. */
  readonly qlen: number;
  /** How many fit; 0 if every SYN is answered with a cookie. */
  readonly holds: number;
  /** The most that were seen. */
  readonly peak: number;
  /** Of `qlen`, those unanswered for PATIENCE or longer. */
  readonly old: number;
  /** Share of the readings in which they were too many: see areMostlyOld(). */
  readonly stale: number;
}

/** Connections or half-opens; fewer say nothing, whatever their share. */
export const FEW = 10;
/** A share of a queue, or of the readings, that is too much of it. */
export const HALF = 0.5;

/** Are old half-opens too many for a queue that holds so many? */
export function areMostlyOld(old: number, holds: number): boolean {
  return holds > 0 && old >= Math.max(FEW, HALF * holds);
}

/** An accept queue over the watch; connections. */
export interface AcceptQueue {
  /** Of the socket, of those that share an address the one whose queue was full most; 0: unknown. */
  readonly inode: number;
  /** Sockets that share the address (SO_REUSEPORT). */
  readonly sockets: number;
  readonly first: number;
  readonly last: number;
  readonly backlog: number;
  /** Readings in all, and those in which it was full. */
  readonly readings: number;
  readonly full: number;
  /** It got shorter between two readings. */
  readonly shrank: boolean;
}

/** What happened at one listener, or in the whole namespace. */
export interface Scope {
  /** `a.b.c.d:port` or `[v6]:port`; null for what no listener can be named for. */
  readonly local: string | null;
  /** Seconds in which the half-opens that are judged began. */
  readonly seconds: number;
  /** Half-opens judged: completed, unanswered for PATIENCE, and reset or ended by an ICMP error. */
  readonly completed: number;
  readonly unanswered: number;
  readonly failed: number;
  /** Seconds within which 19 of 20 of these failed; 0 if none did. */
  readonly failed_within: number;
  /** Where the unanswered ones came from; null if none is known. */
  readonly sources: SourceSummary | null;
  /** Ended during the watch, whenever they began. */
  readonly ended: Readonly<Record<Outcome, number>>;
  /** SYNs answered with a cookie, cookies that came back, cookies that had PATIENCE and did not. */
  readonly cookies: number;
  readonly cookies_ok: number;
  readonly cookies_unanswered: number;
  /** SYNs and final ACKs that this listener dropped (`sk_drops`). */
  readonly drops: number;
  /** SYNs refused for a full SYN queue, a full accept queue, where no listener is told apart. */
  readonly queue_full: number;
  readonly accept_full: number;
  readonly queue: Queue | null;
  readonly accept: AcceptQueue | null;
  /** What /proc/net/tcpsynq_listeners says at the end; null in a capture. */
  readonly listener: Listener | null;
  /** The kernel had printed its message before the watch. */
  readonly warned_before: boolean;
}

/** All that a verdict rests on. */
export interface Evidence {
  /** From the first count to the last, over all epochs. */
  readonly seconds: number;
  readonly half_open: number;
  readonly peak: number;
  /** Growth of the namespace's counters. */
  readonly totals: Counters;
  readonly scopes: readonly Scope[];
  /** Where half-opens came from; null if there was none, or no A rows were asked for. */
  readonly sources: SourceSummary | null;
  /**
   * Share of the handshakes that completed from the load of the module to the beginning of the watch, in the
   * namespace; null if too few ended.
   */
  readonly completed_before: number | null;
  /** A and R rows were there to be read. */
  readonly events: boolean;
  /** A and R rows that this reader lost. */
  readonly lost: number;
  /** How often time went back in a capture: nothing is judged across that. */
  readonly turns: number;
  readonly settings: QueueSettings;
}
