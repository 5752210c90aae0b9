import { COUNTERS, OUTCOMES } from './schema.js';

export { COUNTERS, OUTCOMES };

export type Outcome = (typeof OUTCOMES)[number];

/** Give each outcome a number. */
export function byOutcome(of: (outcome: Outcome) => number): Record<Outcome, number> {
  const entries = OUTCOMES.map((outcome) => [outcome, of(outcome)]);
  return Object.fromEntries(entries) as Record<Outcome, number>;
}

export type CounterName = keyof typeof COUNTERS;

export const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

/**
 * The counters that a source gave; one that it cannot know is absent. Each is a whole number of
 * connections or segments in a double: exact up to 2^53, which a host that adds ten million
 * half-opens a second reaches after 28 years. The parsers refuse a larger one.
 */
export type Counters = Partial<Record<CounterName, number>>;

export function isCounterName(name: string): name is CounterName {
  return Object.hasOwn(COUNTERS, name);
}

/** Return by how much a counter has grown; undefined where one of the two does not have it. */
export function growthOf(
  name: CounterName,
  before: Counters | undefined,
  after: Counters | undefined,
): number | undefined {
  return difference(before?.[name], after?.[name]);
}

/** Return the second number less the first; undefined where one is not known. */
export function difference(
  before: number | undefined,
  after: number | undefined,
): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

/**
 * SYNs refused, whatever the cause: the module's two causes, else the kernel's ListenDrops, which
 * counts final ACKs refused as well. Undefined where neither is known.
 */
export function refused(figures: Counters): number | undefined {
  if (figures.queue_full !== undefined && figures.accept_full !== undefined) {
    return figures.queue_full + figures.accept_full;
  }
  return figures.listen_drops;
}
