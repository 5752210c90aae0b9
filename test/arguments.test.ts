import { expect, test } from 'vitest';
import { parseInterval, parsePositive } from '../src/arguments.js';

test.each([
  ['500ms', 500],
  ['1s', 1000],
  ['2.5s', 2500],
  ['2m', 120_000],
  ['10ms', 10],
])('parseInterval(%j)', (text, ms) => {
  expect(parseInterval(text)).toBe(ms);
});

test.each(['', '1', '9ms', '61m', '-1s', '2h', 's', '1 s', '1e3s'])('refuses %j', (text) => {
  expect(() => parseInterval(text)).toThrow('It takes a duration');
});

test('parsePositive', () => {
  expect(parsePositive('3')).toBe(3);
  for (const text of ['0', '-1', '1.5', 'x', '', '99999999999999999999']) {
    expect(() => parsePositive(text)).toThrow('It takes a whole number');
  }
});
