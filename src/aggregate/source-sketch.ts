import { HyperLogLog } from '../sketch/hyperloglog.js';
import { Sources } from './sources.js';

/** Networks that half-opens came from: /24 (IPv4) or /64 (IPv6). */
export interface SourceSummary {
  /** Half-opens whose network is known. */
  readonly total: number;
  /** Different networks; an estimate unless `exact`. */
  readonly networks: number;
  readonly exact: boolean;
  /** Different addresses; an estimate from 1000 on. */
  readonly addresses: number;
  /** The network that most came from, and its share of all, at least. */
  readonly top: string;
  readonly share: number;
}

/** Folds the remote ends of half-opens into where they came from. Takes 126 KB. */
export class SourceSketch {
  readonly #networks = new Sources();
  readonly #addresses = new HyperLogLog();

  /** @param remote `a.b.c.d:port` or `[v6]:port` */
  add(remote: string): void {
    this.#networks.add(remote);
    this.#addresses.add(hashOfAddress(remote), 0);
  }

  /** Null if there were none. */
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

/** Where the hash of an address begins: no sender can choose addresses with equal hashes. */
const SEED = Math.floor(Math.random() * 2 ** 32);

/** Return 32 bits of an address without its port: FNV-1a, as it runs for every record. */
function hashOfAddress(remote: string): number {
  const end = remote.lastIndexOf(':');
  let hash = SEED;
  for (let i = 0; i < end; i++) {
    hash = Math.imul(hash ^ remote.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
