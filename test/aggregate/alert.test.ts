import { expect, test } from 'vitest';
import { Alert } from '../../src/aggregate/alert.js';

test('reports each change once, with the rate that caused it', () => {
  const alert = new Alert(100, 2);
  const told = [0, 199, 200, 500, 200, 199, 0, 300].map((records) => alert.judge(records));
  expect(told).toEqual([null, null, 100, null, null, 99.5, null, 150]);
  expect(alert).toMatchObject({ on: true, reached: true, most: 250 });
});

test('never reached', () => {
  const alert = new Alert(5, 1);
  expect([0, 4, 1].map((records) => alert.judge(records))).toEqual([null, null, null]);
  expect(alert).toMatchObject({ on: false, reached: false, most: 0 });
});
