import type { Collector } from './collect.js';

/** A half-open must have had a second, and a second's worth of them be judged. In ms. */
export const SHORTEST_TIME = 2000;

/**
 * Why what was collected cannot be judged, in words; null if it can.
 *
 * @param name what was read
 */
export function tooLittle({ counts, seconds }: Collector, name: string): string | null {
  if (counts === 0) {
    return `${name} holds no counts: C lines are needed`;
  }
  // A little less: counts come when they come.
  return seconds * 1000 < SHORTEST_TIME * 0.99
    ? `${name} was seen for ${Math.round(seconds * 10) / 10} s only: it takes 2 s to tell`
    : null;
}
