import { describe, expect, test } from 'vitest';
import { adviceFor, kernelMessage } from '../../src/diagnose/advice.js';
import type { Evidence, Scope } from '../../src/diagnose/evidence.js';
import { judge } from '../../src/diagnose/rules.js';
import { asObject, pluginLine, report } from '../../src/diagnose/words.js';
import type { Listener } from '../../src/proc/listeners.js';
import { byTrouble } from '../../src/proc/owners.js';
import { evidence, listener, scope } from './scope.js';

const ACCEPT = {
  inode: 1,
  sockets: 1,
  first: 0,
  last: 0,
  backlog: 128,
  readings: 9,
  full: 0,
  shrank: false,
};
const NAMES = { owners: [{ name: 'nginx', pid: 812, state: 'S', parent: 1 }], enter: '' };
const SETTINGS = { somaxconn: 4096, tcp_max_syn_backlog: 4096, tcp_syncookies: 1 };
const queue = { qlen: 0, holds: 129, peak: 0, old: 0, stale: 0 };

function told(own: Partial<Scope>, all: Partial<Evidence> = {}) {
  const seen = evidence([scope(own)], all);
  return report(judge(seen), seen, NAMES, false);
}

describe('headlines', () => {
  test.each<[string, Partial<Scope>]>([
    ['IDLE: no one connects, no queue is in trouble', {}],
    ['BUSY: handshakes complete, no queue is in trouble', { completed: 4000 }],
    [
      'SURGE on 0.0.0.0:443: more real clients than its queue takes',
      { completed: 4000, queue: { ...queue, peak: 129 } },
    ],
    ['FLOOD on 0.0.0.0:443', { unanswered: 4000 }],
    ['FLOOD', { unanswered: 4000, local: null }],
    [
      'FLOOD on 0.0.0.0:443; real clients still connect',
      { unanswered: 4000, completed: 40, cookies_ok: 1 },
    ],
    [
      'STUCK on 0.0.0.0:443: the application does not accept',
      { accept: { ...ACCEPT, first: 129, last: 129, full: 9 } },
    ],
    [
      'STUCK on 0.0.0.0:443: the application accepts too slowly',
      {
        accept: { ...ACCEPT, first: 129, last: 129, full: 8, shrank: true },
        ended: { ...scope().ended, completed: 7 },
      },
    ],
  ])('%s', (headline, own) => {
    expect(told(own).headline).toBe(headline);
  });
});

test('the evidence of a flood', () => {
  const { why } = told(
    {
      completed: 40,
      cookies_ok: 10,
      cookies: 900,
      cookies_unanswered: 890,
      unanswered: 3000,
      failed: 60,
      ended: { ...scope().ended, completed: 40, expired: 160 },
      queue: { qlen: 100, holds: 129, peak: 129, old: 90, stale: 0 },
      drops: 12,
      sources: {
        total: 3000,
        networks: 500,
        addresses: 3000,
        exact: true,
        top: '198.18.0.0/24',
        share: 0.01,
      },
    },
    {
      totals: { queue_full: 20, accept_full: 1 },
      lost: 3,
    },
  );
  expect(why).toEqual([
    '4000 handshakes in 5 s: 1 % completed, 97 % unanswered after a second, 2 % reset or unreachable (a busy server completes over 90 %)',
    '200 half-opens ended: 20 % completed, 80 % expired',
    'the unanswered are from 500 networks (/24, /64), the most from 198.18.0.0/24: 1 %',
    'SYN queue 100 of 129 (78 %), at most 129, 90 older than a second; full in about 1 s at this rate',
    '900 SYNs answered with a cookie, 10 came back',
    'SYNs refused: 20 for a full SYN queue, 1 for a full accept queue, 12 of them here',
    '3 events came too fast to be read: shares are of the others',
  ]);
});

