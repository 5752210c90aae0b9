import { setImmediate } from 'node:timers/promises';

/** Maximum seconds of work between two turns of the event loop. */
const LONGEST_WORK = 0.1;

/**
 * Serves timers and signals during long work that never waits: otherwise the process would ignore
 * them.
 */
export class Turn {
  // Use process.uptime(), since `performance` would load Node's performance measurement.
  #before = process.uptime();

  get isDue(): boolean {
    return process.uptime() - this.#before > LONGEST_WORK;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#before = process.uptime();
  }
}
