import { type Counters, growthOf } from '../stream/counters.js';

/** Two readings of the module with another count taken in between. */
export interface Bracket {
  readonly before: Counters & { readonly half_open: number };
  /** The count it is held against. */
  readonly other: number;
  readonly after: Counters & { readonly half_open: number };
}

export interface AuditVerdict {
  /** The module's count: the reading nearest to the other count. */
  readonly module: number;
  readonly other: number;
  /** Nothing was added or removed meanwhile, so that the two must be equal. */
  readonly quiet: boolean;
  /** What the module has more than the other, beyond what the traffic meanwhile explains. */
  readonly surplus: number;
}

/**
 * Holds a count against another that was taken between two readings of the module. With traffic
 * running the other may be anything between the lowest and the highest count that the adds and
 * removals meanwhile allow.
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