describe('the one thing to change', () => {
  const surge = (own: Partial<Listener>, settings = SETTINGS) =>
    told({ completed: 4000, queue: { ...queue, peak: 129 }, listener: listener(own) }, { settings })
      .advice;

  test('flood without cookies: cookies', () => {
    const off = { ...SETTINGS, tcp_syncookies: 0 };
    const { advice } = told(
      { unanswered: 4000, queue: { ...queue, qlen: 1000, holds: 5000 } },
      { settings: off },
    );
    expect(advice).toMatchObject({
      setting: 'net.ipv4.tcp_syncookies',
      command: 'sysctl -w net.ipv4.tcp_syncookies=1',
      effect: 'real clients then connect while the SYN queue is full',
    });
    // 1,000 a second, of which the kernel keeps those of eight seconds.
    expect(advice.wont).toMatch(
      /^cookies do not stop the SYNs.*unless it holds over 8000 half-opens, /,
    );
  });

  test('in another namespace the command enters it', () => {
    const seen = evidence([scope({ unanswered: 4000 })], {
      settings: { ...SETTINGS, tcp_syncookies: 0 },
    });
    const { command } = adviceFor(judge(seen).worst, seen, {
      owners: [],
      enter: 'ip netns exec web ',
    });
    expect(command).toBe('ip netns exec web sysctl -w net.ipv4.tcp_syncookies=1');
  });

  test('flood with cookies: nothing', () => {
    const { advice } = told({ unanswered: 4000 });
    expect(advice).toMatchObject({ setting: null, command: null });
    expect(advice.effect).toMatch(/^nothing here: tcp_syncookies=1 lets real clients connect/);
  });

  test('flood in a capture: cookies, if they are off', () => {
    const unknown = { somaxconn: null, tcp_max_syn_backlog: null, tcp_syncookies: null };
    const { advice } = told({ unanswered: 4000 }, { settings: unknown });
    expect(advice.effect).toMatch(/^if it is not set: /);
  });

  test('surge, limit by listen(): in the application', () => {
    expect(surge({ backlog: 128 })).toMatchObject({
      setting: 'listen() backlog',
      command: null,
      effect:
        'restart nginx[812] if somaxconn was raised since it started; else give its listen() a backlog of 4096 first (net.core.somaxconn=4096 allows 4096)',
    });
  });

  test('surge, limit by somaxconn', () => {
    expect(surge({ backlog: 4096 })).toMatchObject({
      setting: 'net.core.somaxconn',
      command: 'sysctl -w net.core.somaxconn=8192',
      effect: expect.stringContaining('restart nginx[812]'),
    });
  });

  test('surge, limit by tcp_max_syn_backlog: as much as makes the backlog the limit', () => {
    const off = { ...SETTINGS, tcp_max_syn_backlog: 256, tcp_syncookies: 0 };
    const { setting, command } = surge({ backlog: 1000 }, off);
    expect([setting, command]).toEqual([
      'net.ipv4.tcp_max_syn_backlog',
      'sysctl -w net.ipv4.tcp_max_syn_backlog=2048',
    ]);
  });

  test('stuck: no setting', () => {
    const accept = { ...ACCEPT, first: 129, last: 129, full: 9, sockets: 2 };
    const stuck = told({ accept });
    expect(stuck.advice).toMatchObject({
      setting: null,
      command: 'ps -o pid,stat,wchan:20,args -p 812',
      wont: expect.stringContaining('a larger backlog'),
    });
    expect(stuck.why).toContain(
      'accept queue 129 of 128, full in 9 of 9 readings, the worst of 2 sockets',
    );
    expect(stuck.why).toContain('held by nginx[812]');
  });

  test('a stopped process: continue it', () => {
    const seen = evidence([scope({ accept: { ...ACCEPT, first: 129, last: 129, full: 9 } })]);
    const [parent, worker] = [
      { name: 'nginx', pid: 812, state: 'S', parent: 1 },
      { name: 'nginx', pid: 815, state: 'T', parent: 812 },
    ];
    const sleeping = { ...worker, pid: 814, state: 'S' };
    expect(byTrouble([parent, sleeping, worker])).toEqual([worker, sleeping, parent]);
    const names = { owners: byTrouble([parent, sleeping, worker]), enter: '' };
    const { advice, why } = report(judge(seen), seen, names, false);
    expect(advice.command).toBe('kill -CONT 815');
    expect(why).toContain('held by nginx[815] (stopped), nginx[814], nginx[812]');
  });

  test.each([{}, { completed: 4000 }])('idle and busy: nothing', (own) => {
    expect(told(own).advice).toMatchObject({ setting: null, command: null, wont: null });
  });
});

describe('"Possible SYN flooding"', () => {
  const message = (own: Partial<Scope>, settings = SETTINGS) => {
    const seen = evidence([scope(own)], { settings });
    return kernelMessage(judge(seen).worst, seen);
  };

  test('printed, before the watch or during it; not again', () => {
    const warned = { listener: listener({ warned: true }) };
    expect(message(warned)).toMatchObject({ printed: true, will: false });
    expect(message(warned)?.why).toMatch(/^printed during this watch/);
    expect(message({ ...warned, warned_before: true })?.why).toMatch(/^printed before this watch/);
  });

  test('still to come', () => {
    const rising = { unanswered: 400, queue: { ...queue, qlen: 29 } };
    expect(message(rising)).toMatchObject({ printed: false, will: true });
    expect(message(rising)?.why).toMatch(/over 128 half-opens queued, in about 1 s at this rate$/);
    expect(message({ listener: listener({ qlen: 129 }) })).toMatchObject({ will: true });
    expect(message({})).toMatchObject({ printed: false, will: false });
  });

  test('never: nothing but cookies, or the three-quarters rule', () => {
    const rising = { unanswered: 400, queue: { ...queue, qlen: 29 } };
    expect(message(rising, { ...SETTINGS, tcp_syncookies: 2 })?.why).toMatch(/never with/);
    const rule = { ...SETTINGS, tcp_syncookies: 0, tcp_max_syn_backlog: 64 };
    expect(message({ ...rising, listener: listener({ holds: 49 }) }, rule)).toMatchObject({
      will: false,
      why: expect.stringContaining('refuses SYNs silently from 49 half-opens on'),
    });
  });

  test('not known in a capture', () => {
    expect(message({ listener: null })).toBe(null);
  });
});

