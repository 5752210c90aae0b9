import { refused } from '../stream/counters.js';
import type { Count } from '../stream/parser.js';
import { Session } from './session.js';

/** SYNs refused meanwhile. */
export interface Refused {
  readonly total: number;
  /** Per second; null where it is not known. */
  readonly rate: number | null;
}

/** Adds up the SYNs refused between counts; no drop tells of them, for they end in consume_skb(). */
export class Refusals {
  readonly #session = new Session(0);

  /** @param clock seconds to add to the count's own time */
  count(count: Count, clock: number): void {
    this.#session.add(count, clock);
  }

  /** What was refused between the count before and the one after is skipped. */
  skip(): void {
    this.#session.startEpoch();
  }

  /**
   * Null until there are two counts.
   *
   * @param whole per second of all the time, not of that between the last two counts
   */
  now(whole: boolean): Refused | null {
    const { totals, rates, seconds } = this.#session;
    const total = refused(totals);
    if (total === undefined) {
      return null;
    }
    return { total, rate: whole && seconds > 0 ? total / seconds : (rates.refused ?? null) };
  }
}
