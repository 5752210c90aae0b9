/** A line that could not be read. */
export interface Problem {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

/** Maximum number of problems kept with their place; the others are only counted. */
const MOST = 20;

/** Unreadable lines: their number, and the places of the first ones. */
export class Problems {
  count = 0;
  readonly first: Problem[] = [];

  add(line: number, reason: string): void {
    this.count += 1;
    if (this.first.length < MOST) {
      this.first.push({ line, reason });
    }
  }

  /** Return the first problem in words; null if there is none. */
  get words(): string | null {
    return this.first[0] === undefined ? null : placed(this.first[0]);
  }

  /** Return the first problem in brackets, to follow a message; '' if there is none. */
  get why(): string {
    return this.count === 0 ? '' : ` (${this.words})`;
  }
}

/** Return a problem in words. */
export function placed({ line, reason }: Problem): string {
  return `line ${line}: ${reason}`;
}
