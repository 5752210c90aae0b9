import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../src/sketch/histogram.js';

/** Numbers of every size, from 0 to 2^32 - 2. */
const value = fc
  .tuple(fc.integer({ min: 0, max: 32 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, share]) => Math.min(Math.floor(2 ** bits * (1 + share)), 2 ** 32 - 1) - 1)
  .map((number) => Math.max(number, 0));

test('no quantile is further from the sorted values than its error', () => {
  const shares = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), shares, (values, share) => {
      const histogram = new Histogram();
      values.forEach((one) => {
        histogram.add(one);
      });
      const sorted = [...values].sort((a, b) => a - b);
      for (const wanted of [share, 0.5, 0.9, 0.99, 0, 1]) {
        const truth = sorted[Math.max(0, Math.ceil(wanted * sorted.length) - 1)] as number;
        expect(Math.abs(histogram.quantile(wanted) - truth)).toBeLessThanOrEqual(
          truth * Histogram.ERROR,
        );
      }
      expect(histogram.min).toBe(sorted[0]);
      expect(histogram.max).toBe(sorted.at(-1));
      expect(histogram.count).toBe(values.length);
    }),
  );
});

test('every value is counted once, in rising buckets, near where it is', () => {
  fc.assert(
    fc.property(fc.uniqueArray(value, { minLength: 1, maxLength: 50 }), (values) => {
      const histogram = new Histogram();
      values.forEach((one) => {
        histogram.add(one);
      });
      let last = -1;
      let count = 0;
      for (const bucket of histogram.buckets()) {
        expect(bucket.value).toBeGreaterThan(last);
        const near = values.filter(
          (one) => Math.abs(one - bucket.value) <= one * Histogram.ERROR,
        ).length;
        expect(near).toBeGreaterThanOrEqual(bucket.count);
        last = bucket.value;
        count += bucket.count;
      }
      expect(count).toBe(values.length);
    }),
  );
});

test('empty, copied, and beyond its range', () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBe(0);
  expect([...histogram.buckets()]).toEqual([]);
  histogram.add(2 ** 40);
  const copy = histogram.copy();
  histogram.add(1);
  expect(copy.max).toBe(2 ** 32 - 1);
  expect(copy.quantile(1)).toBe(2 ** 32 - 1);
  expect([copy.count, histogram.count, histogram.min]).toEqual([1, 2, 1]);
});
