import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Downsampled, type Moment } from '../../src/sketch/downsampled.js';

interface Item extends Moment {
  readonly value: number;
}

const of = ({ value }: Item) => value;

function filled(values: readonly number[], most: number): Downsampled<Item> {
  const series = new Downsampled<Item>({ most }, [of]);
  for (const [i, value] of values.entries()) {
    series.add({ time: i * 0.001, epoch: 0, value });
  }
  return series;
}

test('keeps everything until there is too much', () => {
  const series = filled([3, 1, 2], 100);
  expect(series.items.map(of)).toEqual([3, 1, 2]);
  expect(series.width).toBe(0);
});

test('keeps up to the limit; one more, and it downsamples by a power of two of seconds', () => {
  const values = Array.from({ length: 100 }, (_, i) => i % 7);
  expect(filled(values, 100).items).toHaveLength(100);
  const thinned = filled([...values, 1], 100);
  expect(thinned.items.length).toBeLessThanOrEqual(50);
  // The 101 moments span 0.1 s. Groups of 2^-10, 2^-9 and 2^-8 s would leave more than half.
  expect(thinned.width).toBe(2 ** -7);
});

test('downsampled, it keeps only added items, in order, with all extremes of each group', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 300, maxLength: 3000 }),
      (values) => {
        const series = filled(values, 100);
        expect(series.added).toBe(values.length);
        expect(series.items.length).toBeLessThanOrEqual(100);
        expect(series.width).toBeGreaterThan(0);
        const kept = series.items.map(
          ({ time, value }) => [Math.round(time / 0.001), value] as const,
        );
        for (const [i, [at, value]] of kept.entries()) {
          expect(values[at]).toBe(value);
          expect(at).toBeGreaterThan(kept[i - 1]?.[0] ?? -1);
        }
        const groups = new Map<number, number[]>();
        for (const [i, value] of values.entries()) {
          const group = Math.floor((i * 0.001) / series.width);
          groups.set(group, [...(groups.get(group) ?? []), value]);
        }
        for (const [group, all] of groups) {
          const here = series.items
            .filter(({ time }) => Math.floor(time / series.width) === group)
            .map(of);
          expect(Math.min(...here)).toBe(Math.min(...all));
          expect(Math.max(...here)).toBe(Math.max(...all));
          expect(here.at(-1)).toBe(all.at(-1));
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('is bounded even if time stops or goes back, or each moment is an epoch of its own', () => {
  const shapes: ((i: number) => Moment)[] = [
    () => ({ time: 7, epoch: 0 }),
    (i) => ({ time: (i * 7919) % 1000, epoch: 0 }),
    (i) => ({ time: i % 3, epoch: i }),
    (i) => ({ time: i * 1e12, epoch: 0 }),
  ];
  for (const shape of shapes) {
    const series = new Downsampled<Item>({ most: 100 }, [of]);
    for (let i = 0; i < 5000; i += 1) {
      series.add({ ...shape(i), value: i % 17 });
    }
    expect(series.items.length).toBeLessThanOrEqual(100);
    expect(series.items.at(-1)?.value).toBe(4999 % 17);
  }
});

test('a missing figure is no extreme', () => {
  const series = filled(
    Array.from({ length: 500 }, (_, i) => (i === 250 ? 5 : Number.NaN)),
    50,
  );
  expect(series.items.map(of).filter((value) => !Number.isNaN(value))).toEqual([5]);
});

test('forgets what is too old', () => {
  const series = new Downsampled<Item>({ most: 10_000, width: 0.1, keep: 10 }, [of]);
  for (let i = 0; i < 100_000; i += 1) {
    series.add({ time: i * 0.001, epoch: 0, value: i % 7 });
  }
  expect(series.items[0]?.time).toBeGreaterThan(85);
  expect(series.items[0]?.time).toBeLessThanOrEqual(90);
  expect(series.items.length).toBeLessThan(600);
});

test('looks at each moment about once, however long a group is', () => {
  let looks = 0;
  const look = ({ value }: Item) => {
    looks += 1;
    return value;
  };
  const series = new Downsampled<Item>({ most: 10_000, width: 1 }, [look]);
  for (let i = 0; i < 10_000; i += 1) {
    // A thousand groups of one moment, then one group of nine thousand.
    series.add({ time: i < 1000 ? i : 1000, epoch: 0, value: i % 17 });
  }
  expect(looks).toBeLessThan(12_000);
  expect(series.items.length).toBeLessThan(1100);
});
