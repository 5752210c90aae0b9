import { TextHash } from '../sketch/hash.js';
import { HeavyHitters } from '../sketch/heavy-hitters.js';
import { copyOf } from '../stream/copy.js';

/** Groups kept; more than this many that are equally frequent can't be told apart. */
export const KEPT = 1024;
/** Different texts kept of each aspect beside the key of a group. */
export const MOST_BESIDE = 16;

/** Characters kept of a text: symbols and endpoints of the kernel are shorter. */
const LONGEST_TEXT = 128;

/** Return a text that is short enough to keep. */
function short(text: string): string {
  return text.length > LONGEST_TEXT ? copyOf(text.slice(0, LONGEST_TEXT)) : text;
}

/** What a record says in one word, by which it may be counted. */
export interface Aspect<R> {
  readonly name: string;
  of(record: R): string;
}

/** Count by a text of a record; `-` stands for one that is not known. */
export function aspect<Name extends string>(
  name: Name,
): Aspect<Readonly<Record<Name, string | null>>> {
  return { name, of: (record) => record[name] ?? '-' };
}

/** A way to count records: by some of their aspects together, with others shown beside. */
export interface Grouping<R> {
  /** As the option --by has it. */
  readonly by: string;
  readonly keys: readonly Aspect<R>[];
  readonly beside: readonly Aspect<R>[];
}

/** How many there are of something. */
export interface Amount {
  /** At least so many in all. */
  readonly total: number;
  /** And in the last interval that is over. */
  readonly interval: number;
  /** The same per second; null where the interval was too short to say. */
  readonly rate: number | null;
}

/** Records that have the aspects of a key in common. */
export interface Group extends Amount {
  readonly keys: readonly string[];
  /** Of each aspect beside the key: its different texts, in the order seen, no more than MOST_BESIDE. */
  readonly beside: readonly (readonly string[])[];
}

/** The groups at a moment; it stays so when more is counted. */
export interface Standing {
  readonly all: Amount;
  /** Those of the most records per second first, then those of the most in all. */
  readonly groups: readonly Group[];
  /** What is in none of them. */
  readonly others: Amount;
  /** How many more groups there are; null where that is not known. */
  readonly left: number | null;
  /** The most that any total is too low by; 0 while all are exact. */
  readonly error: number;
}

interface Counter {
  readonly keys: readonly string[];
  readonly beside: readonly string[][];
  /** Since there is this counter: closer to the truth than what HeavyHitters took off. */
  total: number;
  recent: number;
  interval: number;
}

/**
 * Counts records in groups, in the memory of KEPT of them, a few MB, however many there are: see
 * HeavyHitters for what then becomes of the rest.
 */
export class Groups<R> {
  readonly #hash = new TextHash();
  readonly #heavy: HeavyHitters<Counter>;
  #recent = 0;
  #interval = 0;
  #seconds: number | null = null;

  constructor(
    readonly grouping: Grouping<R>,
    capacity = KEPT,
  ) {
    this.#heavy = new HeavyHitters(capacity);
  }

  get total(): number {
    return this.#heavy.total;
  }

  add(record: R): void {
    const { keys, beside } = this.grouping;
    const texts = keys.map((aspect) => short(aspect.of(record)));
    this.#hash.read(texts);
    this.#recent += 1;
    const counter = this.#heavy.add(this.#hash.high, this.#hash.low, () => ({
      keys: texts,
      beside: beside.map(() => []),
      total: 0,
      recent: 0,
      interval: 0,
    }));
    if (counter === undefined) {
      return;
    }
    counter.total += 1;
    counter.recent += 1;
    for (const [i, aspect] of beside.entries()) {
      const seen = counter.beside[i] as string[];
      const text = short(aspect.of(record));
      if (seen.length < MOST_BESIDE && !seen.includes(text)) {
        seen.push(text);
      }
    }
  }

  /**
   * An interval is over, and a new one begins.
   *
   * @param seconds null if it was too short to tell a rate from
   */
  turn(seconds: number | null): void {
    this.#seconds = seconds;
    this.#interval = this.#recent;
    this.#recent = 0;
    for (const { value } of this.#heavy.hitters()) {
      value.interval = value.recent;
      value.recent = 0;
    }
  }

  /** As it is now. */
  standing(): Standing {
    const groups = [...this.#heavy.hitters()]
      .map(({ value: { keys, beside, total, interval } }) => ({
        keys,
        beside: beside.map((texts) => [...texts]),
        ...this.#amount(total, interval),
      }))
      .sort(
        (a, b) =>
          b.interval - a.interval ||
          b.total - a.total ||
          (a.keys.join(' ') < b.keys.join(' ') ? -1 : 1),
      );
    const sum = (of: (group: Group) => number) => groups.reduce((all, one) => all + of(one), 0);
    const error = this.#heavy.error;
    return {
      all: this.#amount(this.total, this.#interval),
      groups,
      others: this.#amount(
        this.total - sum(({ total }) => total),
        this.#interval - sum(({ interval }) => interval),
      ),
      left: error > 0 ? null : 0,
      error,
    };
  }

  clear(): void {
    this.#heavy.clear();
    this.#recent = 0;
    this.#interval = 0;
    this.#seconds = null;
  }

  #amount(total: number, interval: number): Amount {
    const rate = this.#seconds === null ? null : interval / this.#seconds;
    return { total, interval, rate };
  }
}

/** The same with no more than so many groups by themselves. */
export function cutTo(standing: Standing, most: number): Standing {
  const { groups, others, left } = standing;
  const cut = groups.slice(most);
  return {
    ...standing,
    groups: groups.slice(0, most),
    others: cut.reduce(
      (all, one) => ({
        total: all.total + one.total,
        interval: all.interval + one.interval,
        rate: all.rate === null || one.rate === null ? null : all.rate + one.rate,
      }),
      others,
    ),
    left: left === null ? null : left + cut.length,
  };
}
