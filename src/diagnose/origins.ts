import { Sources } from '../aggregate/sources.js';
import { TextHash } from '../sketch/hash.js';
import { HyperLogLog } from '../sketch/hyperloglog.js';
import type { Origins } from './evidence.js';

/** Folds the remote ends of half-opens into where they came from. Takes 126 KB. */
export class OriginSketch {
  readonly #networks = new Sources();
  readonly #addresses = new HyperLogLog();
  readonly #hash = new TextHash();

  /** @param remote `a.b.c.d:port` or `[v6]:port` */
  add(remote: string): void {
    this.#networks.add(remote);
    this.#hash.read([remote.slice(0, remote.lastIndexOf(':'))]);
    this.#addresses.add(this.#hash.high, this.#hash.low);
  }

  /** Null if there were none. */
  get origins(): Origins | null {
    const { networks, exact, total } = this.#networks;
    const [top] = this.#networks.top(1);
    if (top === undefined) {
      return null;
    }
    const addresses = Math.min(total, this.#addresses.estimate);
    return { total, networks, exact, addresses, top: top.key, share: top.least / total };
  }
}
