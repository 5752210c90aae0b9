import { TextHash } from '../sketch/hash.js';
import { HeavyHitters } from '../sketch/heavy-hitters.js';
import { copyOf } from '../stream/copy.js';

/** Maximum number of groups kept. If more are equally frequent, it is arbitrary which are kept. */
export const KEPT = 1024;
/**
 * Maximum number of distinct texts kept for each aspect that is shown beside the key of a group.
 */
export const MOST_BESIDE = 16;

/** Maximum length of a text, in characters; the kernel's symbols and endpoints are shorter. */
const LONGEST_TEXT = 128;

/** Cut a text that is too long to keep. */
function short(text: string): string {
  return text.length > LONGEST_TEXT ? copyOf(text.slice(0, LONGEST_TEXT)) : text;
}

/** A property of a record, as a text by which records can be counted. */
export interface Aspect<R> {
  readonly name: string;
  of(record: R): string;
}

/** Make the aspect for a property of a record; the text `-` means not known. */
export function aspect<Name extends string>(
  name: Name,
): Aspect<Readonly<Record<Name, string | null>>> {
  return { name, of: (record) => record[name] ?? '-' };
}

/** A way to count records: by some aspects together, with other aspects shown beside them. */
export interface Grouping<R> {
  /** The word of the option --by. */
  readonly by: string;
  readonly keys: readonly Aspect<R>[];
  readonly beside: readonly Aspect<R>[];
}

/** An amount, in total and per interval. */
export interface Amount {
  /** A lower bound of the total. */
  readonly total: number;
  /** The amount in the last complete interval. */
  readonly interval: number;
  /** `interval` per second; null if the interval was too short for a rate. */
  readonly rate: number | null;
}

/** The records whose key aspects have the same texts. */
export interface Group extends Amount {
  readonly keys: readonly string[];
  /** The distinct texts of each aspect beside the key, in the order seen, at most MOST_BESIDE. */
  readonly beside: readonly (readonly string[])[];
}

/** A snapshot of the groups, which later records do not change. */
export interface Standing {
  readonly all: Amount;
  /** Sorted by records per second, then by total, both descending. */
  readonly groups: readonly Group[];
  /** The records outside these groups. */
  readonly others: Amount;
  /** The number of groups that are not in `groups`; null if not known. */
  readonly left: number | null;
  /** The maximum by which each total may be too low; 0 while all are exact. */
  readonly error: number;
}

interface Counter {
  readonly keys: readonly string[];
  readonly beside: readonly string[][];
  /**
   * Records since this counter was made: closer to the truth than the lower bound of HeavyHitters.
   */
  total: number;
  recent: number;
  interval: number;
}

/**
 * Counts any number of records in groups, in the memory of KEPT groups: a few MB. HeavyHitters
 * describes how it treats further groups.
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
   * End an interval, and begin a new one.
   *
   * @param seconds null if it was too short for a rate
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

  /** Return a snapshot of the groups. */
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

/** Return a copy with at most `most` groups; the rest are added to `others`. */
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
