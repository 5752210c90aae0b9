import { expect, test } from 'vitest';
import { Refusals } from '../../src/aggregate/refusals.js';
import type { Counters } from '../../src/stream/counters.js';

function count(refusals: Refusals, time: number, figures: Counters): void {
  refusals.count({ kind: 'C', time, half_open: 0, figures }, 0);
}

test('adds both causes, per second recently and over all', () => {
  const refusals = new Refusals();
  count(refusals, 0, { queue_full: 5, accept_full: 1 });
  expect(refusals.now(false)).toBe(null);
  count(refusals, 1, { queue_full: 15, accept_full: 2 });
  count(refusals, 3, { queue_full: 15, accept_full: 4 });
  expect(refusals.now(false)).toEqual({ total: 13, rate: 1 });
  expect(refusals.now(true)).toEqual({ total: 13, rate: 13 / 3 });
});

test('does not count across a skip or a reload of the module', () => {
  const refusals = new Refusals();
  count(refusals, 0, { queue_full: 5, accept_full: 0 });
  count(refusals, 1, { queue_full: 6, accept_full: 0 });
  refusals.skip();
  count(refusals, 2, { queue_full: 0, accept_full: 0 });
  count(refusals, 3, { queue_full: 2, accept_full: 0 });
  expect(refusals.now(false)).toEqual({ total: 3, rate: 2 });
});
