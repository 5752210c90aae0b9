import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Moment, Thinned } from '../../src/record/thinned.js';

interface Item extends Moment {
  readonly value: number;
}

const of = ({ value }: Item) => value;

function filled(values: readonly number[], most: number): Thinned<Item> {
  const series = new Thinned<Item>({ most }, [of]);
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

test('thinned, it keeps only what was added, in order, with every extreme of each group', () => {
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

test('is bounded also where time stands still, runs back, or each moment is an epoch of its own', () => {
  const shapes: ((i: number) => Moment)[] = [
    () => ({ time: 7, epoch: 0 }),
    (i) => ({ time: (i * 7919) % 1000, epoch: 0 }),
    (i) => ({ time: i % 3, epoch: i }),
    (i) => ({ time: i * 1e12, epoch: 0 }),
  ];
  for (const shape of shapes) {
    const series = new Thinned<Item>({ most: 100 }, [of]);
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
  const series = new Thinned<Item>({ most: 10_000, width: 0.1, keep: 10 }, [of]);
  for (let i = 0; i < 100_000; i += 1) {
    series.add({ time: i * 0.001, epoch: 0, value: i % 7 });
  }
  expect(series.items[0]?.time).toBeGreaterThan(85);
  expect(series.items[0]?.time).toBeLessThanOrEqual(90);
  expect(series.items.length).toBeLessThan(600);
});
