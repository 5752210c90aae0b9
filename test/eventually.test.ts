import { expect, test } from 'vitest';
import { eventually } from './eventually.js';

test('eventually resolves to the first value that is there', async () => {
  const values = [undefined, null, false, 0];
  expect(await eventually('a value', () => values.shift(), { every: 1 })).toBe(0);
});

test('eventually waits for an async predicate', async () => {
  let calls = 0;
  const third = async () => ++calls === 3 && 'third';
  expect(await eventually('the third call', third, { every: 1 })).toBe('third');
});

test('eventually says what it waited for, and for how long', async () => {
  const waiting = eventually('the listener', () => false, { limit: 20, every: 1 });
  await expect(waiting).rejects.toThrow(/^waited 0\.\d s in vain for the listener$/);
});
