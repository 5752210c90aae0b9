import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SourceSummary } from '../../src/aggregate/source-sketch.js';
import type { Evidence, Scope } from '../../src/diagnose/evidence.js';
import { fullIn, judge, perSecond, RULES } from '../../src/diagnose/rules.js';
import { evidence, listener, scope } from './scope.js';

/** Return the state and the rule that decided, as "state: rule". */
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
    // The half-opens are old because the kernel ignored their final ACKs, so this is not a flood.
    expect(
      decided({ accept: { ...accept, full: 20 }, queue: { ...queue, qlen: 129, old: 129 } }),
    ).toBe('stuck: accept queue full');
  });

  test('nothing accepted', () => {
    const waiting = { ...accept, first: 2, last: 52 };
    const all = { ...ended, completed: 50 };
    expect(decided({ accept: waiting, ended: all })).toBe('stuck: nothing accepted');
    expect(decided({ accept: { ...accept, first: 10, last: 10 } })).toBe('stuck: nothing accepted');
    // In turn: one was accepted; too few to judge; the queue got shorter; events were lost.
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
    // Nine are too few, even in a tiny queue, unless the queue refuses other SYNs.
    const tiny = { queue: { qlen: 9, holds: 9, peak: 9, old: 9, stale: 0 } };
    expect(decided(tiny)).toBe('idle: none of these');
    expect(decided({ ...tiny, drops: 10 }, { totals: { queue_full: 10 } })).toBe(
      'flood: old half-opens',
    );
    // At the end few are old: a batch has just expired, and another has arrived. So the share of
    // readings with too many old ones decides.
    expect(decided({ queue: { ...queue, qlen: 129, peak: 129, old: 3, stale: 0.6 } })).toBe(
      'flood: old half-opens',
    );
    expect(decided({ queue: { ...queue, qlen: 129, peak: 129, old: 3, stale: 0.4 } })).toBe(
      'surge: queue half full',
    );
    // The accept queue was full for a moment, so the old half-opens may have been answered.
    const full = { ...queue, qlen: 129, peak: 129, old: 129 };
    const overflown = { totals: { accept_full: 1 } };
    expect(decided({ queue: full, drops: 1 }, overflown)).toBe('surge: queue half full');
    expect(decided({ queue: full, accept: { ...accept, full: 1, shrank: true } })).toBe(
      'surge: queue half full',
    );
    // This listener dropped nothing, so the full accept queue was another's.
    expect(decided({ queue: full }, overflown)).toBe('flood: old half-opens');
    // With TCP_DEFER_ACCEPT they may be clients that have not sent data yet.
    expect(
      decided({
        queue: { ...queue, qlen: 129, peak: 129, old: 129 },
        listener: listener({ defer_accept: 3 }),
      }),
    ).toBe('surge: queue half full');
  });

  test('unanswered by many networks', () => {
    // 200 in 4 s are 50 a second; with 1,800 completed, a tenth of the handshakes failed.
    expect(decided({ completed: 1799, unanswered: 200 })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ completed: 1800, unanswered: 200 })).toBe('busy: handshakes');
    expect(decided({ cookies: 900, cookies_unanswered: 200 })).toBe(
      'flood: unanswered by many networks',
    );
    // Handshakes that complete through cookies count as completed.
    expect(decided({ cookies: 2000, cookies_ok: 1800, cookies_unanswered: 200 })).toBe(
      'surge: cookies',
    );
    // It takes 32 networks, or half the number of SYNs if that is less.
    const from = (networks: number, total: number) => origins({ networks, total });
    expect(decided({ unanswered: 199, sources: from(32, 199) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 199, sources: from(31, 199) })).toBe('unanswered: unanswered');
    expect(decided({ unanswered: 20, sources: from(10, 20) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 20, sources: from(9, 20) })).toBe('unanswered: unanswered');
    // Two networks, but 50 SYNs a second, and at least 80 % of the addresses are distinct.
    const once = { networks: 2, total: 200 };
    const addresses = (n: number) => origins({ ...once, addresses: n });
    expect(decided({ unanswered: 200, sources: addresses(160) })).toBe(
      'flood: unanswered by many networks',
    );
    expect(decided({ unanswered: 200, sources: addresses(159) })).toBe('unanswered: unanswered');
    expect(decided({ unanswered: 199, sources: addresses(200) })).toBe('unanswered: unanswered');
    // One network, but its SYNs keep others out of the queue.
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
    // In turn: half completed; too few; only one in two seconds.
    expect(decided({ unanswered: 10, completed: 10 })).toBe('busy: handshakes');
    expect(decided({ unanswered: 9 })).toBe('idle: none of these');
    expect(decided({ unanswered: 10, seconds: 20 })).toBe('idle: none of these');
    // With TCP_DEFER_ACCEPT they may be clients that have not sent data yet.
    expect(decided({ unanswered: 199, listener: listener({ defer_accept: 3 }) })).toBe(
      'idle: none of these',
    );
    // The queue is full of old half-opens of one network.
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
    // With tcp_syncookies=2 the kernel queues nothing.
    expect(decided({ completed: 4000, queue: { ...queue, holds: 0 } })).toBe('busy: handshakes');
  });

  test('refused', () => {
    const some = { completed: 4000, drops: 70 };
    expect(decided(some, { totals: { queue_full: 41 } })).toBe('surge: refused');
    // One refused SYN in a hundred does no harm: its client repeats it.
    expect(decided(some, { totals: { queue_full: 40 } })).toBe('busy: handshakes');
    // Not every drop of the socket is a refused SYN.
    expect(decided(some)).toBe('busy: handshakes');
  });

  test('cookies', () => {
    const some = { cookies: 5, cookies_ok: 5 };
    expect(decided(some)).toBe('surge: cookies');
    // Five cookies for 4,000 handshakes of a busy server do no harm.
    expect(decided({ ...some, completed: 4000 })).toBe('busy: handshakes');
    const always = { somaxconn: 4096, tcp_max_syn_backlog: 4096, tcp_syncookies: 2 };
    expect(decided(some, { settings: always })).toBe('busy: handshakes');
  });

  test('reset', () => {
    expect(decided({ failed: 200 })).toBe('probes: reset');
    expect(decided({ failed: 9 })).toBe('idle: none of these');
    // As many clients complete.
    expect(decided({ failed: 200, completed: 200 })).toBe('busy: handshakes');
    // More are unanswered than reset.
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

test('the worst listener comes first, then the others in trouble', () => {
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

test('a flood at a known listener comes before one at an unknown listener', () => {
  const { worst } = judge(
    evidence([
      scope({ local: null, listener: null, queue: null, cookies_unanswered: 90_000 }),
      scope({ queue: { ...queue, qlen: 129, peak: 129, old: 129 } }),
    ]),
  );
  expect(worst.scope.local).toBe('0.0.0.0:443');
});

test('real clients beside a flood: at least one a second, and ten', () => {
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
    // Without cookies: if an eighth of the queue arrives a second: 32,004 in 4 s, 8,001 of 64,001.
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
  // 25 a second; a queue over half full keeps 8 s of them, which is 200.
  expect(at(0, 100, 200)).toBe(8);
  expect(at(0, 100, 201)).toBe(null);
});

test('the rate over no time is 0', () => {
  expect(perSecond(scope({ seconds: 0 }), 7)).toBe(0);
  expect(perSecond(scope({ seconds: 0 }), 0)).toBe(0);
  expect(perSecond(scope({ seconds: 2 }), 7)).toBe(3.5);
});
