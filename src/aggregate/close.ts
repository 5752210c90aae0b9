import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import { type CAUSES, COLUMNS } from '../stream/schema.js';
import { type Aspect, aspect, type Grouping } from './groups.js';

export type Cause = (typeof CAUSES)[number];

/** A closed connection (an X line). Null for facts that the kernel does not know. */
export interface Close {
  /** Seconds since the tap was opened. */
  readonly time: number;
  /** `a.b.c.d:port` or `[v6]:port`. */
  readonly local: string | null;
  readonly remote: string | null;
  /** The state that it left: the kernel's name without `TCP_`. */
  readonly state: string | null;
  /** One of CAUSES, or a newer module's word. */
  readonly cause: string | null;
  /** `root;…;leaf`. */
  readonly stack: string | null;
}

/**
 * Every column except the time, which a Row has itself. The order is fixed: columns are only
 * appended.
 */
const [, ...NAMES] = COLUMNS.X;

/** Reads X lines. */
export class CloseReader {
  readonly #places = new Places(NAMES);

  /** Parse an X line. */
  read(row: Row): Close {
    const [local = null, remote = null, state = null, cause = null, stack = null] = this.#places
      .of(row.columns)
      .map((at) => row.word(at));
    return { time: row.time, local, remote, state, cause, stack };
  }
}

const [CAUSE, STATE] = [aspect('cause'), aspect('state')];

/** The remote address without its port, since a client uses a new one each time. */
const REMOTE: Aspect<Close> = {
  name: 'remote',
  of: ({ remote }) => remote?.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') ?? '-',
};

/** The groupings of closes, the default first. */
export const CLOSE_GROUPINGS: readonly [Grouping<Close>, ...Grouping<Close>[]] = [
  { by: 'cause', keys: [CAUSE], beside: [STATE] },
  { by: 'state', keys: [STATE], beside: [CAUSE] },
  { by: 'remote', keys: [REMOTE], beside: [CAUSE, STATE] },
  { by: 'local', keys: [aspect('local')], beside: [CAUSE, STATE] },
];
