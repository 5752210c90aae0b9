import { LETTERS } from './schema.js';

/** A word of the filter key `kinds`. */
export type Kind = keyof typeof LETTERS;

export function isKind(word: string): word is Kind {
  return Object.hasOwn(LETTERS, word);
}

/** The columns of one kind, in the order a stream's header gives them. */
export class Columns {
  /** Index of the `time` column; -1 if the header lacks it. */
  readonly time: number;
  readonly #at: ReadonlyMap<string, number>;

  /** @param least the number of columns that a line has at least */
  constructor(
    readonly names: readonly string[],
    readonly least = names.length,
  ) {
    this.#at = new Map(names.map((name, i) => [name, i]));
    this.time = this.index('time');
  }

  /** Return the index of a column; -1 if the header lacks it. For -1, a Row returns '' or NaN. */
  index(name: string): number {
    return this.#at.get(name) ?? -1;
  }
}

/** Finds the index of each wanted column under the header in force; -1 if that header lacks it. */
export class Places<Name extends string = string> {
  #columns: Columns | null = null;
  #at: readonly number[] = [];
  #byName = {} as Readonly<Record<Name, number>>;

  constructor(private readonly wanted: readonly Name[]) {}

  of(columns: Columns): readonly number[] {
    this.#find(columns);
    return this.#at;
  }

  /** Return the same indices by column name. */
  named(columns: Columns): Readonly<Record<Name, number>> {
    this.#find(columns);
    return this.#byName;
  }

  #find(columns: Columns): void {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#at = this.wanted.map((name) => columns.index(name));
      const entries = this.wanted.map((name, i) => [name, this.#at[i]]);
      this.#byName = Object.fromEntries(entries) as Readonly<Record<Name, number>>;
    }
  }
}
