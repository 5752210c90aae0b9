import { describe, expect, test } from 'vitest';
import { endings, Session } from '../../src/aggregate/session.js';
import { judgeDrift } from '../../src/proc/audit.js';
import type { Counters } from '../../src/stream/counters.js';

const NO_OUTCOMES = { expired: 0, reset: 0, unreachable: 0, closed: 0, other: 0 };

function add(session: Session, time: number, figures: Counters & { half_open: number }) {
  return session.add({ kind: 'C', time, half_open: figures.half_open, figures }, 1000);
}

test('folds counts into rates, totals and a peak', () => {
  const session = new Session(60);
  add(session, 1, { half_open: 5, peak: 9, added: 5, queue_full: 1, accept_full: 0 });
  expect(session.rates).toEqual({});
  add(session, 3, { half_open: 15, peak: 15, added: 25, queue_full: 3, accept_full: 4 });
  expect(session.rates).toMatchObject({ added: 10, net: 5, refused: 3 });
  expect(session.totals).toMatchObject({ added: 20, queue_full: 2 });
  expect([session.peak, session.seconds, session.counts]).toEqual([15, 2, 2]);
  expect(session.latest).toMatchObject({ time: 1003, high: 15 });
});

test('does not compare across a reload of the module', () => {
  const session = new Session(60);
  add(session, 1, { half_open: 50, added: 900, completed: 900 });
  session.startEpoch();
  add(session, 2, { half_open: 1, added: 1, completed: 0, ...NO_OUTCOMES });
  expect(session.rates).toEqual({});
  add(session, 3, { half_open: 2, added: 4, completed: 2, ...NO_OUTCOMES });
  expect(session.rates).toMatchObject({ added: 3 });
  expect(session.totals).toMatchObject({ added: 3 });
  expect(endings(session, 60)).toMatchObject({ ended: 2, seconds: 1 });
});

test('a peak below zero is still the peak', () => {
  const session = new Session(60);
  add(session, 1, { half_open: -2 });
  expect(session.peak).toBe(-2);
});

test('two counts at the same moment give no rate', () => {
  const session = new Session(60);
  add(session, 1, { half_open: 0, added: 0 });
  add(session, 1, { half_open: 5, added: 5 });
  expect(session.rates).toEqual({});
});

test('stays bounded, and keeps the peaks of what it thins out', () => {
  const whole = new Session(Number.POSITIVE_INFINITY);
  const recent = new Session(100);
  for (let i = 0; i < 100_000; i += 1) {
    add(whole, i, { half_open: i === 77 ? 5000 : 1 });
    add(recent, i, { half_open: 1 });
  }
  expect(whole.points.length).toBeLessThanOrEqual(36_000);
  expect(Math.max(...whole.points.map(({ high }) => high))).toBe(5000);
  expect(whole.points.at(-1)?.time).toBe(100_999);
  expect(recent.points.length).toBeLessThan(1200);
});

describe('endings', () => {
  test('counts the outcomes within a time span', () => {
    const session = new Session(60);
    const others = { reset: 0, unreachable: 0, closed: 0, other: 0 };
    add(session, 0, { half_open: 0, completed: 100, expired: 0, ...others });
    add(session, 10, { half_open: 0, completed: 100, expired: 50, ...others });
    add(session, 20, { half_open: 0, completed: 110, expired: 80, ...others });
    expect(endings(session, 10)).toMatchObject({ ended: 40, seconds: 10 });
    expect(endings(session, 60)).toMatchObject({ ended: 90, by: { completed: 10, expired: 80 } });
  });

  test('returns null if outcomes are not known', () => {
    const session = new Session(60);
    expect(endings(session, 60)).toBeNull();
    add(session, 0, { half_open: 3 });
    expect(endings(session, 60)).toBeNull();
  });
});

describe('judge', () => {
  test.each([
    // before, added meanwhile, removed meanwhile, other count: quiet, surplus
    [5, 0, 0, 5, true, 0],
    [5, 0, 0, 3, true, 2],
    [5, 0, 0, 8, true, -3],
    [5, 4, 2, 5, false, 0],
    [5, 4, 2, 9, false, 0],
    [5, 4, 2, 3, false, 0],
    [5, 4, 2, 2, false, 1],
    [5, 4, 2, 10, false, -1],
  ])(
    'counts %j, %j added and %j removed, while another count is %j',
    (half_open, added, removed, other, quiet, surplus) => {
      const before = { half_open, added: 100 };
      const after = { half_open: half_open + added - removed, added: 100 + added };
      expect(judgeDrift({ before, other, after })).toMatchObject({ quiet, surplus });
    },
  );
});

test('is bounded, however many epochs there are', () => {
  const session = new Session(Number.POSITIVE_INFINITY);
  let most = 0;
  for (let i = 0; i < 200_000; i += 1) {
    session.startEpoch();
    add(session, i, { half_open: 1 });
    most = Math.max(most, session.points.length);
  }
  expect(most).toBe(36_000);
  expect(session.latest?.time).toBe(200_999);
  expect(session.counts).toBe(200_000);
});
