import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import { COLUMNS } from '../stream/schema.js';
import { aspect, type Grouping } from './groups.js';

/** A packet that the kernel dropped (a D line). Null for facts that the kernel does not know. */
export interface Drop {
  /** Seconds since the tap was opened. */
  readonly time: number;
  /** The location in the kernel: `symbol+0xoffset`. */
  readonly location: string | null;
  /** The kernel's word for the reason; kernels before Linux 5.17 have none. */
  readonly reason: string | null;
  /** `a.b.c.d:port` or `[v6]:port`; the port is 0 for protocols without ports. */
  readonly local: string | null;
  readonly remote: string | null;
  /** The socket's state: the kernel's name without `TCP_`. */
  readonly state: string | null;
  /** Names of TCP flags with `|` between them, `0` for none. */
  readonly flags: string | null;
  /** Bytes, including the TCP header. */
  readonly length: number | null;
  /** `root;…;leaf`. */
  readonly stack: string | null;
  /** `tcp`, `udp`, or another protocol. */
  readonly proto: string | null;
}

/**
 * Every column except the time, which a Row has itself. The order is fixed: columns are only
 * appended.
 */
const [, ...NAMES] = COLUMNS.D;

/** Reads D lines. */
export class DropReader {
  readonly #places = new Places(NAMES);

  /** Parse a D line; return the reason if it is unreadable. */
  read(row: Row): Drop | string {
    const [
      location = null,
      reason = null,
      local = null,
      remote = null,
      state = null,
      flags = null,
      bytes = null,
      stack = null,
      proto = null,
    ] = this.#places.of(row.columns).map((at) => row.word(at));
    const length = bytes === null ? null : Number(/^\d+$/.test(bytes) ? bytes : Number.NaN);
    if (Number.isNaN(length)) {
      return 'length is not a whole number from 0 on';
    }
    const { time } = row;
    return { time, location, reason, local, remote, state, flags, length, stack, proto };
  }
}

const [LOCATION, REASON, STATE] = [aspect('location'), aspect('reason'), aspect('state')];

/** The groupings of drops, the default first. */
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
