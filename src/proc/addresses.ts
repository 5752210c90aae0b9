import { acceptFullness, fullness, type Listener } from './listeners.js';

/** Sums over the listening sockets of one address and port: SO_REUSEPORT allows several. */
export interface Address
  extends Pick<Listener, 'local' | 'qlen' | 'young' | 'holds' | 'accept_qlen' | 'backlog'> {
  /** The lowest uid of these sockets. */
  readonly uid: number;
  readonly sockets: number;
  /** The `fullness` of the socket with the fullest SYN queue. */
  readonly full: number | null;
  /** The `acceptFullness` of the socket with the fullest accept queue. */
  readonly accept_full: number;
}

/** Group sockets by address. */
export function byAddress(listeners: readonly Listener[]): Address[] {
  const addresses = new Map<string, Address>();
  for (const listener of listeners) {
    const { local } = listener;
    const before = addresses.get(local);
    const full = fullness(listener);
    addresses.set(local, {
      local,
      uid: Math.min(before?.uid ?? listener.uid, listener.uid),
      sockets: (before?.sockets ?? 0) + 1,
      qlen: (before?.qlen ?? 0) + listener.qlen,
      young: (before?.young ?? 0) + listener.young,
      holds: (before?.holds ?? 0) + listener.holds,
      accept_qlen: (before?.accept_qlen ?? 0) + listener.accept_qlen,
      backlog: (before?.backlog ?? 0) + listener.backlog,
      full: full === null ? (before?.full ?? null) : Math.max(before?.full ?? 0, full),
      accept_full: Math.max(before?.accept_full ?? 0, acceptFullness(listener)),
    });
  }
  return [...addresses.values()];
}

/**
 * Return up to `most` addresses nearest to a limit of either queue. Users take turns: first the
 * nearest of each user, then the second of each. So one user's sockets do not displace those of
 * others.
 */
export function fullest(addresses: readonly Address[], most: number): Address[] {
  const turns = new Map<number, number>();
  return [...addresses]
    .sort(byNearness)
    .map((address) => {
      const turn = turns.get(address.uid) ?? 0;
      turns.set(address.uid, turn + 1);
      return { address, turn };
    })
    .sort((a, b) => a.turn - b.turn)
    .slice(0, most)
    .map(({ address }) => address);
}

/** Compare by nearness to a limit, then by the longest queues, then by address. */
function byNearness(a: Address, b: Address): number {
  return (
    nearness(b) - nearness(a) ||
    b.qlen - a.qlen ||
    b.accept_qlen - a.accept_qlen ||
    (a.local < b.local ? -1 : 1)
  );
}

function nearness({ full, accept_full }: Address): number {
  return Math.max(full ?? 0, accept_full);
}
