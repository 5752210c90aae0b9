import { expect, test } from 'vitest';
import { byAddress, fullest } from '../../src/proc/addresses.js';
import { acceptFullness, parseListeners } from '../../src/proc/listeners.js';
import { type FakeListener, listenersText } from '../proc.js';

function addresses(rows: readonly FakeListener[]) {
  const listeners = parseListeners(listenersText(rows));
  return typeof listeners === 'string' ? [] : byAddress(listeners);
}

test('sockets of one address are one row, as full as the fullest of them', () => {
  expect(
    addresses([
      { local: '0.0.0.0:80', uid: 33, qlen: 1, young: 1, holds: 101, backlog: 100 },
      { local: '[::]:22' },
      {
        local: '0.0.0.0:80',
        uid: 34,
        qlen: 101,
        young: 3,
        holds: 101,
        accept_qlen: 101,
        backlog: 100,
      },
    ]),
  ).toEqual([
    {
      local: '0.0.0.0:80',
      uid: 33,
      sockets: 2,
      qlen: 102,
      young: 4,
      holds: 202,
      accept_qlen: 101,
      backlog: 200,
      full: 1,
      accept_full: 1,
    },
    expect.objectContaining({ local: '[::]:22', sockets: 1, full: 0, accept_full: 0 }),
  ]);
});

test('where nothing is queued a SYN queue has no share, a full accept queue has', () => {
  const [one] = addresses([{ local: 'a', holds: 0, accept_qlen: 1, backlog: 0 }]);
  expect(one).toMatchObject({ full: null, accept_full: 1 });
  expect(
    acceptFullness({ accept_qlen: 0, backlog: 0 } as Parameters<typeof acceptFullness>[0]),
  ).toBe(0);
});

test('the fullest are those nearest to a limit, of whichever queue; equal ones keep their place', () => {
  const rows = [
    { local: 'd' },
    { local: 'c' },
    { local: 'syn', qlen: 60, holds: 101 },
    { local: 'accept', accept_qlen: 90, backlog: 100 },
    { local: 'long', qlen: 60, holds: 10_001, accept_qlen: 1, backlog: 10_000 },
  ];
  const names = (most: number) => fullest(addresses(rows), most).map(({ local }) => local);
  expect(names(10)).toEqual(['accept', 'syn', 'long', 'c', 'd']);
  expect(names(2)).toEqual(['accept', 'syn']);
});

test('users take turns: full sockets of one keep the queues of no other out', () => {
  const toys = Array.from({ length: 30 }, (_, i) => ({
    local: `127.0.0.1:${7000 + i}`,
    uid: 1000,
    accept_qlen: 1,
    backlog: 0,
  }));
  const rows = [
    ...toys,
    { local: '0.0.0.0:80', uid: 33, qlen: 100 },
    { local: '0.0.0.0:443', uid: 33, qlen: 50 },
    { local: '0.0.0.0:22' },
  ];
  const names = (most: number) => fullest(addresses(rows), most).map(({ local }) => local);
  expect(names(5)).toEqual([
    '127.0.0.1:7000',
    '0.0.0.0:80',
    '0.0.0.0:22',
    '127.0.0.1:7001',
    '0.0.0.0:443',
  ]);
  // If no other user is left, one user may have all places.
  expect(names(20)).toHaveLength(20);
});
