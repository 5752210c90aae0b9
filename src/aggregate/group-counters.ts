import type { Count } from '../stream/parser.js';
import { type Grouping, Groups } from './groups.js';
import { Refusals } from './refusals.js';

/** Records counted by the interval in each of several ways, with what was lost and refused meanwhile. */
export class GroupCounters<R> {
  /** One of each grouping, in their order. */
  readonly groups: readonly [Groups<R>, ...Groups<R>[]];
  /** Records lost that would have been counted here. */
  lost = 0;
  refusals = new Refusals();
  #counting = true;

  constructor([first, ...more]: readonly [Grouping<R>, ...Grouping<R>[]]) {
    this.groups = [new Groups(first), ...more.map((grouping) => new Groups(grouping))];
  }

  /** What comes is counted; else it is skipped. */
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
   * An interval is over, and a new one begins.
   *
   * @param seconds null if it was too short to tell a rate from
   */
  turn(seconds: number | null): void {
    for (const one of this.groups) {
      one.turn(seconds);
    }
  }

  /** Forgets all that was counted. */
  clear(): void {
    for (const one of this.groups) {
      one.clear();
    }
    this.lost = 0;
    this.refusals = new Refusals();
  }
}