describe('for monitoring', () => {
  const line = (own: Partial<Scope>, all: Partial<Evidence> = {}) => {
    const seen = evidence([scope(own)], all);
    return pluginLine(report(judge(seen), seen, NAMES, false), seen);
  };

  test('one line: state, words, figures', () => {
    expect(
      line(
        { unanswered: 4000, completed: 40, queue: { ...queue, qlen: 100 } },
        { half_open: 100, totals: { cookies: 5, queue_full: 7, accept_full: 1 } },
      ),
    ).toBe(
      'TCPSYNQ WARNING - FLOOD on 0.0.0.0:443; real clients still connect | half_open=100;;;0; completed=1%;;;0;100 failed_per_second=1000;;;0; cookies=5;;;0; refused=8;;;0; syn_queue=100;;;0;129 accept_queue=0;;;0;129',
    );
  });

  test('a bar in an address begins no figures', () => {
    const text = line({ unanswered: 4000, local: '0.0.0.0:80|half_open=0' });
    expect(text).toMatch(/^TCPSYNQ WARNING - FLOOD on 0\.0\.0\.0:80\/half_open=0[^|]* \| [^|]+$/);
  });

  test('a socket that its user leaves stuck hides no flood, and no surge', () => {
    const stuck = { ...ACCEPT, first: 1, last: 1, backlog: 0, full: 9 };
    const toys = Array.from({ length: 20 }, (_, i) =>
      scope({ local: `127.0.0.1:${7000 + i}`, accept: { ...stuck, last: i + 1 } }),
    );
    const seen = evidence([
      ...toys,
      scope({ local: '0.0.0.0:80', completed: 4000, queue: { ...queue, peak: 129 } }),
      scope({ local: '0.0.0.0:8080', unanswered: 400 }),
      scope({ local: '0.0.0.0:443', unanswered: 4000 }),
    ]);
    const all = report(judge(seen), seen, NAMES, false);
    expect(pluginLine(all, seen).split(' | ')[0]).toBe(
      'TCPSYNQ CRITICAL - STUCK on 127.0.0.1:7019: the application does not accept, also FLOOD on 0.0.0.0:443, also SURGE on 0.0.0.0:80',
    );
    expect(all.why.filter((line) => /^(also|and)/.test(line))).toEqual([
      'also: FLOOD on 0.0.0.0:443',
      'also: SURGE on 0.0.0.0:80: more real clients than its queue takes',
      'also: STUCK on 127.0.0.1:7018: the application does not accept',
      'also: STUCK on 127.0.0.1:7017: the application does not accept',
      'and 18 more',
    ]);
  });

  test('an address of any length makes a line of bounded length', () => {
    expect(line({ unanswered: 4000, local: '\x1b'.repeat(100_000) }).length).toBeLessThan(500);
  });

  test('figures that are not known are left out', () => {
    expect(line({ queue: null, accept: null })).toBe(
      'TCPSYNQ OK - IDLE: no one connects, no queue is in trouble | half_open=0;;;0; failed_per_second=0;;;0; cookies=0;;;0;',
    );
  });
});

test('as an object', () => {
  const seen = evidence([
    scope({ unanswered: 4000, ended: { ...scope().ended, expired: 3, completed: 1 } }),
    scope({ local: '0.0.0.0:80', queue: { ...queue, peak: 129 } }),
    scope({ local: '0.0.0.0:22' }),
  ]);
  expect(asObject(report(judge(seen), seen, NAMES, false), seen)).toMatchObject({
    verdict: 'flood',
    honest_clients: false,
    listener: '0.0.0.0:443',
    rule: 'unanswered by many networks',
    severity: 'warning',
    completion: 0,
    expiry: 0.75,
    also: [{ verdict: 'surge', listener: '0.0.0.0:80', rule: 'queue half full' }],
    evidence: { scopes: [{ local: '0.0.0.0:443' }, { local: '0.0.0.0:80' }] },
  });
});
