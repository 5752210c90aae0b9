import { expect, test } from 'vitest';
import { GroupCounters } from '../../src/aggregate/group-counters.js';
import type { Grouping } from '../../src/aggregate/groups.js';

const word = { name: 'word', of: (text: string) => text };
const first = { name: 'first', of: (text: string) => text.charAt(0) };
const GROUPINGS: readonly [Grouping<string>, Grouping<string>] = [
  { by: 'word', keys: [word], beside: [first] },
  { by: 'first', keys: [first], beside: [word] },
];

const standings = (board: GroupCounters<string>) => board.groups.map((one) => one.standing());

test('counts in every way at once', () => {
  const board = new GroupCounters(GROUPINGS);
  for (const text of ['one', 'other', 'two']) {
    board.add(text);
  }
  board.turn(1);
  expect(standings(board).map(({ groups }) => groups.map(({ keys }) => keys[0]))).toEqual([
    ['one', 'other', 'two'],
    ['o', 't'],
  ]);
  expect(standings(board)[1]?.groups[0]).toMatchObject({ total: 2, beside: [['one', 'other']] });
});

test('counts nothing while stopped, and restarts from 0 when cleared', () => {
  const board = new GroupCounters(GROUPINGS);
  const count = (time: number, queue_full: number) =>
    board.count({ kind: 'C', time, half_open: 0, figures: { queue_full, accept_full: 0 } }, 0);
  count(0, 0);
  count(1, 10);
  board.add('one');
  board.lose(2);
  board.counting = false;
  count(2, 50);
  board.add('one');
  board.lose(3);
  board.counting = true;
  count(3, 90);
  count(4, 95);
  expect(standings(board)[0]?.all.total).toBe(1);
  expect(board.lost).toBe(2);
  expect(board.refusals.now(false)).toEqual({ total: 15, rate: 5 });
  board.clear();
  expect(standings(board)[0]).toMatchObject({ all: { total: 0 }, groups: [] });
  expect([board.lost, board.refusals.now(false)]).toEqual([0, null]);
});
