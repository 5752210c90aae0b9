import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work after which timers and signals are served. */
const LONGEST_WORK = 100;

/** Serves timers and signals in work that waits for nothing: without that the process is deaf. */
export class Turn {
  #before = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#before > LONGEST_WORK;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#before = performance.now();
  }
}
