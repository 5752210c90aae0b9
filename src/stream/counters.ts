import { COUNTERS as FIGURES, OUTCOMES } from './schema.js';

export { FIGURES, OUTCOMES };

/**
 * The names of the figures and what each means. A figure is a whole number of connections or
 * segments, kept in a double: exact up to 2^53, which a host that adds ten million half-opens a
 * second reaches after 28 years. The parsers refuse a larger one rather than round it.
 */

export type Outcome = (typeof OUTCOMES)[number];

export type CounterName = keyof typeof FIGURES;

export const COUNTER_NAMES = Object.keys(FIGURES) as readonly CounterName[];

/** The figures a source gave; one it cannot know is absent. */
export type Counters = Partial<Record<CounterName, number>>;

export function isCounterName(name: string): name is CounterName {
  return Object.hasOwn(FIGURES, name);
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
