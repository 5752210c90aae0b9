import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SourceSummary } from '../../src/aggregate/source-sketch.js';
import type { Evidence, Scope } from '../../src/diagnose/evidence.js';
import { fullIn, judge, perSecond, RULES } from '../../src/diagnose/rules.js';
import { evidence, listener, scope } from './scope.js';

/** The state and the rule that decided, as "state: rule". */
function decided(own: Partial<Scope>, all: Partial<Evidence> = {}): string {
  const { worst } = judge(evidence([scope(own)], all));
  return `${worst.state}: ${worst.rule}`;
}

const accept = {
  inode: 1,
  sockets: 1,
  first: 0,
  last: 0,
  backlog: 128,
  readings: 20,
  full: 0,
  shrank: false,
};
const queue = { qlen: 0, holds: 129, peak: 0, old: 0, stale: 0 };
const ended = scope().ended;
const origins = (own: Partial<SourceSummary>): SourceSummary => ({
  total: 200,
  networks: 1,
  addresses: 1,
  exact: true,
  top: '198.51.100.0/24',
  share: 1,
  ...own,
});

describe('each rule of docs/diagnose.md', () => {
  test('accept queue full', () => {
    expect(decided({ accept: { ...accept, last: 129, full: 10 } })).toBe(
      'stuck: accept queue full',
    );
    expect(decided({ accept: { ...accept, last: 129, full: 9, shrank: true } })).toBe(
      'idle: none of these',
    );
    // Its half-opens are old because their final ACKs were ignored: no flood.
    expect(
      decided({ accept: { ...accept, full: 20 }, queue: { ...queue, qlen: 129, old: 129 } }),
    ).toBe('stuck: accept queue full');
  });

  test('nothing accepted', () => {
    const waiting = { ...accept, first: 2, last: 52 };
    const all = { ...ended, completed: 50 };
    expect(decided({ accept: waiting, ended: all })).toBe('stuck: nothing accepted');
    expect(decided({ accept: { ...accept, first: 10, last: 10 } })).toBe('stuck: nothing accepted');
    // One was accepted; too few to tell; it got shorter; events were lost.
    expect(decided({ accept: waiting, ended: { ...all, completed: 51 } })).not.toMatch(/^stuck/);
    expect(decided({ accept: { ...accept, first: 9, last: 9 } })).not.toMatch(/^stuck/);
    expect(decided({ accept: { ...waiting, shrank: true }, ended: all })).not.toMatch(/^stuck/);
    expect(decided({ accept: waiting, ended: all }, { lost: 1 })).not.toMatch(/^stuck/);
  });

  test('refused for the accept queue', () => {
    const capture = { accept: null, listener: null, accept_full: 30 };
    const of = (completed: number) => ({ totals: { accept_full: 30, completed } });
    expect(decided(capture, of(29))).toBe('stuck: refused for the accept queue');
    expect(decided(capture, of(30))).toBe('surge: refused');
  });

  test('old half-opens', () => {
    expect(decided({ queue: { ...queue, qlen: 65, peak: 65, old: 65 } })).toBe(
      'flood: old half-opens',
    );
    expect(decided({ queue: { ...queue, qlen: 64, peak: 64, old: 64 } })).toBe(
      'idle: none of these',
    );
    // Nine are too few, however small the queue, unless it keeps others out.
    const tiny = { queue: { qlen: 9, holds: 9, peak: 9, old: 9, stale: 0 } };
    expect(decided(tiny)).toBe('idle: none of these');
    expect(decided({ ...tiny, drops: 10 }, { totals: { queue_full: 10 } })).toBe(
      'flood: old half-opens',
    );
    // The accept queue was full for a moment: they may have answered.
    // At the end a batch has just gone, and another come: most of the time it was not so.
    expect(decided({ queue: { ...queue, qlen: 129, peak: 129, old: 3, stale: 0.6 } })).toBe(
      'flood: old half-opens',
    );
    expect(decided({ queue: { ...queue, qlen: 129, peak: 129, old: 3, stale: 0.4 } })).toBe(
      'surge: queue half full',
    );
    const full = { ...queue, qlen: 129, peak: 129, old: 129 };
    const overflown = { totals: { accept_full: 1 } };
    expect(decided({ queue: full, drops: 1 }, overflown)).toBe('surge: queue half full');
    expect(decided({ queue: full, accept: { ...accept, full: 1, shrank: true } })).toBe(
      'surge: queue half full',
    );
    // It was another listener's.
    expect(decided({ queue: full }, overflown)).toBe('flood: old half-opens');
    // With TCP_DEFER_ACCEPT they may be clients that have nothing to say yet.
    expect(
      decided({
        queue: { ...queue, qlen: 129, peak: 129, old: 129 },
        listener: listener({ defer_accept: 3 }),
      }),
    ).toBe('surge: queue half full');
  });

  test('unanswered by many networks', () => {
    // 200 in 4 s are 50 a second; with 1800 completed a tenth came to nothing.
    expect(decided({ completed: 1799, unanswered: 200 })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ completed: 1800, unanswered: 200 })).toBe('busy: handshakes');
    expect(decided({ cookies: 900, cookies_unanswered: 200 })).toBe(
      'flood: unanswered by many networks',
    );
    // Completed through cookies is completed.
    expect(decided({ cookies: 2000, cookies_ok: 1800, cookies_unanswered: 200 })).toBe(
      'surge: cookies',
    );
    // From 32 networks, or from half as many as there were SYNs.
    const from = (networks: number, total: number) => origins({ networks, total });
    expect(decided({ unanswered: 199, sources: from(32, 199) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 199, sources: from(31, 199) })).toBe('unanswered: unanswered');
    expect(decided({ unanswered: 20, sources: from(10, 20) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 20, sources: from(9, 20) })).toBe('unanswered: unanswered');
    // From few networks, but 50 a second, each from an address of its own.
    const once = { networks: 2, total: 200 };
    const addresses = (n: number) => origins({ ...once, addresses: n });
    expect(decided({ unanswered: 200, sources: addresses(160) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 200, sources: addresses(159) })).toBe('unanswered: unanswered');
    expect(decided({ unanswered: 199, sources: addresses(200) })).toBe('unanswered: unanswered');
    // From one network, but the queue keeps the others out.
    const few = { unanswered: 200, sources: from(1, 200) };
    expect(decided({ ...few, drops: 10 }, { totals: { queue_full: 10 } })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ ...few, cookies: 10, cookies_unanswered: 10 })).toBe(
      'flood: unanswered by many networks',
    );
  });

  test('unanswered', () => {
    expect(decided({ unanswered: 199 })).toBe('unanswered: unanswered');
    expect(decided({ unanswered: 11, completed: 10 })).toBe('unanswered: unanswered');
    // Half completed; too few; one in two seconds.
    expect(decided({ unanswered: 10, completed: 10 })).toBe('busy: handshakes');
    expect(decided({ unanswered: 9 })).toBe('idle: none of these');
    expect(decided({ unanswered: 10, seconds: 20 })).toBe('idle: none of these');
    // With TCP_DEFER_ACCEPT they may be clients that have nothing to say yet.
    expect(decided({ unanswered: 199, listener: listener({ defer_accept: 3 }) })).toBe(
      'idle: none of these',
    );
    // A queue full of old ones of one network.
    const old = { ...queue, qlen: 129, peak: 129, old: 129 };
    expect(decided({ queue: old, sources: origins({ networks: 1 }) })).toBe(
      'unanswered: unanswered',
    );
  });

  test('queue half full', () => {
    expect(decided({ completed: 4000, queue: { ...queue, peak: 65 } })).toBe(
      'surge: queue half full',
    );
    expect(decided({ completed: 4000, queue: { ...queue, peak: 64 } })).toBe('busy: handshakes');
    expect(decided({ completed: 4000, queue: { ...queue, holds: 4, peak: 4 } })).toBe(
      'busy: handshakes',
    );
    // With tcp_syncookies=2 there is no queue to fill.
    expect(decided({ completed: 4000, queue: { ...queue, holds: 0 } })).toBe('busy: handshakes');
  });

  test('refused', () => {
    const some = { completed: 4000, drops: 70 };
    expect(decided(some, { totals: { queue_full: 41 } })).toBe('surge: refused');
    // One in a hundred, whose clients repeat their SYN, is a trifle.
    expect(decided(some, { totals: { queue_full: 40 } })).toBe('busy: handshakes');
    // The socket's drops are not all refusals.
    expect(decided(some)).toBe('busy: handshakes');
  });

  test('cookies', () => {
    const some = { cookies: 5, cookies_ok: 5 };
    expect(decided(some)).toBe('surge: cookies');
    // One or two a minute on a busy server.
    expect(decided({ ...some, completed: 4000 })).toBe('busy: handshakes');
    const always = { somaxconn: 4096, tcp_max_syn_backlog: 4096, tcp_syncookies: 2 };
    expect(decided(some, { settings: always })).toBe('busy: handshakes');
  });

  test('reset', () => {
    expect(decided({ failed: 200 })).toBe('probes: reset');
    expect(decided({ failed: 9 })).toBe('idle: none of these');
    // Clients beside them.
    expect(decided({ failed: 200, completed: 200 })).toBe('busy: handshakes');
    // Most got no answer.
    expect(decided({ failed: 200, unanswered: 201 })).toBe('flood: unanswered by many networks');
  });

  test('handshakes', () => {
    expect(decided({ completed: 4 })).toBe('busy: handshakes');
    expect(decided({ completed: 3 })).toBe('idle: none of these');
  });

  test('none of these', () => {
    expect(decided({})).toBe('idle: none of these');
  });

  test('the document has each of them, in their order', () => {
    const page = readFileSync(new URL('../../docs/diagnose.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `([^`]+)` \| \*\*(\w+)\*\* \|/gm)];
    expect(rows.map(([, name, state]) => [name, state])).toEqual(
      RULES.map(({ name, state }) => [name, state]),
    );
  });
});

