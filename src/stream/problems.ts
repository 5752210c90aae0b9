/** A line that could not be read. */
export interface Problem {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

/** As many are kept with their place; the others are only counted. */
const MOST = 20;

/** Lines that could not be read: how many, and where the first of them are. */
export class Problems {
  count = 0;
  readonly first: Problem[] = [];

  add(line: number, reason: string): void {
    this.count += 1;
    if (this.first.length < MOST) {
      this.first.push({ line, reason });
    }
  }

  /** The first in words; null if there is none. */
  get words(): string | null {
    return this.first[0] === undefined ? null : placed(this.first[0]);
  }

  /** The same in brackets, to follow a message; '' if there is none. */
  get why(): string {
    return this.count === 0 ? '' : ` (${this.words})`;
  }
}

/** A problem in words. */
export function placed({ line, reason }: Problem): string {
  return `line ${line}: ${reason}`;
}
