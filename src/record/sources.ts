import { Distinct } from './distinct.js';
import { HeavyHitters, type Hitter } from './heavy.js';

/** Networks kept; more than this many that are equally frequent can't be told apart. */
const KEPT = 1024;

/**
 * Where half-opens come from, however many sources there are: which networks are frequent, and
 * how many there are at all. Takes some 200 KB.
 */
export class Sources {
  readonly #heavy = new HeavyHitters(KEPT);
  readonly #distinct = new Distinct();

  /** @param remote `a.b.c.d:port` or `[v6]:port` */
  add(remote: string): void {
    const network = networkOf(remote);
    this.#heavy.add(network);
    this.#distinct.add(network);
  }

  /** Half-opens added so far. */
  get total(): number {
    return this.#heavy.total;
  }

  /** Different networks: exact while `exact`, else an estimate, see `Distinct.ERROR`. */
  get networks(): number {
    return this.exact ? this.#heavy.size : this.#distinct.estimate;
  }

  /** There were so few networks that every figure is exact. */
  get exact(): boolean {
    return this.#heavy.error === 0;
  }

  /** The most that any network's count is too low by; never above total / 1025. */
  get error(): number {
    return this.#heavy.error;
  }

  /** The most frequent networks, the most frequent first. */
  top(most: number): Hitter[] {
    return this.#heavy.top(most);
  }

  clear(): void {
    this.#heavy.clear();
    this.#distinct.clear();
  }
}

/**
 * The network that one end of a connection is counted under: its /24 (IPv4) or /64 (IPv6), as
 * `a.b.c.0/24` or, in the form of RFC 5952, `2001:db8::/64`. A site is rarely given less, and one
 * machine can take any address of its /64. What is no address is its own network.
 *
 * @param end `a.b.c.d:port` or `[v6]:port`
 */
export function networkOf(end: string): string {
  if (end.startsWith('[')) {
    return network6(end.slice(1, end.lastIndexOf(']')));
  }
  const last = end.lastIndexOf('.');
  return last < 0 ? end : `${end.slice(0, last)}.0/24`;
}

function network6(address: string): string {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const first = [...before, ...new Array<string>(Math.max(zeros, 0)).fill('0'), ...after];
  first.length = Math.min(first.length, 4);
  while (first.at(-1) === '0') {
    first.pop();
  }
  return `${first.join(':')}::/64`;
}

/** The groups of one side of `::`; the kernel writes the last two of some addresses as IPv4. */
function groupsOf(text: string): string[] {
  return text === ''
    ? []
    : text.split(':').flatMap((group) => (/\./.test(group) ? ['', group] : group));
}
