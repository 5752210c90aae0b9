import { setImmediate } from 'node:timers/promises';

/** Seconds of work between two turns of the event loop. */
const LONGEST_WORK = 0.1;

/** Serves timers and signals in long work without waits: otherwise the process ignores them. */
export class Turn {
  // `performance` would load Node's performance measurement.
  #before = process.uptime();

  get isDue(): boolean {
    return process.uptime() - this.#before > LONGEST_WORK;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#before = process.uptime();
  }
}
