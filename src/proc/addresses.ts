import { acceptFullness, fullness, type Listener } from './listeners.js';

/** The listening sockets of one address and port, added up: with SO_REUSEPORT there are several. */
export interface Address
  extends Pick<Listener, 'local' | 'qlen' | 'young' | 'holds' | 'accept_qlen' | 'backlog'> {
  /** The lowest uid of the sockets that listen there. */
  readonly uid: number;
  readonly sockets: number;
  /** Of the socket whose SYN queue is the fullest, as `fullness` has it. */
  readonly full: number | null;
  /** Of the socket whose accept queue is the fullest, as `acceptFullness` has it. */
  readonly accept_full: number;
}

/** Puts sockets of the same address together. */
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
 * Return up to `most` addresses nearest to a limit, whichever queue it is of. Users take turns: the
 * nearest of each user comes first, then the second of each. So one user's sockets keep no others out.
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

/** Sort what is nearest to a limit first, then the longest queues, then by address. */
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
