/** A key that may be frequent; it was added at least `least` and at most `most` times. */
export interface Hitter {
  readonly key: string;
  readonly least: number;
  readonly most: number;
}

/**
 * The most frequent of any number of keys, in the memory of `capacity` of them.
 *
 * The algorithm is Misra and Gries' ("Finding repeated elements", Science of Computer Programming
 * 2, 1982): a counter for each of up to `capacity` keys; a new key that finds no counter free
 * takes one off all of them instead, and those at 0 become free. Such a round throws away
 * capacity + 1 additions, so there are at most total / (capacity + 1) rounds, which is the most any
 * counter can be too low; and a key that was added more often than that has a counter. A round
 * costs O(capacity), an addition O(1) on average.
 */
export class HeavyHitters {
  /** Additions so far. */
  total = 0;
  /** The most that any count is too low by, as it came to be: 0 while every key had a counter. */
  error = 0;
  readonly capacity: number;
  readonly #counts = new Map<string, number>();

  /** @param capacity keys kept, from 1 on */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** The most that any count can be too low by, whatever the keys: `error` is never above it. */
  get bound(): number {
    return Math.floor(this.total / (this.capacity + 1));
  }

  /** Keys that have a counter; while `error` is 0, all that were added. */
  get size(): number {
    return this.#counts.size;
  }

  add(key: string): void {
    this.total += 1;
    const count = this.#counts.get(key);
    if (count !== undefined) {
      this.#counts.set(key, count + 1);
    } else if (this.#counts.size < this.capacity) {
      this.#counts.set(key, 1);
    } else {
      this.#takeOneOffAll();
    }
  }

  /** How often a key was added: at least `least`; any key has an answer. */
  of(key: string): Hitter {
    const least = this.#counts.get(key) ?? 0;
    return { key, least, most: least + this.error };
  }

  /** The keys with the highest counts, the highest first, those with equal ones by name. */
  top(most: number): Hitter[] {
    return [...this.#counts.keys()]
      .map((key) => this.of(key))
      .sort((a, b) => b.least - a.least || (a.key < b.key ? -1 : 1))
      .slice(0, most);
  }

  clear(): void {
    this.total = 0;
    this.error = 0;
    this.#counts.clear();
  }

  #takeOneOffAll(): void {
    this.error += 1;
    for (const [key, count] of this.#counts) {
      if (count === 1) {
        this.#counts.delete(key);
      } else {
        this.#counts.set(key, count - 1);
      }
    }
  }
}
