import { type Counters, growthOf } from '../stream/counters.js';

/** Two readings of the module with another count between them. */
export interface Bracket {
  readonly before: Counters & { readonly half_open: number };
  /** The count to compare with. */
  readonly other: number;
  readonly after: Counters & { readonly half_open: number };
}

export interface AuditVerdict {
  /** The module's count: the reading nearest to the other count. */
  readonly module: number;
  readonly other: number;
  /** Whether nothing was added or removed in between, so that the two must be equal. */
  readonly quiet: boolean;
  /**
   * By how much the module's count exceeds the other count, beyond what the traffic in between
   * explains; below 0 if it is lower.
   */
  readonly surplus: number;
}

/**
 * Compare the module's count with another that was taken between two readings of the module. Under
 * traffic, the other may be any value between the lowest and the highest count that the adds and
 * removals in between allow.
 */
export function judgeDrift({ before, other, after }: Bracket): AuditVerdict {
  const added = growthOf('added', before, after) ?? 0;
  const removed = before.half_open + added - after.half_open;
  const quiet = added === 0 && removed === 0;
  const lowest = before.half_open - removed;
  const highest = before.half_open + added;
  const module = Math.min(Math.max(other, lowest), highest);
  return {
    module: quiet ? before.half_open : module,
    other,
    quiet,
    surplus: quiet ? before.half_open - other : module - other,
  };
}
