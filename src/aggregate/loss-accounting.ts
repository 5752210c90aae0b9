import type { Loss } from '../stream/parser.js';
import { RECORDS } from '../stream/schema.js';

/** Numbers of recorded and lost records of one kind. */
export interface Account {
  /** The letter of the kind. */
  readonly kind: string;
  /** Readable lines of that kind. */
  readonly recorded: number;
  /** Records lost by the reader that wrote the file, according to its L lines. */
  readonly lost: number;
}

/** The key for losses of kinds that RECORDS lacks. */
const UNKNOWN = '?';

/** Adds up recorded and lost records: the sum is the number that the module produced. */
export class LossAccounting {
  readonly #recorded = new Map<string, number>();
  readonly #lost = new Map<string, number>();

  recorded(kind: string): void {
    this.#recorded.set(kind, (this.#recorded.get(kind) ?? 0) + 1);
  }

  lost({ of, lost }: Loss): void {
    const kind = Object.hasOwn(RECORDS, of) ? of : UNKNOWN;
    this.#lost.set(kind, (this.#lost.get(kind) ?? 0) + lost);
  }

  of(kind: string): Account {
    return {
      kind,
      recorded: this.#recorded.get(kind) ?? 0,
      lost: this.#lost.get(kind) ?? 0,
    };
  }

  /** Return the accounts of all kinds with records. */
  accounts(): Account[] {
    return [...Object.keys(RECORDS), UNKNOWN]
      .map((kind) => this.of(kind))
      .filter(({ recorded, lost }) => recorded + lost > 0);
  }
}
