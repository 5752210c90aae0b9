import { expect, test } from 'vitest';
import { Growths } from '../../src/aggregate/growth.js';
import type { Counters } from '../../src/stream/counters.js';

function count(time: number, figures: Counters) {
  const all = { half_open: 0, added: 0, completed: 0, expired: 0, ...figures };
  return { kind: 'C', time, half_open: all.half_open, figures: all } as const;
}

test('each rate is the growth between two counts, and knows since when', () => {
  const growths = new Growths(100);
  growths.add(count(1, { added: 5 }), 10);
  growths.add(count(3, { added: 25, completed: 8 }), 10);
  growths.add(count(4, { added: 26, completed: 9 }), 10);
  expect(
    growths.series.items.map(({ time, since, rates }) => [
      since,
      time,
      rates.added,
      rates.completed,
    ]),
  ).toEqual([
    [11, 13, 10, 4],
    [13, 14, 1, 1],
  ]);
  expect(growths.highest.get('added')).toEqual({ rate: 10, time: 13 });
  expect(growths.highest.get('expired')).toBeUndefined();
  expect(growths.totals).toMatchObject({ added: 21, completed: 9 });
});

test('nothing grows from one epoch to the next', () => {
  const growths = new Growths(100);
  growths.add(count(1, { added: 500 }), 0);
  growths.startEpoch();
  growths.add(count(2, { added: 10 }), 0);
  growths.add(count(3, { added: 30 }), 0);
  expect(growths.series.items.map(({ epoch, rates }) => [epoch, rates.added])).toEqual([[1, 20]]);
  expect(growths.totals.added).toBe(20);
});

test('keeps the highest and the lowest of too many', () => {
  const growths = new Growths(200);
  let [added, expired] = [0, 0];
  for (let second = 0; second <= 10_000; second += 1) {
    added += second === 7777 ? 9999 : 50 + (second % 7);
    expired += second === 3333 ? 0 : 20 + (second % 5);
    growths.add(count(second, { added, expired }), 0);
  }
  const { items } = growths.series;
  expect(items.length).toBeLessThanOrEqual(200);
  expect(Math.max(...items.map(({ rates }) => rates.added ?? 0))).toBe(9999);
  expect(Math.min(...items.map(({ rates }) => rates.expired ?? 0))).toBe(0);
  expect(growths.highest.get('added')).toEqual({ rate: 9999, time: 7777 });
});
