import { acceptFullness, fullness, type Listener } from './listeners.js';

/** The listening sockets of one address and port: with SO_REUSEPORT there are several. */
export interface Address {
  /** `a.b.c.d:port` or `[v6]:port`. */
  readonly local: string;
  readonly sockets: number;
  /** Of all of them together, as in Listener. */
  readonly qlen: number;
  readonly young: number;
  readonly holds: number;
  readonly accept_qlen: number;
  readonly backlog: number;
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

/** So many of those that are nearest to a limit, whichever queue it is of. */
export function fullest(addresses: readonly Address[], most: number): Address[] {
  const nearest = ({ full, accept_full }: Address) => Math.max(full ?? 0, accept_full);
  return [...addresses]
    .sort(
      (a, b) =>
        nearest(b) - nearest(a) ||
        b.qlen - a.qlen ||
        b.accept_qlen - a.accept_qlen ||
        (a.local < b.local ? -1 : 1),
    )
    .slice(0, most);
}
