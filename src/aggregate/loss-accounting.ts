import type { Loss } from '../stream/parser.js';
import { RECORDS } from '../stream/schema.js';

/** What became of the records of one kind. */
export interface Account {
  /** The letter of the kind. */
  readonly kind: string;
  /** Lines of it that could be read. */
  readonly recorded: number;
  /** Records that the reader who wrote the file had lost, as its L lines say. */
  readonly lost: number;
}

/** What the loss of any other kind is counted under. */
const UNKNOWN = '?';

/** Adds up what was recorded and what was lost: together it is what the module produced. */
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

  /** Every kind of which there was any. */
  accounts(): Account[] {
    return [...Object.keys(RECORDS), UNKNOWN]
      .map((kind) => this.of(kind))
      .filter(({ recorded, lost }) => recorded + lost > 0);
  }
}
