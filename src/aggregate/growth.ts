import { Downsampled, type Moment } from '../sketch/downsampled.js';
import type { Counters } from '../stream/counters.js';
import type { Count } from '../stream/parser.js';
import { GROWING } from '../stream/schema.js';
import { type Rates, Session } from './session.js';

/** Growth of the counters between two counts; its time is that of the later count. */
export interface Growth extends Moment {
  /** The time of the earlier count, in seconds. */
  readonly since: number;
  readonly rates: Rates;
}

/**
 * The highest rate (per second) at which a counter grew between two counts, and the time of the
 * later count.
 */
export interface Highest {
  readonly rate: number;
  readonly time: number;
}

export type Growing = (typeof GROWING)[number];

/** Folds counts into growth rates. Memory is bounded. */
export class Growths {
  readonly series: Downsampled<Growth>;
  readonly highest = new Map<Growing, Highest>();
  readonly session = new Session(0);
  #epoch = 0;

  /** @param most growths kept; if there are more, those with the lowest and highest rates stay */
  constructor(most: number) {
    this.series = new Downsampled(
      { most },
      GROWING.map(
        (name) =>
          ({ rates }: Growth) =>
            rates[name] ?? Number.NaN,
      ),
    );
  }

  /** Return the total growth of each counter. */
  get totals(): Counters {
    return this.session.totals;
  }

  /** Begin an epoch: the counters restart. */
  startEpoch(): void {
    this.#epoch += 1;
    this.session.startEpoch();
  }

  /** @param clock seconds to add to the count's own time */
  add(count: Count, clock: number): void {
    const since = this.session.latest?.time ?? Number.NaN;
    const { time } = this.session.add(count, clock);
    const { rates } = this.session;
    if (rates.added === undefined) {
      return;
    }
    this.series.add({ time, epoch: this.#epoch, since, rates });
    for (const name of GROWING) {
      const rate = rates[name] ?? 0;
      if (rate > (this.highest.get(name)?.rate ?? 0)) {
        this.highest.set(name, { rate, time });
      }
    }
  }
}
