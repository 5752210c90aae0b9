import { Histogram } from '../sketch/histogram.js';
import { byOutcome, OUTCOMES, type Outcome } from '../stream/counters.js';
import type { HalfOpen } from './half-open.js';
import { Sources } from './sources.js';

/** Maximum number of listeners with their own figures; later listeners are counted together. */
const MOST_LISTENERS = 256;

export type Outcomes = Record<Outcome, number>;

/** The half-opens of one listener, or of several together. */
export interface TallyGroup {
  /** The local endpoint, as the peers see it; null for several listeners together. */
  readonly local: string | null;
  added: number;
  removed: number;
  readonly outcomes: Outcomes;
  /** From the last event; null if unknown or for several listeners. */
  qlen: number | null;
  limit: number | null;
  /**
   * Handshake times in µs: the ages of completed half-opens, from the first SYN-ACK to the final
   * ACK. tcp_make_synack() in net/ipv4/tcp_output.c, Linux 6.1, notes only the time of the first
   * SYN-ACK. So a retransmission makes the time longer, as it does for the client.
   */
  handshakes: Histogram;
  /** Completed half-opens whose SYN-ACK was sent more than once. */
  retransmitted: number;
}

/** Adds up events. Memory is bounded, at about 4 MB, for any number of events and sources. */
export class Tally {
  readonly all: TallyGroup = group(null);
  /** Sources of the half-opens added; with `byRemovals`, of those removed. */
  readonly sources = new Sources();
  /** Seconds from the first event to the last. */
  seconds = 0;
  /** Lost records that would have been counted here. */
  lost = 0;
  readonly #listeners = new Map<string, TallyGroup>();
  #rest: TallyGroup | null = null;
  #first: number | null = null;

  /**
   * @param byRemovals whether to count a source when its half-open is removed, not when it is
   *   added; a filter by outcome needs this
   */
  constructor(readonly byRemovals = false) {}

  /** @param clock seconds to add to the event's own time */
  add(event: HalfOpen, clock: number): void {
    const time = clock + event.time;
    this.#first = Math.min(this.#first ?? time, time);
    this.seconds = Math.max(this.seconds, time - this.#first);
    if (this.byRemovals === (event.event === 'removed')) {
      this.sources.add(event.remote);
    }
    const own = this.#groupOf(event.local);
    if (own.local !== null) {
      own.qlen = event.qlen;
      own.limit = event.limit;
    }
    for (const one of [this.all, own]) {
      fold(one, event);
    }
  }

  /** Return the listeners, those with the most half-opens first; at the end, the rest together. */
  listeners(): TallyGroup[] {
    const sorted = [...this.#listeners.values()].sort(
      (a, b) =>
        b.added + b.removed - a.added - a.removed ||
        ((a.local as string) < (b.local as string) ? -1 : 1),
    );
    return this.#rest === null ? sorted : [...sorted, this.#rest];
  }

  #groupOf(local: string): TallyGroup {
    const known = this.#listeners.get(local);
    if (known !== undefined) {
      return known;
    }
    if (this.#listeners.size < MOST_LISTENERS) {
      const created = group(local);
      this.#listeners.set(local, created);
      return created;
    }
    this.#rest ??= group(null);
    return this.#rest;
  }
}

function group(local: string | null): TallyGroup {
  return {
    local,
    added: 0,
    removed: 0,
    outcomes: byOutcome(() => 0),
    qlen: null,
    limit: null,
    handshakes: new Histogram(),
    retransmitted: 0,
  };
}

function fold(into: TallyGroup, event: HalfOpen): void {
  if (event.event === 'added') {
    into.added += 1;
    return;
  }
  into.removed += 1;
  const outcome = OUTCOMES.find((known) => known === event.outcome) ?? 'other';
  into.outcomes[outcome] += 1;
  if (outcome === 'completed') {
    into.handshakes.add(event.age_us ?? 0);
    into.retransmitted += (event.synacks ?? 1) > 1 ? 1 : 0;
  }
}
