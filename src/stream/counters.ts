import { COUNTERS as FIGURES, OUTCOMES } from './schema.js';

export { FIGURES, OUTCOMES };

/**
 * The names of the figures and what each means. A figure is a whole number of connections or
 * segments, kept in a double: exact up to 2^53, which a host that adds ten million half-opens a
 * second reaches after 28 years. The parsers refuse a larger one rather than round it.
 */

export type Outcome = (typeof OUTCOMES)[number];

export type FigureName = keyof typeof FIGURES;

export const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

/** The figures a source gave; one it cannot know is absent. */
export type Figures = Partial<Record<FigureName, number>>;

export function isFigureName(name: string): name is FigureName {
  return Object.hasOwn(FIGURES, name);
}

/**
 * SYNs refused, whatever the cause: the module's two causes, else the kernel's ListenDrops, which
 * counts final ACKs refused as well. Undefined where neither is known.
 */
export function refused(figures: Figures): number | undefined {
  if (figures.queue_full !== undefined && figures.accept_full !== undefined) {
    return figures.queue_full + figures.accept_full;
  }
  return figures.listen_drops;
}
