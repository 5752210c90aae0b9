import { HyperLogLog } from '../sketch/hyperloglog.js';
import { Sources } from './sources.js';

/** Networks that half-opens came from: /24 (IPv4) or /64 (IPv6). */
export interface SourceSummary {
  /** Half-opens whose network is known. */
  readonly total: number;
  /** Different networks; an estimate unless `exact`. */
  readonly networks: number;
  readonly exact: boolean;
  /** Different addresses: always an estimate. */
  readonly addresses: number;
  /** The network from which most half-opens came, and a lower bound of its share of all. */
  readonly top: string;
  readonly share: number;
}

/** Counts the networks and addresses from which half-opens came. Takes 126 KB. */
export class SourceSketch {
  readonly #networks = new Sources();
  readonly #addresses = new HyperLogLog();

  /** @param remote `a.b.c.d:port` or `[v6]:port` */
  add(remote: string): void {
    this.#networks.add(remote);
    this.#addresses.add(hashOfAddress(remote), 0);
  }

  /** Return the summary; null if no half-open was added. */
  get summary(): SourceSummary | null {
    const { networks, exact, total } = this.#networks;
    const [top] = this.#networks.top(1);
    if (top === undefined) {
      return null;
    }
    const addresses = Math.min(total, this.#addresses.estimate);
    return { total, networks, exact, addresses, top: top.key, share: top.least / total };
  }
}

/**
 * The random start value of a hash: without it, a sender could choose addresses with equal hashes.
 */
const SEED = Math.floor(Math.random() * 2 ** 32);

/**
 * Hash an address, without its port, to 32 bits. This runs for every record, so it uses FNV-1a,
 * which is fast.
 */
function hashOfAddress(remote: string): number {
  const end = remote.lastIndexOf(':');
  let hash = SEED;
  for (let i = 0; i < end; i++) {
    hash = Math.imul(hash ^ remote.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
