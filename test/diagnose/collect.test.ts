import { describe, expect, test } from 'vitest';
import { Collector, UNKNOWN_SETTINGS } from '../../src/diagnose/collect.js';
import type { Evidence } from '../../src/diagnose/evidence.js';
import { judge } from '../../src/diagnose/rules.js';
import type { Listener } from '../../src/proc/listeners.js';
import { countLine, feed } from '../capture.js';
import { gc } from '../memory.js';
import { listener } from './scope.js';

type Figures = Readonly<Record<string, number>>;

/** A stream as the module writes it, with the A and R lines of all half-opens. */
class Stream {
  readonly #lines: (readonly [number, string])[] = [];
  #n = 0;

  count(time: number, figures: Figures): void {
    this.#lines.push([time, countLine(time, figures)]);
  }

  /** Add a half-open; without an outcome it stays. */
  halfOpen(begun: number, outcome?: string, age = 0, local = '10.0.0.1:443'): void {
    this.#n += 1;
    const remote = `198.18.${this.#n % 256}.${(this.#n >> 8) % 256}:1024`;
    this.#lines.push([begun, `A ${begun.toFixed(9)} ${local} ${remote} 1 129`]);
    if (outcome !== undefined) {
      const end = begun + age;
      const line = `R ${end.toFixed(9)} ${local} ${remote} 0 ${outcome} ${Math.round(age * 1e6)} 1`;
      this.#lines.push([end, line]);
    }
  }

  /** Add a SYN that does not enter the queue, or with `cookie_ok` the cookie of one. */
  syn(time: number, answer: string, remote: string, local = '10.0.0.1:443'): void {
    const y = `Y ${time.toFixed(9)} ${local} ${remote} ${answer} 129 129 0 128 - - - - - - -`;
    this.#lines.push([time, y]);
  }

