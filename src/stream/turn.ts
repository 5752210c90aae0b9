import { setImmediate } from 'node:timers/promises';

/** Seconds of work after which timers and signals are served. */
const LONGEST_WORK = 0.1;

/** Serves timers and signals in work that waits for nothing: without that the process is deaf. */
export class Turn {
  // Node would load its performance measurement for `performance`.
  #before = process.uptime();

  get isDue(): boolean {
    return process.uptime() - this.#before > LONGEST_WORK;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#before = process.uptime();
  }
}
