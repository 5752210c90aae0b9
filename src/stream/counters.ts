import { COUNTERS, OUTCOMES } from './schema.js';

export { COUNTERS, OUTCOMES };

export type Outcome = (typeof OUTCOMES)[number];

/** Return a number for each outcome. */
export function byOutcome(of: (outcome: Outcome) => number): Record<Outcome, number> {
  const entries = OUTCOMES.map((outcome) => [outcome, of(outcome)]);
  return Object.fromEntries(entries) as Record<Outcome, number>;
}

export type CounterName = keyof typeof COUNTERS;

export const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

/**
 * The counters of a source; those it cannot know are absent. Each is a whole number of connections
 * or segments in a double, exact up to 2^53. A host that adds ten million half-opens a second
 * reaches that after 28 years. The parsers refuse larger numbers.
 */
export type Counters = Partial<Record<CounterName, number>>;

export function isCounterName(name: string): name is CounterName {
  return Object.hasOwn(COUNTERS, name);
}

/** Return the growth of a counter; undefined if one of the two lacks it. */
export function growthOf(
  name: CounterName,
  before: Counters | undefined,
  after: Counters | undefined,
): number | undefined {
  return difference(before?.[name], after?.[name]);
}

/** Return the second number less the first; undefined if one is not known. */
export function difference(
  before: number | undefined,
  after: number | undefined,
): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

/**
 * Return the SYNs refused for any cause: those that the module counts, else the kernel's ListenDrops,
 * which also counts refused final ACKs. Return undefined if neither is known.
 */
export function refused(figures: Counters): number | undefined {
  if (figures.queue_full !== undefined && figures.accept_full !== undefined) {
    return figures.queue_full + figures.accept_full + (figures.refused_other ?? 0);
  }
  return figures.listen_drops;
}
