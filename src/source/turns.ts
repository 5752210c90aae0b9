import { setImmediate } from 'node:timers/promises';

/** Empty members one after another after which the rest is not read: each costs an inflater. */
const MAX_EMPTY = 4096;
/** Unpacked bytes after which timers and signals are served. */
const MAX_UNTIL_TURN = 4 * 1024 * 1024;

/** Bounds what unpacking costs between two turns of the event loop, and what it costs for nothing. */
export class Turns {
  #bytes = 0;
  #empty = 0;

  /** Count a member; return whether too many empty ones came one after another. */
  isStuck(isEmpty: boolean): boolean {
    this.#empty = isEmpty ? this.#empty + 1 : 0;
    return this.#empty > MAX_EMPTY;
  }

  /** Serve timers and signals now and then: much may be unpacked from a little. */
  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes > MAX_UNTIL_TURN) {
      this.#bytes = 0;
      await setImmediate();
    }
  }
}
