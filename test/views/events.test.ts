import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HalfOpen } from '../../src/aggregate/half-open.js';
import { Tally } from '../../src/aggregate/tally.js';
import { Histogram } from '../../src/sketch/histogram.js';
import { micros, render, widthOf } from '../../src/terminal/text.js';
import { halfOpenForm } from '../../src/views/events/form.js';
import { barLines, binsOf } from '../../src/views/events/handshake.js';
import { drawTop, sureness, type Top } from '../../src/views/events/top.js';

const ADDED: HalfOpen = {
  event: 'added',
  time: 1,
  local: '10.9.0.1:443',
  remote: '198.18.0.1:1024',
  qlen: 512,
  limit: 65_537,
  outcome: null,
  age_us: null,
  synacks: null,
};
const REMOVED: HalfOpen = {
  ...ADDED,
  event: 'removed',
  qlen: 511,
  outcome: 'expired',
  age_us: 63_125_000,
  synacks: 6,
};

describe('times', () => {
  test.each([
    [0, '0 µs'],
    [999, '999 µs'],
    [999.6, '1 ms'],
    [40_250, '40.3 ms'],
    [999_600, '1 s'],
    [63_125_000, '63.1 s'],
    [4_294_967_295, '4295 s'],
  ])('shows an age of %d µs', (us, text) => {
    expect(micros(us)).toBe(text);
  });
});

describe('lines', () => {
  const plain = (event: HalfOpen, columns: number, lines = halfOpenForm().aligned) =>
    render(lines.line(event, '12:04:31.123456', columns), 999, false).trimEnd();

  test('everything, where there is room', () => {
    expect(plain(ADDED, 200)).toBe('12:04:31.123456 + 198.18.0.1:1024 10.9.0.1:443 512/65 537');
    expect(plain(REMOVED, 200)).toBe(
      '12:04:31.123456 - 198.18.0.1:1024 10.9.0.1:443 511/65 537 expired    63.1 s        6',
    );
  });

  test('the least first to be left out', () => {
    expect(plain(REMOVED, 58)).toBe('12:04:31 - 198.18.0.1:1024 511/65 537 expired    63.1 s');
    expect(plain(REMOVED, 40)).toBe('- 198.18.0.1:1024 511/65 537 expired');
    expect(plain(REMOVED, 28)).toBe('- 198.18.0.1:1024 expired');
    expect(plain(REMOVED, 10)).toBe('- 198.18.0.1:1024');
  });

  test('once wide, always wide: later lines stay aligned', () => {
    const lines = halfOpenForm().aligned;
    const long = '[2001:db8:1111:2222:3333:4444:5555:6666]:65535';
    const first = plain({ ...REMOVED, remote: long }, 120, lines);
    const second = plain(REMOVED, 120, lines);
    expect(second.indexOf('expired')).toBe(first.indexOf('expired'));
    expect(second.indexOf('10.9.0.1')).toBe(first.indexOf('10.9.0.1'));
  });

  test('text from outside cannot steer a terminal', () => {
    expect(plain({ ...REMOVED, outcome: 'a\u001b[2Jb', limit: null }, 200)).toMatch(
      / 511 a\\x1b\[2Jb +63\.1 s +6$/,
    );
  });
});

describe('histogram', () => {
  const times = fc.array(fc.integer({ min: 1, max: 70_000_000 }), { minLength: 1, maxLength: 300 });

  test('every handshake is in one row, the one its time belongs to', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 3, max: 30 }), (values, rows) => {
        const histogram = new Histogram();
        values.forEach((value) => {
          histogram.add(value);
        });
        const bins = binsOf(histogram, rows);
        expect(bins.length).toBeLessThanOrEqual(rows);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
        for (const [i, { from, count }] of bins.entries()) {
          const low = from ?? 0;
          const high = bins[i + 1]?.from ?? Number.POSITIVE_INFINITY;
          expect(low).toBeLessThan(high);
          // A time within the error of an edge may count on either side of it.
          const near = values.filter(
            (value) =>
              value * (1 + 2 * Histogram.ERROR) >= low && value * (1 - 2 * Histogram.ERROR) < high,
          ).length;
          expect(count).toBeLessThanOrEqual(near);
        }
      }),
    );
  });

  test('as fine as there is room, with outliers in the last row', () => {
    const histogram = new Histogram();
    for (let i = 0; i < 1000; i++) {
      histogram.add(i === 0 ? 60_000_000 : 79_000 + i);
    }
    const [first, last, ...more] = barLines(histogram, { columns: 60, rows: 10 });
    expect(first).toMatch(/^75 ms {2}█{41} {2}999 {2}>99 %$/);
    expect(last).toMatch(/^82 ms {47}1 {3}<1 %$/);
    expect(more).toEqual([]);
  });

  test('none without handshakes, no bars without room', () => {
    const histogram = new Histogram();
    expect(barLines(histogram, { columns: 80, rows: 10 })).toEqual([]);
    histogram.add(500);
    expect(barLines(histogram, { columns: 12, rows: 10 })).toEqual(['470 µs  1  100 %']);
  });
});

describe('top', () => {
  function topOf(tally: Tally): Top {
    const { all, sources, seconds, lost } = tally;
    return {
      ...{ seconds, lost, halfOpen: null },
      ...{ added: all.added, removed: all.removed, outcomes: all.outcomes },
      sources: {
        total: sources.total,
        networks: sources.networks,
        exact: sources.exact,
        error: sources.error,
        top: sources.top(50),
      },
      listeners: tally.listeners(),
    };
  }

  test('more listeners than are kept apart are counted together', () => {
    const tally = new Tally();
    for (let port = 1; port <= 300; port++) {
      tally.add({ ...ADDED, local: `10.9.0.1:${port}` }, 0);
    }
    const listeners = tally.listeners();
    expect(listeners).toHaveLength(257);
    expect(listeners.at(-1)).toMatchObject({ local: null, added: 44, qlen: null, limit: null });
  });

  test.each([40, 80, 200])('a screen of %d columns shows its error', (columns) => {
    const tally = new Tally();
    for (let i = 0; i < 5000; i++) {
      tally.add({ ...ADDED, remote: `10.${i >> 8}.${i & 255}.1:5` }, 0);
    }
    const frame = { name: 'events', title: [], clock: '', paused: false, keys: ['q quit'] };
    const top = topOf(tally);
    const lines = drawTop(top, frame, { columns, rows: 24 });
    expect(lines).toHaveLength(24);
    const text = lines.map((line) => render(line, columns, false)).join('\n');
    for (const phrase of sureness(top, true)) {
      expect(text).toContain(phrase);
    }
    expect(text).toContain(`counts too low by at most ${top.sources.error}`);
    expect(top.sources.error).toBeGreaterThan(0);
    expect(Math.max(...lines.map((line) => Math.min(widthOf(line), columns)))).toBe(columns);
  });
});
