import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import type { Aspect, Grouping } from './groups.js';

/** A packet that the kernel dropped (a D line). What the kernel does not know is null. */
export interface Drop {
  /** Seconds since the tap was opened. */
  readonly time: number;
  /** Where in the kernel, `symbol+0xoffset`. */
  readonly location: string | null;
  /** Why, in the kernel's own word; kernels before Linux 5.17 have none. */
  readonly reason: string | null;
  /** `a.b.c.d:port` or `[v6]:port`; the port is 0 where the protocol has none. */
  readonly local: string | null;
  readonly remote: string | null;
  /** The socket's, as the kernel has it without `TCP_`. */
  readonly state: string | null;
  /** Of TCP: their names with `|` between, `0` for none. */
  readonly flags: string | null;
  /** Bytes, the TCP header included. */
  readonly length: number | null;
  /** `root;…;leaf`. */
  readonly stack: string | null;
  /** `tcp`, `udp`, or what else it was. */
  readonly proto: string | null;
}

const COLUMNS = [
  'location',
  'reason',
  'local',
  'remote',
  'state',
  'flags',
  'length',
  'stack',
  'proto',
] as const;

/** Reads D lines. */
export class DropReader {
  readonly #places = new Places(COLUMNS);

  /** What a D line says; a string is the reason why it cannot be read. */
  read(row: Row): Drop | string {
    const [location, reason, local, remote, state, flags, length, stack, proto] = this.#places
      .of(row.columns)
      .map((at) => row.word(at));
    const bytes = length == null ? null : Number(/^\d+$/.test(length) ? length : Number.NaN);
    if (Number.isNaN(bytes)) {
      return 'length is not a whole number from 0 on';
    }
    return {
      time: row.time,
      location: location ?? null,
      reason: reason ?? null,
      local: local ?? null,
      remote: remote ?? null,
      state: state ?? null,
      flags: flags ?? null,
      length: bytes,
      stack: stack ?? null,
      proto: proto ?? null,
    };
  }
}

function aspect(name: 'location' | 'reason' | 'state' | 'local' | 'remote'): Aspect<Drop> {
  return { name, of: (drop) => drop[name] ?? '-' };
}

const [LOCATION, REASON, STATE] = [aspect('location'), aspect('reason'), aspect('state')];

/** How drops may be counted, first the usual way. */
export const DROP_GROUPINGS: readonly [Grouping<Drop>, ...Grouping<Drop>[]] = [
  { by: 'location', keys: [LOCATION], beside: [REASON, STATE] },
  { by: 'reason', keys: [REASON], beside: [LOCATION, STATE] },
  {
    by: 'connection',
    keys: [aspect('remote'), aspect('local')],
    beside: [REASON, LOCATION, STATE],
  },
  { by: 'state', keys: [STATE], beside: [REASON, LOCATION] },
];