test('the worst listener speaks first, the others that matter after it', () => {
  const { worst, also } = judge(
    evidence([
      scope({ local: 'busy', completed: 100_000 }),
      scope({ local: 'small', unanswered: 300 }),
      scope({ local: 'large', unanswered: 30_000 }),
      scope({ local: 'surge', queue: { ...queue, peak: 129 } }),
    ]),
  );
  expect(worst.scope.local).toBe('large');
  expect(also.map((one) => one.scope.local)).toEqual(['small', 'surge']);
});

test('a flood that has a name comes before one that has none', () => {
  const { worst } = judge(
    evidence([
      scope({ local: null, listener: null, queue: null, cookies_unanswered: 90_000 }),
      scope({ queue: { ...queue, qlen: 129, peak: 129, old: 129 } }),
    ]),
  );
  expect(worst.scope.local).toBe('0.0.0.0:443');
});

test('honest clients beside a flood: from one a second, and ten', () => {
  const honest = (completed: number) =>
    judge(evidence([scope({ unanswered: 5000, completed })])).worst.honest;
  expect([honest(10), honest(9)]).toEqual([true, false]);
});

describe('severity', () => {
  const severity = (own: Partial<Scope>, all: Partial<Evidence> = {}) =>
    judge(evidence([scope(own)], all)).severity;
  const off = { settings: { somaxconn: 4096, tcp_max_syn_backlog: 4096, tcp_syncookies: 0 } };
  const flood = {
    unanswered: 4000,
    queue: { qlen: 1000, holds: 64_001, peak: 1000, old: 1000, stale: 0 },
  };

  test('idle and busy are ok, a surge a warning, a stuck application critical', () => {
    expect(severity({})).toBe('ok');
    expect(severity({ completed: 4000 })).toBe('ok');
    expect(severity({ completed: 4000, queue: { ...queue, peak: 129 } })).toBe('warning');
    expect(severity({ accept: { ...accept, full: 20 } })).toBe('critical');
  });

  test('a flood is critical where SYNs are refused, or soon will be', () => {
    expect(severity(flood)).toBe('warning');
    expect(severity({ ...flood, drops: 1 }, { totals: { queue_full: 1 } })).toBe('critical');
    // Without cookies: if it brings an eighth of the queue a second. 32 004 in 4 s are 8001 of 64 001.
    expect(severity({ ...flood, unanswered: 32_004 }, off)).toBe('critical');
    expect(severity({ ...flood, unanswered: 32_000 }, off)).toBe('warning');
    expect(severity({ ...flood, unanswered: 32_004 })).toBe('warning');
  });
});

test('when the queue is full', () => {
  const at = (qlen: number, unanswered: number, holds = 129) =>
    fullIn(scope({ unanswered, queue: { ...queue, qlen, holds } }));
  expect(at(29, 100)).toBe(4);
  expect(at(129, 0)).toBe(0);
  expect(at(0, 0)).toBe(null);
  expect(at(0, 100, 0)).toBe(null);
  // 25 a second, of which a queue over half full keeps 200.
  expect(at(0, 100, 200)).toBe(8);
  expect(at(0, 100, 201)).toBe(null);
});

test('of no time there is no rate', () => {
  expect(perSecond(scope({ seconds: 0 }), 7)).toBe(0);
  expect(perSecond(scope({ seconds: 0 }), 0)).toBe(0);
  expect(perSecond(scope({ seconds: 2 }), 7)).toBe(3.5);
});
