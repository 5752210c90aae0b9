/** An item with a time. */
export interface Moment {
  /** Seconds. */
  readonly time: number;
  /** Number of the epoch. A drawn line does not join moments of different epochs. */
  readonly epoch: number;
}

interface Bounds {
  /** Maximum number of items; if there are more, they are downsampled. */
  readonly most: number;
  /** The initial length of a group, in seconds; 0 to keep all items until there are too many. */
  readonly width?: number;
  /** Seconds after which items are dropped. */
  readonly keep?: number;
}

/** Maximum items of the current group before it is downsampled. */
const OPEN = 64;

/**
 * A series that is downsampled when it becomes too long. Time is cut into groups of equal length.
 * Each group keeps its extremes: the lowest and highest of every measure, and the last. All kept
 * items are original; none is an average. Memory is bounded for any number of items.
 */
export class Downsampled<T extends Moment> {
  items: T[] = [];
  /** Number of items added. */
  added = 0;
  /** Length of a group in seconds, doubled as often as necessary; 0 while all items are kept. */
  width: number;
  #open = 0;

  /** @param measures functions that each return a number of an item; NaN if the item has none */
  constructor(
    private readonly bounds: Bounds,
    private readonly measures: readonly ((item: T) => number)[],
  ) {
    this.width = bounds.width ?? 0;
  }

  add(item: T): void {
    this.added += 1;
    const { items } = this;
    if (this.width > 0) {
      const first = items[this.#open];
      if (first !== undefined && !this.#together(first, item)) {
        this.#close();
        this.#open = items.length;
      } else if (items.length - this.#open > OPEN) {
        this.#close();
      }
    }
    items.push(item);
    this.#forget(item.time);
    if (items.length > this.bounds.most) {
      this.#widen();
    }
  }

  /** Return which items are kept, in words; `extremes` names the measures. */
  kept(extremes: string): string {
    const { width, added, items } = this;
    return width === 0
      ? `all ${added}`
      : `${items.length} of ${added}: of each ${width} s those with the least and the greatest ${extremes}, and the last`;
  }

  #together(a: T, b: T): boolean {
    return (
      a.epoch === b.epoch && Math.floor(a.time / this.width) === Math.floor(b.time / this.width)
    );
  }

  #close(): void {
    const group = this.items.splice(this.#open);
    this.items.push(...extremes(group, this.measures));
  }

  #forget(now: number): void {
    const oldest = now - (this.bounds.keep ?? Number.POSITIVE_INFINITY);
    const { items } = this;
    // Remove many items at a time, because each removal moves the later items.
    const some = items[items.length >> 3];
    if (items.length >= 2 * OPEN && some !== undefined && some.time < oldest) {
      const found = items.findIndex(({ time }) => time >= oldest);
      items.splice(0, found);
      this.#open = Math.max(0, this.#open - found);
    }
  }

  #widen(): void {
    const latest = this.items.reduce((time, item) => Math.max(time, item.time), 0);
    const span = latest - (this.items[0]?.time ?? 0);
    while (this.items.length > this.bounds.most / 2) {
      this.width = this.width > 0 ? this.width * 2 : powerOfTwo(span / this.bounds.most);
      // Merge different epochs only as a last resort: only a file of little but headers gets that
      // far.
      this.#regroup(this.width > 2 * latest);
    }
  }

  #regroup(all: boolean): void {
    const kept: T[] = [];
    let start = 0;
    const { items } = this;
    for (let i = 1; i <= items.length; i++) {
      if (i === items.length || !(all || this.#together(items[start] as T, items[i] as T))) {
        this.#open = kept.length;
        kept.push(...extremes(items.slice(start, i), this.measures));
        start = i;
      }
    }
    this.items = kept;
  }
}

/**
 * Return the highest power of two that is not above a span; a small power if the span is 0 or
 * infinite.
 */
function powerOfTwo(span: number): number {
  return span > 0 && span < Number.POSITIVE_INFINITY ? 2 ** Math.floor(Math.log2(span)) : 2 ** -20;
}

function extremes<T extends Moment>(
  group: readonly T[],
  measures: readonly ((item: T) => number)[],
): T[] {
  if (group.length <= 2) {
    return [...group];
  }
  const kept = new Set([group.length - 1]);
  for (const measure of measures) {
    let [least, greatest] = [-1, -1];
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const [i, item] of group.entries()) {
      const value = measure(item);
      if (value < low) {
        [least, low] = [i, value];
      }
      if (value > high) {
        [greatest, high] = [i, value];
      }
    }
    if (least >= 0) {
      kept.add(least).add(greatest);
    }
  }
  return [...kept].sort((a, b) => a - b).map((i) => group[i] as T);
}
