import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';

/** A half-open connection added to a listener's SYN queue (an A line) or removed (an R line). */
export interface HalfOpen {
  readonly event: 'added' | 'removed';
  /** Seconds since the tap was opened. */
  readonly time: number;
  /** `a.b.c.d:port` or `[v6]:port`. */
  readonly local: string;
  readonly remote: string;
  /** Half-opens in the listener's queue after this event. */
  readonly qlen: number;
  /**
   * The capacity of the queue. R lines lack it: then it is the limit of the last A line with the
   * same local endpoint, or null if there was none.
   */
  readonly limit: number | null;
  /** One of OUTCOMES, or a newer module's word; null if added. */
  readonly outcome: string | null;
  /** Microseconds since its first SYN-ACK was built, 0 if none was; null if added. */
  readonly age_us: number | null;
  /** SYN-ACKs sent; null if added. */
  readonly synacks: number | null;
}

/** Maximum number of local endpoints whose limit is kept. A host has few, even with many peers. */
const MOST_LIMITS = 4096;
/** Maximum length of an address with its port, `[v6%interface]:port`. */
const LONGEST_END = 80;

/** Reads A and R lines. Memory is bounded. */
export class HalfOpenReader {
  readonly #limits = new Map<string, number>();
  readonly #added = new Places(['local', 'remote', 'qlen', 'limit']);
  readonly #removed = new Places(['local', 'remote', 'qlen', 'outcome', 'age_us', 'synacks']);

  /** Parse an A or R line; return the reason if it is unreadable. */
  read(row: Row): HalfOpen | string {
    const event = row.kind === 'A' ? this.#readAdded(row) : this.#readRemoved(row);
    const isLong =
      typeof event === 'object' && Math.max(event.local.length, event.remote.length) > LONGEST_END;
    return isLong ? 'an end of the connection is too long' : event;
  }

  /** Forget the limits: a new header makes them invalid. */
  forget(): void {
    this.#limits.clear();
  }

  #readAdded(row: Row): HalfOpen | string {
    const at = this.#added.named(row.columns);
    const local = row.text(at.local);
    const limit = row.number(at.limit);
    const wrong = wrongNumber({ qlen: row.number(at.qlen), limit });
    if (wrong !== null) {
      return wrong;
    }
    const isNew = this.#limits.size < MOST_LIMITS && local.length <= LONGEST_END;
    if (isNew || this.#limits.has(local)) {
      this.#limits.set(local, limit);
    }
    return {
      event: 'added',
      time: row.time,
      local,
      remote: row.text(at.remote),
      qlen: row.number(at.qlen),
      limit,
      outcome: null,
      age_us: null,
      synacks: null,
    };
  }

  #readRemoved(row: Row): HalfOpen | string {
    const at = this.#removed.named(row.columns);
    const numbers = {
      qlen: row.number(at.qlen),
      age_us: row.number(at.age_us),
      synacks: row.number(at.synacks),
    };
    const local = row.text(at.local);
    return (
      wrongNumber(numbers) ?? {
        event: 'removed',
        time: row.time,
        local,
        remote: row.text(at.remote),
        limit: this.#limits.get(local) ?? null,
        outcome: row.text(at.outcome),
        ...numbers,
      }
    );
  }
}

function wrongNumber(numbers: Readonly<Record<string, number>>): string | null {
  for (const name in numbers) {
    if (!((numbers[name] as number) >= 0)) {
      return `${name} is not a whole number from 0 on`;
    }
  }
  return null;
}
