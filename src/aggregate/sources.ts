import { HeavyHitters } from '../sketch/heavy-hitters.js';
import { HyperLogLog } from '../sketch/hyperloglog.js';

/**
 * Maximum number of networks kept. If more are equally frequent, it is arbitrary which are kept.
 */
const KEPT = 1024;

/** A network with bounds of its number of half-opens: `least` and `most`. */
export interface Source {
  /** `a.b.c.0/24` or `2001:db8::/64`. */
  readonly key: string;
  readonly least: number;
  readonly most: number;
}

/**
 * Counts half-opens by network, for any number of sources. It keeps the most frequent networks, and
 * the number of different ones. Takes 110 KB.
 */
export class Sources {
  readonly #heavy = new HeavyHitters(KEPT);
  readonly #distinct = new HyperLogLog();
  readonly #network = new Network();

  /** @param remote `a.b.c.d:port` or `[v6]:port` */
  add(remote: string): void {
    this.#network.read(remote);
    const { high, low } = this.#network;
    this.#heavy.add(high, low);
    this.#distinct.add(high, low);
  }

  /** Return the number of half-opens added so far. */
  get total(): number {
    return this.#heavy.total;
  }

  /**
   * Return the number of networks. It is an estimate unless `exact` is true: see
   * `HyperLogLog.ERROR`.
   */
  get networks(): number {
    return this.exact ? this.#heavy.size : this.#distinct.estimate;
  }

  /** Return whether there were few enough networks to count all exactly. */
  get exact(): boolean {
    return this.#heavy.error === 0;
  }

  /** Return the maximum by which a network's count may be too low; never above total / 1025. */
  get error(): number {
    return this.#heavy.error;
  }

  /** Return the most frequent networks, in descending order. */
  top(most: number): Source[] {
    return this.#heavy.top(most).map(({ high, low, least, most: atMost }) => ({
      key: nameOf(high, low),
      least,
      most: atMost,
    }));
  }
}

/**
 * Values of `high` that mark IPv4 networks and unreadable text. No IPv6 address of a host begins
 * so.
 */
const [IPV4, NONE] = [0xffffffff, 0xfffffffe];

const [ZERO, NINE, POINT, COLON, BRACKET, LOWER_A, LOWER_F] = [
  0x30, 0x39, 0x2e, 0x3a, 0x5d, 0x61, 0x66,
];

/**
 * The network of one endpoint of a connection: its /24 (IPv4) or /64 (IPv6). A site rarely gets a
 * smaller network, and one machine can take any address of its /64. Parsing allocates no memory.
 */
class Network {
  high = 0;
  low = 0;
  readonly #groups = new Uint16Array(8);

  /** @param end `a.b.c.d:port` or `[v6]:port` */
  read(end: string): void {
    if (end.charCodeAt(0) === 0x5b) {
      this.#read6(end);
    } else {
      this.#read4(end);
    }
  }

  #read4(end: string): void {
    let bytes = 0;
    let byte = 0;
    let points = 0;
    for (let i = 0; i < end.length && points < 3; i++) {
      const code = end.charCodeAt(i);
      if (code >= ZERO && code <= NINE) {
        byte = byte * 10 + code - ZERO;
      } else if (code === POINT) {
        bytes = bytes * 256 + byte;
        byte = 0;
        points += 1;
      } else {
        break;
      }
    }
    this.high = points === 3 ? IPV4 : NONE;
    this.low = points === 3 ? bytes : 0;
  }

  /** Parse the kernel's form (`%pI6c`): lower case, at most one `::`, perhaps IPv4 at the end. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a parser that runs for every record, character by character, without a call
  #read6(end: string): void {
    const groups = this.#groups.fill(0);
    let found = 0;
    let gap = -1;
    let digits = 0;
    for (let i = 1; i < end.length && found < 8; i++) {
      const code = end.charCodeAt(i);
      if (code >= ZERO && code <= NINE) {
        groups[found] = (groups[found] as number) * 16 + code - ZERO;
        digits += 1;
      } else if (code >= LOWER_A && code <= LOWER_F) {
        groups[found] = (groups[found] as number) * 16 + code - LOWER_A + 10;
        digits += 1;
      } else if (code === COLON && digits > 0) {
        found += 1;
        digits = 0;
        if (end.charCodeAt(i + 1) === COLON) {
          gap = found;
          i += 1;
        }
      } else if (code === COLON) {
        gap = 0;
        i += 1;
      } else {
        // The end of the address, or an IPv4 address at the end, which replaces two groups.
        found += code === POINT ? 2 : digits > 0 ? 1 : 0;
        if (code === BRACKET || code === POINT) {
          break;
        }
      }
    }
    if (gap >= 0 && found < 8) {
      groups.copyWithin(gap + 8 - found, gap, found);
      groups.fill(0, gap, gap + 8 - found);
    }
    const [a = 0, b = 0, c = 0, d = 0] = groups;
    this.high = ((a << 16) | b) >>> 0;
    this.low = ((c << 16) | d) >>> 0;
  }
}

/** Return `a.b.c.0/24` or, in the form of RFC 5952, `2001:db8::/64`; `?` for other text. */
function nameOf(high: number, low: number): string {
  if (high === NONE) {
    return '?';
  }
  if (high === IPV4) {
    return `${low >>> 16}.${(low >>> 8) & 255}.${low & 255}.0/24`;
  }
  const groups = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff];
  while (groups.at(-1) === 0) {
    groups.pop();
  }
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}
