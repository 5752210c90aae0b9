import { LETTERS } from './schema.js';

/** A word of the filter key `kinds`. */
export type Kind = keyof typeof LETTERS;

export function isKind(word: string): word is Kind {
  return Object.hasOwn(LETTERS, word);
}

/** The columns of one kind, in the order a stream's header gives them. */
export class Columns {
  readonly names: readonly string[];
  /** Where the time stands, or -1. */
  readonly time: number;
  readonly #at: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#at = new Map(names.map((name, i) => [name, i]));
    this.time = this.index('time');
  }

  /** Where a column stands, or -1: what a Row then gives is '' or NaN. */
  index(name: string): number {
    return this.#at.get(name) ?? -1;
  }
}

/** Where the columns that are wanted stand in a line, by the header that is in force; -1 for none. */
export class Places {
  readonly #wanted: readonly string[];
  #columns: Columns | null = null;
  #at: number[] = [];

  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  of(columns: Columns): readonly number[] {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#at = this.#wanted.map((name) => columns.index(name));
    }
    return this.#at;
  }
}
