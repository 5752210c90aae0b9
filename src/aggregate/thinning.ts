import type { Downsampled, Moment } from '../sketch/downsampled.js';

/** Which of its moments a series still has, in words. */
export function thinning<T extends Moment>(
  { width, added, items }: Downsampled<T>,
  extremes: string,
): string {
  return width === 0
    ? `all ${added}`
    : `${items.length} of ${added}: of each ${width} s those with the least and the greatest ${extremes}, and the last`;
}
