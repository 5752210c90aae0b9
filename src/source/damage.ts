import { Failure } from '../failure.js';

/** Reads an input up to its damage, so that the readable part is shown before the Failure. */
export class Damage {
  /** Why the input could not be read to its end; null without damage so far. */
  failure: Failure | null = null;

  async *before<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    try {
      yield* source;
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      this.failure = error;
    }
  }

  /**
   * Throw the Failure, if there is one.
   *
   * @param lack what the readable part lacks
   */
  report(lack?: string): void {
    if (this.failure !== null) {
      throw lack === undefined ? this.failure : new Failure(`${this.failure.message}; ${lack}`);
    }
  }
}
