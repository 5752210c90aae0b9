import { refused } from '../stream/counters.js';
import type { Count } from '../stream/parser.js';
import { Session } from './session.js';

/** SYNs refused, and their rate. */
export interface Refused {
  readonly total: number;
  /** Per second; null if not known. */
  readonly rate: number | null;
}

/**
 * Adds up the SYNs refused between counts. They are not among the drops: they end in consume_skb().
 */
export class Refusals {
  readonly #session = new Session(0);

  /** @param clock seconds to add to the count's own time */
  count(count: Count, clock: number): void {
    this.#session.add(count, clock);
  }

  /** Skip the refusals between the previous and the next count. */
  skip(): void {
    this.#session.startEpoch();
  }

  /**
   * Return the refusals; null until there are two counts.
   *
   * @param whole whether the rate covers the whole time; if not, it covers only the time between
   *   the last two counts
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
