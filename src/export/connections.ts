import type { Socket } from 'node:net';
import { FirstRequest } from './first-request.js';

/** A scraper or two use one each; the rest of the world must not take more than this of us. */
const MAX_CONNECTIONS = 64;
/** Between two lines about full connections, in ms. */
const TELL_EVERY_MS = 60_000;

/**
 * The open connections of a server, at most 64. When they are full, a new one takes the place of a
 * client that has its answer, or else of the one that has been longest without a complete request.
 * So clients that keep silent cannot keep a scraper out. If all wait for an answer, the new one is
 * refused.
 */
export class Connections {
  /** Connections closed to make room, and connections refused. */
  evicted = 0;
  refused = 0;
  /** In the order in which they came. */
  readonly #open = new Set<FirstRequest>();
  readonly #tell: (text: string) => void;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param tell receives a line, at most one a minute */
  constructor(tell: (text: string) => void = () => {}) {
    this.#tell = tell;
  }

  /** Admit a client. Returns null if it was refused; its socket is then closed. */
  admit(socket: Socket): FirstRequest | null {
    if (this.#open.size >= MAX_CONNECTIONS && !this.#evict()) {
      this.refused += 1;
      this.#report();
      socket.destroy();
      return null;
    }
    const connection = new FirstRequest(socket);
    this.#open.add(connection);
    connection.once('close', () => this.#open.delete(connection));
    return connection;
  }

  #evict(): boolean {
    const open = [...this.#open];
    const victim =
      open.find(({ state }) => state === 'answered') ??
      open.find(({ state }) => state === 'incomplete');
    if (victim === undefined) {
      return false;
    }
    this.#open.delete(victim);
    if (victim.state === 'incomplete') {
      this.evicted += 1;
      this.#report();
    }
    victim.destroy();
    return true;
  }

  #report(): void {
    const now = performance.now();
    if (now - this.#toldAt >= TELL_EVERY_MS) {
      this.#toldAt = now;
      this.#tell(
        `all ${MAX_CONNECTIONS} connections are taken: closed ${this.evicted} without a request, refused ${this.refused} up to now`,
      );
    }
  }
}
