import { expect, test } from 'vitest';
import { timeChart } from '../../src/report/series.js';
import type { Moment } from '../../src/sketch/downsampled.js';

interface Item extends Moment {
  readonly value: number;
}

const FRAME = { id: 'a', kind: 'lines', group: 'g', hold: 'on', unit: 'things' } as const;
const LINE = { label: 'one', colour: 'line-1', of: ({ value }: Item) => value };

function item(time: number, value: number, epoch = 0): Item {
  return { time, value, epoch };
}

/** Return the times in seconds, with the values. */
function pointsOf(chart: ReturnType<typeof timeChart>): [number, number | null | undefined][] {
  let micros = 0;
  return chart.steps.map((step, i) => {
    micros += step;
    return [micros / 1e6, chart.series[0]?.values[i]];
  });
}

test('times as differences, to the microsecond', () => {
  const chart = timeChart(FRAME, [item(1.5, 3), item(1.500001, 4), item(3, 5)], [LINE]);
  expect(chart.steps).toEqual([1_500_000, 1, 1_499_999]);
  expect(chart.series).toEqual([{ label: 'one', colour: 'line-1', values: [3, 4, 5] }]);
});

test('a missing figure is null; others are exact to a thousandth', () => {
  const values = [Number.NaN, 2147483646, 1 / 3, Number.POSITIVE_INFINITY];
  const chart = timeChart(
    FRAME,
    values.map((value, i) => item(i, value)),
    [LINE],
  );
  expect(chart.series[0]?.values).toEqual([null, 2147483646, 0.333, null]);
});

test('a gap between two epochs, and each begins when its first moment did', () => {
  const items = [item(1, 1), item(2, 2), item(11, 3, 1), item(12, 4, 1)];
  const chart = timeChart(FRAME, items, [LINE], ({ time }) => time - 1, [0, 20]);
  expect(pointsOf(chart)).toEqual([
    [0, null],
    [0, 1],
    [1, 1],
    [2, 2],
    [2, null],
    [10, 3],
    [11, 3],
    [12, 4],
    [20, null],
  ]);
});

test('time never goes back, and too many gaps are left out', () => {
  const items = Array.from({ length: 100 }, (_, i) => item((i * 37) % 100, i, i));
  const chart = timeChart(FRAME, items, [LINE], ({ time }) => time - 5);
  expect(chart.steps.slice(1).every((step) => step >= 0)).toBe(true);
  expect(chart.steps.length).toBeLessThanOrEqual(102);
});

test('invalid times are left out', () => {
  const items = [item(1, 1), item(Number.POSITIVE_INFINITY, 2), item(1e300, 3), item(2, 4)];
  const chart = timeChart(FRAME, items, [LINE], undefined, [0, Number.POSITIVE_INFINITY]);
  expect(pointsOf(chart)).toEqual([
    [1, 1],
    [2, 4],
  ]);
});
