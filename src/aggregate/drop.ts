import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import { COLUMNS } from '../stream/schema.js';
import { aspect, type Grouping } from './groups.js';

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

/** Every column but the time, which a Row has. Columns are appended, never moved. */
const [, ...NAMES] = COLUMNS.D;

/** Reads D lines. */
export class DropReader {
  readonly #places = new Places(NAMES);

  /** What a D line says; a string is the reason why it cannot be read. */
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
