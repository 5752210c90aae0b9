import { hashOf } from './hash.js';

/** A key that may be frequent; it was added at least `least` and at most `most` times. */
export interface Hitter<T = undefined> {
  readonly high: number;
  readonly low: number;
  readonly least: number;
  readonly most: number;
  /** What is kept with its counter. */
  readonly value: T;
}

/**
 * The most frequent of any number of keys of 64 bits, each given as two whole numbers of 32, in
 * the memory of `capacity` of them.
 *
 * The algorithm is Misra and Gries' ("Finding repeated elements", Science of Computer Programming
 * 2, 1982): a counter for each of up to `capacity` keys; a new key that finds no counter free
 * takes one off all of them instead, and those at 0 become free. Such a round throws away
 * capacity + 1 additions, so there are at most total / (capacity + 1) rounds, which is the most any
 * counter can be too low; and a key that was added more often than that has a counter. A round
 * costs O(capacity), an addition O(1) on average.
 *
 * Numbers in a table that is made once: a Map of texts, filled and emptied a thousand times by a
 * flood of keys, makes the process grow by many times what is kept here.
 *
 * With each counter a value may be kept, which is gone when the counter is.
 */
export class HeavyHitters<T = undefined> {
  /** Additions so far. */
  total = 0;
  /**
   * The most that any count is too low by: 0 while every key had a counter, and never above
   * total / (capacity + 1).
   */
  error = 0;
  #table: Table<T>;
  #spare: Table<T>;

  /** @param capacity keys kept, from 1 on */
  constructor(readonly capacity: number) {
    this.#table = new Table(capacity);
    this.#spare = new Table(capacity);
  }

  /** Keys that have a counter; while `error` is 0, all that were added. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * @param make the value to keep with a new counter
   * @returns what is kept with the key's counter; undefined if it has none
   */
  add(high: number, low: number, make?: () => T): T | undefined {
    const table = this.#table;
    const at = table.find(high, low);
    this.total += 1;
    if (table.counts[at] !== 0) {
      table.counts[at] = (table.counts[at] as number) + 1;
      return table.values[at];
    }
    if (table.size < this.capacity) {
      table.put(at, high, low, 1, make?.() as T);
      return table.values[at];
    }
    this.#takeOneOffAll();
    return undefined;
  }

  /** Every key that has a counter, in no order. */
  *hitters(): Generator<Hitter<T>, void, void> {
    const { highs, lows, counts, values } = this.#table;
    for (let at = 0, left = this.size; left > 0; at += 1) {
      const least = counts[at] as number;
      if (least > 0) {
        left -= 1;
        const [high, low] = [highs[at] as number, lows[at] as number];
        yield { high, low, least, most: least + this.error, value: values[at] as T };
      }
    }
  }

  /** The keys with the highest counts, the highest first, those with equal ones by key. */
  top(most: number): Hitter<T>[] {
    return [...this.hitters()]
      .sort((a, b) => b.least - a.least || a.high - b.high || a.low - b.low)
      .slice(0, most);
  }

  clear(): void {
    this.total = 0;
    this.error = 0;
    this.#table.clear();
  }

  #takeOneOffAll(): void {
    const [from, to] = [this.#table, this.#spare];
    this.error += 1;
    for (let at = 0; at < from.counts.length; at++) {
      const count = from.counts[at] as number;
      if (count > 1) {
        const [high, low] = [from.highs[at] as number, from.lows[at] as number];
        to.put(to.find(high, low), high, low, count - 1, from.values[at] as T);
      }
    }
    from.clear();
    this.#table = to;
    this.#spare = from;
  }
}

/** A hash table of fixed size, at most half full: a key stands at its hash or in a place after it. */
class Table<T> {
  size = 0;
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  /** 0: the place is free. */
  readonly counts: Float64Array;
  readonly values: (T | undefined)[];

  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(2 * capacity));
    this.highs = new Uint32Array(places);
    this.lows = new Uint32Array(places);
    this.counts = new Float64Array(places);
    this.values = new Array(places).fill(undefined);
  }

  /** Where a key is, or the free place where it belongs. */
  find(high: number, low: number): number {
    const { highs, lows, counts } = this;
    const mask = counts.length - 1;
    let at = hashOf(high, low) & mask;
    while (counts[at] !== 0 && (highs[at] !== high || lows[at] !== low)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Takes a free place. */
  put(at: number, high: number, low: number, count: number, value: T): void {
    this.highs[at] = high;
    this.lows[at] = low;
    this.counts[at] = count;
    this.values[at] = value;
    this.size += 1;
  }

  clear(): void {
    this.size = 0;
    this.counts.fill(0);
    this.values.fill(undefined);
  }
}
