/** Each power of two has this many buckets of equal width. */
const STEPS = 64;
/** Below this a bucket is one value wide. */
const EXACT = 2 * STEPS;
const BITS = 6;
const HIGHEST = 2 ** 32 - 1;
const BUCKETS = (32 - BITS - 1) * STEPS + EXACT;

/** One range within 0 to 2^32 - 1, and the number of values in it. */
export interface Bucket {
  /** The middle of the bucket. */
  readonly value: number;
  readonly count: number;
}

/**
 * The distribution of any number of whole numbers, in 14 KB: log-linear buckets, as in
 * HdrHistogram. Counts, `min` and `max` are exact; other values have a relative error of at most
 * `Histogram.ERROR`.
 */
export class Histogram {
  /** The maximum relative error: half a bucket's width, as a share of the bucket's lower end. */
  static readonly ERROR = 1 / (2 * STEPS);

  count = 0;
  min = 0;
  max = 0;
  readonly #counts = new Float64Array(BUCKETS);

  /** @param value a whole number from 0; a number above 2^32 - 1 counts as 2^32 - 1 */
  add(value: number): void {
    const kept = Math.min(value, HIGHEST);
    this.min = this.count === 0 ? kept : Math.min(this.min, kept);
    this.max = Math.max(this.max, kept);
    this.count += 1;
    const at = indexOf(kept);
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /**
   * Return the lowest value such that at least `share` of all values are at or below it: 0.5 gives
   * the median. Return 0 if there are no values.
   */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let below = 0;
    for (const { value, count } of this.buckets()) {
      below += count;
      if (below >= rank) {
        return Math.min(Math.max(value, this.min), this.max);
      }
    }
    return 0;
  }

  /** Yield the buckets that are not empty, in rising order. */
  *buckets(): Generator<Bucket, void, void> {
    for (const [at, count] of this.#counts.entries()) {
      if (count > 0) {
        yield { value: middleOf(at), count };
      }
    }
  }

  /** Return a copy that later values do not change. */
  copy(): Histogram {
    const copy = new Histogram();
    copy.count = this.count;
    copy.min = this.min;
    copy.max = this.max;
    copy.#counts.set(this.#counts);
    return copy;
  }
}

function indexOf(value: number): number {
  const shift = Math.max(0, 31 - Math.clz32(value) - BITS);
  return shift * STEPS + Math.floor(value / 2 ** shift);
}

function middleOf(at: number): number {
  const shift = Math.max(0, Math.floor(at / STEPS) - 1);
  const width = 2 ** shift;
  return (at - shift * STEPS) * width + (width - 1) / 2;
}
