import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Intervals } from '../../src/aggregate/intervals.js';

function cut(length: number, times: readonly (number | 'header')[]) {
  const over: [number, number | null][] = [];
  const intervals = new Intervals(length, (end, seconds) => over.push([end, seconds]));
  for (const time of times) {
    time === 'header' ? intervals.restart() : intervals.reach(time);
  }
  intervals.finish();
  return { over, intervals };
}

test('end at whole multiples, the first and the last perhaps shorter', () => {
  const { over, intervals } = cut(2, [1, 1.5, 2, 3, 4.25]);
  expect(over).toEqual([
    [2, 1],
    [4, 2],
    [4.25, 0.25],
  ]);
  expect(intervals).toMatchObject({ now: 4.25, seconds: 3.25 });
});

test('skips intervals without a line, and gives no length for less than a tenth', () => {
  expect(cut(1, [0.95, 7, 7.05]).over).toEqual([
    [1, null],
    [7.05, null],
  ]);
});

test('a header ends an interval, and the time across it does not count', () => {
  const { over, intervals } = cut(1, [0, 0.5, 'header', 0.25, 0.75]);
  expect(over).toEqual([
    [0.5, 0.5],
    [0.75, 0.5],
  ]);
  expect(intervals.seconds).toBe(1);
});

test('together they are no longer than the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ min: 0, max: 50, noNaN: true })), (times) => {
      const { over, intervals } = cut(
        1,
        times.toSorted((a, b) => a - b),
      );
      const sum = over.reduce((all, [, seconds]) => all + (seconds ?? 0), 0);
      expect(sum).toBeLessThanOrEqual(over.length);
      expect(intervals.seconds).toBeLessThanOrEqual(50);
    }),
  );
});
