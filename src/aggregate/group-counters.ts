import type { Count } from '../stream/parser.js';
import { type Grouping, Groups } from './groups.js';
import { Refusals } from './refusals.js';

/** Counts records per interval in each of several groupings, with losses and refusals. */
export class GroupCounters<R> {
  /** One for each grouping, in the same order. */
  readonly groups: readonly [Groups<R>, ...Groups<R>[]];
  /** Lost records that would have been counted here. */
  lost = 0;
  refusals = new Refusals();
  #counting = true;

  constructor([first, ...more]: readonly [Grouping<R>, ...Grouping<R>[]]) {
    this.groups = [new Groups(first), ...more.map((grouping) => new Groups(grouping))];
  }

  /** Whether records are counted; otherwise they are skipped. */
  get counting(): boolean {
    return this.#counting;
  }

  set counting(counting: boolean) {
    this.#counting = counting;
    this.refusals.skip();
  }

  add(record: R): void {
    if (this.#counting) {
      for (const one of this.groups) {
        one.add(record);
      }
    }
  }

  lose(records: number): void {
    this.lost += this.#counting ? records : 0;
  }

  /** @param clock seconds to add to the count's own time */
  count(count: Count, clock: number): void {
    if (this.#counting) {
      this.refusals.count(count, clock);
    }
  }

  /**
   * End an interval, and begin a new one.
   *
   * @param seconds length of the ended interval; null if it was too short for a rate
   */
  turn(seconds: number | null): void {
    for (const one of this.groups) {
      one.turn(seconds);
    }
  }

  /** Reset all counters. */
  clear(): void {
    for (const one of this.groups) {
      one.clear();
    }
    this.lost = 0;
    this.refusals = new Refusals();
  }
}
