import { hashOf } from './hash.js';

/** A key that may be frequent; it was added at least `least` and at most `most` times. */
export interface Hitter<T = undefined> {
  readonly high: number;
  readonly low: number;
  readonly least: number;
  readonly most: number;
  /** The value kept with its counter. */
  readonly value: T;
}

/**
 * Finds the most frequent of any number of 64-bit keys, in the memory of `capacity` keys. A key is
 * given as two 32-bit whole numbers.
 *
 * The algorithm is Misra and Gries' ("Finding repeated elements", Science of Computer Programming
 * 2, 1982):
 * 1. Each of up to `capacity` keys has a counter.
 * 2. If no counter is free for a new key, all counters are decremented instead. Those at 0 become
 *    free.
 * 3. Such a round discards capacity + 1 additions. So there are at most total / (capacity + 1)
 *    rounds, and no counter is too low by more. A key that was added more often than that has a
 *    counter.
 * 4. A round costs O(capacity), an addition O(1) on average.
 *
 * The numbers are in a fixed table. A Map of texts, filled and emptied a thousand times by a flood
 * of keys, makes the process grow by many times this size. A value may be kept with each counter.
 */
export class HeavyHitters<T = undefined> {
  /** Additions so far. */
  total = 0;
  /**
   * The maximum by which a count may be too low: 0 as long as every key had a counter, and never
   * above total / (capacity + 1).
   */
  error = 0;
  #table: Table<T>;
  #spare: Table<T>;

  /** @param capacity number of keys kept, from 1 */
  constructor(readonly capacity: number) {
    this.#table = new Table(capacity);
    this.#spare = new Table(capacity);
  }

  /** Return the number of keys with a counter; while `error` is 0, these are all keys. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * @param make returns the value to keep with a new counter
   * @returns the value kept with the key's counter; undefined if the key has no counter
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

  /** Yield every key with a counter, in no order. */
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

  /** Return the keys with the highest counts, in descending order, then by key. */
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

/**
 * A hash table of fixed size, at most half full. A key is at the place of its hash, or at the next
 * free place after it.
 */
class Table<T> {
  size = 0;
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  /** The count at each place; 0 marks a free place. */
  readonly counts: Float64Array;
  readonly values: (T | undefined)[];

  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(2 * capacity));
    this.highs = new Uint32Array(places);
    this.lows = new Uint32Array(places);
    this.counts = new Float64Array(places);
    this.values = new Array(places).fill(undefined);
  }

  /** Return the place of a key, or the free place for it. */
  find(high: number, low: number): number {
    const { highs, lows, counts } = this;
    const mask = counts.length - 1;
    let at = hashOf(high, low) & mask;
    while (counts[at] !== 0 && (highs[at] !== high || lows[at] !== low)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Occupy a free place. */
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
