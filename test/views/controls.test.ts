import { expect, test } from 'vitest';
import { FIRST, hints, press } from '../../src/views/groups/controls.js';

const after = (keys: string, live = true) =>
  [...keys].reduce((controls, key) => press(controls, key, live) ?? controls, FIRST);

test.each([
  ['g', { grouping: 1 }],
  ['ggG', { grouping: 3 }],
  ['p', { paused: true }],
  ['p ', { paused: false }],
  ['s', { stopped: true }],
  ['sgs', { stopped: false, grouping: 1 }],
  ['rR', { resets: 2 }],
  ['spr', { stopped: true, paused: true, resets: 1 }],
])('the keys "%s" change the controls', (keys, changed) => {
  expect(after(keys)).toEqual({ ...FIRST, ...changed });
});

test('other keys mean nothing', () => {
  for (const key of ['x', '', '\u001b[A', '1']) {
    expect(press(FIRST, key, true)).toBe(null);
  }
});

test('a recording can only be grouped', () => {
  expect(after('psrg', false)).toEqual({ ...FIRST, grouping: 1 });
  expect(hints(FIRST, false)).toEqual(['q quit', 'g group']);
});

test('the hints say what a key would do now', () => {
  expect(hints(FIRST, true)).toEqual(['q quit', 'g group', 's stop', 'r reset', 'p pause']);
  expect(hints(after('sp'), true)).toEqual(['q quit', 'g group', 's start', 'r reset', 'p go on']);
});