  text(): string {
    const lines = [...this.#lines].sort(([a], [b]) => a - b).map(([, line]) => line);
    return `# tcpsynq 1\n${lines.join('\n')}\n`;
  }
}

function fold(text: string, readings: readonly (readonly Listener[])[] = []): Evidence {
  const collector = new Collector(UNKNOWN_SETTINGS);
  for (const reading of readings) {
    collector.listeners(reading);
  }
  feed(text, collector);
  return collector.finish();
}

/** Return the CPU time of this process in ms, since a busy machine does not run it all the time. */
const cpuMs = (): number => process.cpuUsage().user / 1000;

/** Add C lines, a tenth of a second apart. */
function counts(stream: Stream, seconds: number, at: (time: number) => Figures): void {
  for (let i = 0; i <= seconds * 10; i++) {
    stream.count(i / 10, at(i / 10));
  }
}

describe('SYNs that do not enter the queue', () => {
  const HERE = '10.0.0.1:443';
  const THERE = '10.0.0.1:80';

  test('cookies belong to their listener: those not back after a second are unanswered', () => {
    const stream = new Stream();
    counts(stream, 5, (time) => ({ cookies: Math.round(110 * time), cookies_ok: 50 }));
    for (let i = 0; i < 500; i++) {
      stream.syn(i / 100 + 0.001, 'cookie', `198.18.${i % 250}.1:1024`, HERE);
    }
    for (let i = 0; i < 50; i++) {
      stream.syn(i / 10 + 0.002, 'cookie', `192.0.2.1:${1024 + i}`, THERE);
      stream.syn(i / 10 + 0.052, 'cookie_ok', `192.0.2.1:${1024 + i}`, THERE);
    }
    const seen = fold(stream.text(), [
      [listener({ local: HERE, qlen: 129 }), listener({ local: THERE, inode: 2 })],
    ]);
    const scope = (local: string) => seen.scopes.find((one) => one.local === local);
    expect(scope(HERE)).toMatchObject({ cookies: 500, cookies_ok: 0, cookies_unanswered: 400 });
    expect(scope(HERE)?.sources).toMatchObject({ networks: 250 });
    expect(scope(THERE)).toMatchObject({ cookies: 50, cookies_ok: 50, cookies_unanswered: 0 });
    expect(scope(THERE)?.sources).toBeNull();
    expect(judge(seen).worst).toMatchObject({ state: 'flood', scope: { local: HERE } });
  });

  test('refused SYNs belong to their listener, with their sources', () => {
    const stream = new Stream();
    counts(stream, 5, (time) => ({ queue_full: Math.round(100 * time) }));
    for (let i = 0; i < 500; i++) {
      stream.syn(i / 100 + 0.001, 'queue_full', `198.18.${i % 250}.1:1024`, HERE);
    }
    stream.syn(1, 'other', '192.0.2.1:1024', THERE);
    stream.syn(2, 'accept_full', '192.0.2.1:1025', THERE);
    stream.syn(3, 'fastopen', '192.0.2.1:1026', THERE);
    const { scopes, syns } = fold(stream.text());
    expect(syns).toBe(true);
    const scope = (local: string) => scopes.find((one) => one.local === local);
    expect(scope(HERE)).toMatchObject({ queue_full: 500, accept_full: 0, refused_other: 0 });
    expect(scope(HERE)?.refused_sources).toMatchObject({ total: 500, networks: 250 });
    expect(scope(HERE)?.queue).toMatchObject({ qlen: 129, holds: 129 });
    expect(scope(THERE)).toMatchObject({ queue_full: 0, accept_full: 1, refused_other: 1 });
  });

  test('if rows were lost, the counters of the namespace are used', () => {
    const stream = new Stream();
    counts(stream, 5, (time) => ({ queue_full: Math.round(100 * time) }));
    stream.syn(1, 'queue_full', '198.18.0.1:1024', HERE);
    const { scopes, syns } = fold(`${stream.text()}L 5.0 Y 499 499 500\n`);
    expect(syns).toBe(false);
    expect(scopes[0]).toMatchObject({ queue_full: 500 });
  });
});

describe('events', () => {
  test('a half-open is judged once it has had a second, and only then', () => {
    const stream = new Stream();
    counts(stream, 5, () => ({ half_open: 0 }));
    for (let i = 0; i < 500; i++) {
      // 100 a second: a third completes, a third is reset, a third is never answered.
      stream.halfOpen(i / 100 + 0.001, ['completed', 'reset', undefined][i % 3], 0.05);
    }
    const { scopes, seconds, sources } = fold(stream.text());
    expect(seconds).toBeCloseTo(5);
    expect(scopes).toHaveLength(1);
    const [scope] = scopes;
    expect(scope?.seconds).toBeCloseTo(4);
    // Only half-opens that began in the first four seconds.
    expect(scope?.completed).toBe(134);
    expect(scope?.failed).toBe(133);
    expect(scope?.unanswered).toBe(133);
    // All half-opens that ended.
    expect(scope?.ended).toMatchObject({ completed: 167, reset: 167, expired: 0 });
    expect(sources).toMatchObject({ networks: 256, exact: true });
  });

  test('a slow client completes too: after the SYN-ACK was sent again', () => {
    const stream = new Stream();
    counts(stream, 6, () => ({ half_open: 0 }));
    for (let i = 0; i < 100; i++) {
      stream.halfOpen(i / 100 + 0.001, 'completed', 3.2);
    }
    expect(fold(stream.text()).scopes[0]).toMatchObject({ completed: 100, unanswered: 0 });
  });

  test('a half-open from before the watch is not judged, but its end is reported', () => {
    const stream = new Stream();
    counts(stream, 3, () => ({ half_open: 0 }));
    const text = stream
      .text()
      .concat('R 3.000000000 10.0.0.1:443 198.18.0.1:1 0 expired 63000000 6\n');
    expect(fold(text).scopes[0]).toMatchObject({
      unanswered: 0,
      completed: 0,
      ended: { expired: 1 },
    });
  });

  test('a capture shows the queue too: its length, and how much of it is old', () => {
    const lines = Array.from({ length: 150 }, (_, i) => {
      // 100 in the first second, 50 in the last half second.
      const time = i < 100 ? i / 100 : 3.5 + (i - 100) / 100;
      return `A ${time} 10.0.0.1:443 198.18.0.1:${i + 1} ${i + 1} 181`;
    });
    const text = ['# tcpsynq 1', countLine(0, {}), ...lines, countLine(4, { half_open: 150 }), ''];
    const seen = fold(text.join('\n'));
    expect(seen.scopes[0]?.queue).toEqual({ qlen: 150, holds: 181, peak: 150, old: 100, stale: 1 });
    // All are from one network, like real clients that get no answer.
    expect(judge(seen).worst).toMatchObject({ state: 'unanswered', rule: 'unanswered' });
    const spread = text.join('\n').replace(/198\.18\.0\.1:(\d+)/g, (_, n) => `198.18.${n}.1:1024`);
    expect(judge(fold(spread)).worst).toMatchObject({ state: 'flood', rule: 'old half-opens' });
  });

  test('sources are those of the unanswered half-opens of each listener', () => {
    const stream = new Stream();
    for (let i = 0; i < 100; i++) {
      stream.halfOpen(i / 100);
      stream.halfOpen(i / 100, 'completed', 0.05, '10.0.0.1:8443');
      stream.halfOpen(i / 100, 'reset', 0.001, '10.0.0.1:22');
    }
    const text = stream.text().split('\n').slice(1).join('\n');
    const seen = fold(`# tcpsynq 1\n${countLine(0, {})}\n${text}${countLine(3, {})}\n`);
    const of = (port: number) => seen.scopes.find(({ local }) => local === `10.0.0.1:${port}`);
    // Each listener gets every third half-open, and each half-open has its own network.
    expect(of(443)?.sources).toMatchObject({ total: 100, networks: 100, exact: true });
    expect(of(8443)).toMatchObject({ sources: null, completed: 100, failed_within: 0 });
    expect(of(22)).toMatchObject({ sources: null, failed: 100, failed_within: 0.001 });
  });

  test('time that goes back begins a new stretch', () => {
    const stretch = (from: number, half_open: number) =>
      [0, 1, 2, 3].map((n) => countLine(from + n, { half_open, added: half_open }));
    const seen = fold(['# tcpsynq 1', ...stretch(60, 7), ...stretch(10, 0), ''].join('\n'));
    expect(seen).toMatchObject({ seconds: 6, turns: 1, totals: { added: 0 } });
  });

  test('the share that completed since the module was loaded', () => {
    const share = (figures: Figures) =>
      fold(`# tcpsynq 1\n${countLine(0, figures)}\n${countLine(3, figures)}\n`).completed_before;
    expect(share({ completed: 99, expired: 1 })).toBe(0.99);
    expect(share({ completed: 9 })).toBe(null);
  });

  test('a listener takes what its port gets, on any address', () => {
    const stream = new Stream();
    counts(stream, 3, () => ({ half_open: 0 }));
    for (let i = 0; i < 10; i++) {
      stream.halfOpen(0.5, undefined, 0, '10.0.0.1:443');
      stream.halfOpen(0.5, undefined, 0, '[2001:db8::1]:443');
      stream.halfOpen(0.5, undefined, 0, '10.0.0.9:443');
      stream.halfOpen(0.5, undefined, 0, '10.0.0.1:80');
    }
    const reading = [
      listener({ local: '0.0.0.0:443' }),
      listener({ local: '[::]:443', inode: 2 }),
      listener({ local: '10.0.0.9:443', inode: 3 }),
    ];
    const { scopes } = fold(stream.text(), [reading, reading]);
    const unanswered = Object.fromEntries(scopes.map((one) => [one.local, one.unanswered]));
    expect(unanswered).toEqual({
      '0.0.0.0:443': 10,
      '[::]:443': 10,
      '10.0.0.9:443': 10,
      '10.0.0.1:80': 10,
    });
  });

  test('any number of local addresses takes bounded memory', () => {
    const lines = Array.from(
      { length: 5000 },
      (_, i) => `A 0.5 10.1.${i >> 8}.${i & 255}:443 198.18.0.1:1 1 129`,
    );
    const text = `# tcpsynq 1\n${countLine(0, {})}\n${lines.join('\n')}\n${countLine(3, {})}\n`;
    expect(fold(text).scopes.length).toBeLessThanOrEqual(1024);
  });

  test('rows that were lost are counted', () => {
    const text = `# tcpsynq 1\n${countLine(0, {})}\nL 1.0 A 70 70 100\nL 2.0 R 5 5 10\n${countLine(3, {})}\n`;
    expect(fold(text).lost).toBe(75);
  });
});

describe('cookies', () => {
  const cookies = (stream: Stream, ok: number) =>
    counts(stream, 5, (time) => ({
      half_open: 0,
      cookies: Math.round(time * 1000),
      // Each cookie comes back half a second later.
      cookies_ok: Math.round(Math.max(0, time - 0.5) * 1000 * ok),
    }));

  test('cookies of the last second are not yet unanswered', () => {
    const [all, none] = [1, 0].map((ok) => {
      const stream = new Stream();
      cookies(stream, ok);
      return fold(stream.text()).scopes[0];
    });
    expect(all).toMatchObject({ cookies: 5000, cookies_ok: 4500, cookies_unanswered: 0 });
    expect(none).toMatchObject({ cookies: 5000, cookies_ok: 0, cookies_unanswered: 4000 });
  });

  test("they are a listener's if no other was full", () => {
    const stream = new Stream();
    cookies(stream, 0);
    const full = listener({ local: '0.0.0.0:80', inode: 2, qlen: 129 });
    const one = fold(stream.text(), [[listener(), full]]).scopes;
    expect(one.map(({ local, cookies }) => [local, cookies])).toEqual([
      ['0.0.0.0:443', 0],
      ['0.0.0.0:80', 5000],
    ]);
    const two = fold(stream.text(), [[listener({ qlen: 129 }), full]]).scopes;
    expect(two.map(({ local, cookies }) => [local, cookies])).toEqual([
      ['0.0.0.0:443', 0],
      ['0.0.0.0:80', 0],
      [null, 5000],
    ]);
  });
});

describe('counts alone', () => {
  const verdict = (seconds: number, at: (time: number) => Figures) => {
    const stream = new Stream();
    counts(stream, seconds, at);
    return judge(fold(stream.text())).worst;
  };

  test('a fresh flood: the queue grows, nothing has expired yet', () => {
    const at = (time: number) => ({ half_open: time * 1000, added: time * 1000 });
    expect(verdict(5, at)).toMatchObject({ state: 'flood', honest: false });
  });

  test('an old flood: as many expire as come', () => {
    const at = (time: number) => ({ half_open: 63_000, added: time * 1000, expired: time * 1000 });
    expect(verdict(5, at)).toMatchObject({ state: 'flood' });
  });

  test('steady busy, with many in flight at any time', () => {
    const at = (time: number) => ({ half_open: 300, added: time * 1000, completed: time * 1000 });
    expect(verdict(5, at)).toMatchObject({ state: 'busy' });
  });

  test('a sudden rise of real clients is not a flood', () => {
    const begun = (time: number) => Math.max(0, time - 3) * 5000;
    const at = (time: number) => ({
      half_open: begun(time) - begun(time - 0.1),
      added: begun(time),
      completed: begun(time - 0.1),
    });
    expect(verdict(5, at)).toMatchObject({ state: 'busy' });
  });

  test('nothing', () => {
    expect(verdict(5, () => ({ half_open: 0 }))).toMatchObject({ state: 'idle' });
  });

  test('counts before and after a reload of the module are not mixed', () => {
    const one = new Stream();
    counts(one, 3, (time) => ({ added: 5000 + time * 100, completed: 5000 + time * 100 }));
    const two = new Stream();
    counts(two, 4, (time) => ({ added: time * 100, completed: time * 100 }));
    const { seconds, totals } = fold(one.text() + two.text());
    expect(seconds).toBeCloseTo(7);
    expect(totals).toMatchObject({ added: 700, completed: 700 });
  });
});

describe('readings of the listeners', () => {
  const text = () => {
    const stream = new Stream();
    counts(stream, 3, () => ({ half_open: 0 }));
    return stream.text();
  };

  test('queues at the end, the fullest, the drops in between', () => {
    const { scopes } = fold(text(), [
      [listener({ qlen: 5, drops: 10 })],
      [listener({ qlen: 100, drops: 20, accept_qlen: 129 })],
      [listener({ qlen: 30, young: 12, drops: 25, accept_qlen: 128, warned: true })],
    ]);
    expect(scopes).toMatchObject([
      {
        local: '0.0.0.0:443',
        drops: 15,
        queue: { qlen: 30, holds: 129, peak: 100, old: 18, stale: expect.any(Number) },
        accept: { first: 0, last: 128, readings: 3, full: 1, shrank: true },
        warned_before: false,
      },
    ]);
  });

  test('a listener that is gone by the last reading is left out', () => {
    const gone = listener({ local: '0.0.0.0:80', inode: 2, accept_qlen: 129 });
    expect(fold(text(), [[listener(), gone], [listener()]]).scopes).toHaveLength(1);
  });

  test('sockets that come and go are forgotten, with what they dropped', () => {
    const collector = new Collector(UNKNOWN_SETTINGS);
    const stay = (drops: number) => listener({ inode: 1, drops });
    const used = () => {
      gc();
      return process.memoryUsage().heapUsed;
    };
    collector.listeners([stay(5)]);
    const before = used();
    for (let i = 0; i < 200; i += 1) {
      const others = Array.from({ length: 1000 }, (_, j) =>
        listener({ local: `127.0.0.1:${1024 + i}`, inode: 2 + i * 1000 + j, drops: 3 }),
      );
      collector.listeners([...others, stay(6)]);
    }
    collector.listeners([stay(7)]);
    expect(used() - before).toBeLessThan(10e6);
    feed(text(), collector);
    expect(collector.finish().scopes).toMatchObject([
      { local: '0.0.0.0:443', drops: 2, accept: { readings: 202 } },
    ]);
  });

  test('the fullest of several sockets on one address counts', () => {
    const reading = [listener(), listener({ inode: 2, accept_qlen: 129 })];
    const { scopes } = fold(text(), [reading, reading]);
    expect(scopes).toMatchObject([{ accept: { last: 129, full: 2 } }]);
  });
});

describe('times that a capture makes up', () => {
  const forged = (rows: readonly string[]) =>
    fold(`# tcpsynq 1\n${countLine(0, { half_open: 0 })}\n${rows.join('\n')}\n`);

  test('half-opens of the future take bounded time at each count', () => {
    const future = Array.from(
      { length: 50_000 },
      (_, i) => `A ${1000 + i / 10} 10.0.0.1:443 198.18.0.1:1 1 129`,
    );
    const later = Array.from({ length: 50_000 }, (_, i) => countLine(i / 1000, { half_open: 0 }));
    const before = cpuMs();
    const { scopes } = forged([...future, ...later]);
    // A walk over all half-opens at each count would take much longer.
    expect(cpuMs() - before).toBeLessThan(8000);
    expect(scopes).toMatchObject([{ unanswered: 0 }]);
  });

  test('one half-open of the future does not keep others from being judged', () => {
    const rows = [
      'A 99999.0 10.0.0.1:443 198.18.0.1:1 1 129',
      ...Array.from({ length: 5 }, (_, i) => [
        `A ${i + 0.5} 10.0.0.1:443 198.18.0.1:${i} 1 129`,
        countLine(i + 1, { half_open: 0 }),
      ]).flat(),
    ];
    expect(forged(rows).scopes).toMatchObject([{ unanswered: 4, completed: 0 }]);
  });

  test('counts minutes apart: all that began before the last is judged', () => {
    const rows = ['0.5', '100.0', '299.0'].map(
      (time, i) => `A ${time} 10.0.0.1:443 198.18.0.1:${i + 1} 1 129`,
    );
    const { scopes } = forged([...rows, countLine(301, { half_open: 3 })]);
    expect(scopes).toMatchObject([{ unanswered: 3 }]);
  });
});

test('two hundred thousand counts of one moment, and twenty thousand of one second, are judged', () => {
  const same = 'C 1.0 5\n'.repeat(200_000);
  const second = Array.from({ length: 20_000 }, (_, i) => `C ${(2 + i / 20_000).toFixed(6)} 7\n`);
  const text = `# C time half_open\nC 0.0 9\n${same}${second.join('')}C 12.0 6\n`;
  expect(fold(text)).toMatchObject({ seconds: 12, half_open: 6, peak: 9 });
});

test('a hundred thousand headers after half-opens of a thousand listeners take no time', () => {
  const rows = Array.from(
    { length: 1024 },
    (_, i) => `A 0.5 10.0.${i >> 8}.${i & 255}:443 198.18.0.1:1 1 129\n`,
  ).join('');
  const text = `${countLine(0, {})}\n${rows}${'# tcpsynq 1\n'.repeat(100_000)}`;
  const before = cpuMs();
  expect(fold(text).scopes).toHaveLength(1024);
  expect(cpuMs() - before).toBeLessThan(4000);
});
