import type { Socket } from 'node:net';
import { FirstRequest } from './first-request.js';

/**
 * Maximum number of connections. A scraper uses one, and other clients must not take many
 * resources.
 */
const MAX_CONNECTIONS = 64;
/** Time that a client has to take its answer before a new client may replace it, in ms. */
const MIN_SENDING_MS = 1000;
/** Minimum interval between two messages about full connections, in ms. */
const TELL_EVERY_MS = 60_000;

/**
 * The open connections of a server, at most 64. At 64, a new client replaces one that has its
 * answer. If no client has, it replaces the one that has been slow for longest. A slow client lacks
 * a complete request, or has not taken its answer for a second. So clients that do not send or do
 * not read cannot keep a scraper out. If all wait for an answer, the new client is refused.
 */
export class HttpConnections {
  /** Number of connections closed to make room, and of connections refused. */
  evicted = 0;
  refused = 0;
  /** In the order of arrival. */
  readonly #open = new Set<FirstRequest>();
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param tell receives a line, at most one a minute */
  constructor(private readonly tell: (text: string) => void = () => {}) {}

  /** Admit a client. Return null if it was refused; its socket is then closed. */
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
    const now = performance.now();
    const isSlow = ({ state, since }: FirstRequest) =>
      state === 'incomplete' || (state === 'sending' && now - since >= MIN_SENDING_MS);
    const victim =
      open.find(({ state }) => state === 'answered') ??
      open.filter(isSlow).sort((a, b) => a.since - b.since)[0];
    if (victim === undefined) {
      return false;
    }
    this.#open.delete(victim);
    if (victim.state !== 'answered') {
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
      this.tell(
        `all ${MAX_CONNECTIONS} connections are taken: closed ${this.evicted} that kept us waiting, refused ${this.refused} up to now`,
      );
    }
  }
}
