import { setImmediate } from 'node:timers/promises';

/**
 * Maximum number of consecutive empty members, since each costs an inflater. After these the rest
 * is not read.
 */
const MAX_EMPTY = 4096;
/** Unpacked bytes after which timers and signals are served. */
const MAX_UNTIL_TURN = 4 * 1024 * 1024;

/** Bounds the work of unpacking between two turns of the event loop, and on empty members. */
export class Turns {
  #bytes = 0;
  #empty = 0;

  /** Count a member; return whether too many consecutive ones were empty. */
  isStuck(isEmpty: boolean): boolean {
    this.#empty = isEmpty ? this.#empty + 1 : 0;
    return this.#empty > MAX_EMPTY;
  }

  /** Serve timers and signals now and then: a few bytes may unpack to very many. */
  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes > MAX_UNTIL_TURN) {
      this.#bytes = 0;
      await setImmediate();
    }
  }
}
