import { expect, test } from 'vitest';
import type { HalfOpen } from '../../src/aggregate/half-open.js';
import { Tally } from '../../src/aggregate/tally.js';

const added = (local: string): HalfOpen => ({
  event: 'added',
  time: 1,
  local,
  remote: '10.0.0.9:1',
  qlen: 3,
  limit: 9,
  outcome: null,
  age_us: null,
  synacks: null,
});
const removed = (local: string, outcome: string, synacks = 1): HalfOpen => ({
  ...added(local),
  event: 'removed',
  time: 2,
  outcome,
  age_us: 500,
  synacks,
});

function tallied(...events: HalfOpen[]): Tally {
  const tally = new Tally();
  for (const event of events) {
    tally.add(event, 0);
  }
  return tally;
}

test('each half-open is counted once, under its outcome', () => {
  const { all, seconds } = tallied(
    added('a'),
    added('a'),
    removed('a', 'completed'),
    removed('a', 'reset'),
    removed('a', 'of a newer module'),
  );
  expect([all.added, all.removed, seconds]).toEqual([2, 3, 1]);
  expect(all.outcomes).toEqual({
    completed: 1,
    expired: 0,
    reset: 1,
    unreachable: 0,
    closed: 0,
    other: 1,
  });
});

test('counts completed handshakes with a retransmitted SYN-ACK', () => {
  const { all } = tallied(
    removed('a', 'completed', 1),
    removed('a', 'completed', 2),
    removed('a', 'completed', 3),
    removed('a', 'expired', 6),
    // From a module that does not report the number of SYN-ACKs.
    { ...removed('a', 'completed'), synacks: null },
  );
  expect(all.retransmitted).toBe(2);
  expect(all.handshakes.count).toBe(4);
});

test('the listeners with the most events come first, whether added or removed', () => {
  const tally = tallied(
    added('few'),
    ...['ended', 'ended', 'ended'].map((local) => removed(local, 'expired')),
    ...['begun', 'begun'].map(added),
  );
  expect(tally.listeners().map(({ local }) => local)).toEqual(['ended', 'begun', 'few']);
});

test('sorts listeners with equal counts by name', () => {
  expect(
    tallied(added('b'), added('a'))
      .listeners()
      .map(({ local }) => local),
  ).toEqual(['a', 'b']);
});
