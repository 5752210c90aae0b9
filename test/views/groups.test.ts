import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Group, Standing } from '../../src/aggregate/groups.js';
import { render } from '../../src/terminal/text.js';
import { drawGroups, type GroupScene, groupLines } from '../../src/views/groups/chart.js';
import { stackLines } from '../../src/views/records/stack.js';

const group = (
  key: string,
  total: number,
  rate: number | null,
  reasons = ['NO_SOCKET'],
): Group => ({
  keys: [key],
  beside: [reasons, ['-']],
  total,
  interval: rate ?? 0,
  rate,
});

const STANDING: Standing = {
  all: { total: 8125, interval: 812, rate: 812 },
  groups: [
    group('tcp_v4_rcv+0x1f3', 8000, 800),
    group('tcp_validate_incoming+0xe5', 120, 12, ['TCP_OLD_ACK', 'TCP_INVALID_SEQUENCE']),
  ],
  others: { total: 5, interval: 0, rate: 0 },
  left: 3,
  error: 0,
};

const SCENE: GroupScene = {
  things: 'drops',
  keys: ['location'],
  beside: ['reason', 'state'],
  standing: STANDING,
  lost: 0,
  refused: { total: 94_100, rate: 9410 },
  alert: null,
  stopped: false,
};

const FRAME = { name: 'tcpsynq drops', title: [], clock: '', paused: false, keys: ['q quit'] };

const screen = (scene: GroupScene, columns: number, rows: number) =>
  drawGroups(scene, FRAME, { columns, rows }).map((line) => render(line, columns, false).trimEnd());

describe('screen', () => {
  test('the figures, then where and why', () => {
    expect(screen(SCENE, 120, 9)).toEqual([
      'tcpsynq drops',
      'drops 812/s   total 8 125   lost 0   not seen here: 9 410/s SYNs refused, 94 100 in all (see listeners)',
      ' /s  TOTAL  LOCATION                    REASON     STATE',
      '800  8 000  tcp_v4_rcv+0x1f3            NO_SOCKET  -',
      ' 12    120  tcp_validate_incoming+0xe5  2 reasons  -',
      '  0      5  3 more',
      '',
      '',
      expect.stringMatching(/ q quit$/),
    ]);
  });

  test.each([10, 24, 40, 80])('%d columns: where it was is never left out', (columns) => {
    const lines = screen(SCENE, columns, 24);
    expect(lines).toHaveLength(24);
    expect(lines.every((line) => [...line].length <= columns)).toBe(true);
    const text = lines.join('\n');
    expect(text).toMatch(columns < 24 ? /drops 812/ : /8 000 {2}tcp_v4_/);
    if (columns >= 40) {
      expect(text).toMatch(/SYNs refused/);
      expect(text).toMatch(/tcp_validate_incoming\+0(xe5|x?…)/);
    }
  });

  test('low terminals: groups without a row are counted together', () => {
    const lines = screen(SCENE, 120, 6);
    expect(lines[3]).toMatch(/^800 +8 000 +tcp_v4_rcv/);
    expect(lines[4]).toMatch(/^ 12 +125 +4 more$/);
  });

  test('losses, alerts, a stop, and the possible error', () => {
    const changed = {
      ...SCENE,
      lost: 1234,
      stopped: true,
      alert: { limit: 500, on: true, reached: true },
      refused: null,
      standing: { ...STANDING, left: null, error: 7 },
    };
    const text = screen(changed, 80, 12).join('\n');
    expect(text).toMatch(/LOST 1 234 +STOPPED +ALERT at 500\/s/);
    expect(text).toMatch(/5 {2}others/);
    expect(text).toMatch(/totals too low by at most 7/);
    expect(text).not.toMatch(/SYNs/);
    const over = screen({ ...changed, alert: { ...changed.alert, on: false } }, 80, 12);
    expect(over.join('\n')).toMatch(/alert at 500\/s is over/);
  });

  test('text from outside cannot steer a terminal', () => {
    const standing = { ...STANDING, groups: [group('a\u001b[2Jb', 1, 1)] };
    expect(screen({ ...SCENE, standing }, 80, 12).join('\n')).toContain('a\\x1b[2Jb');
  });

  test('any content fits', () => {
    const groups = fc.array(
      fc.record({
        keys: fc.tuple(fc.string({ maxLength: 60 })),
        beside: fc.tuple(
          fc.array(fc.string({ maxLength: 20 }), { maxLength: 16 }),
          fc.array(fc.string({ maxLength: 20 }), { maxLength: 3 }),
        ),
        total: fc.nat(),
        interval: fc.nat(),
        rate: fc.option(fc.float({ min: 0, max: 1e6, noNaN: true })),
      }),
      { maxLength: 40 },
    );
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 200 }),
      rows: fc.integer({ min: 4, max: 50 }),
    });
    fc.assert(
      fc.property(groups, size, (many, { columns, rows }) => {
        const standing = { ...STANDING, groups: many };
        expect(screen({ ...SCENE, standing }, columns, rows)).toHaveLength(rows);
        const { length } = groupLines({ ...SCENE, standing }, '1.000', columns);
        expect(length).toBeGreaterThan(many.length);
      }),
    );
  });
});

describe('plain', () => {
  test('words under their columns, and below them what they add up to', () => {
    expect(groupLines(SCENE, '1.500')).toEqual([
      'drops/s  total  location                    reason     state  at_most',
      '    800   8000  tcp_v4_rcv+0x1f3            NO_SOCKET  -         8000',
      '     12    120  tcp_validate_incoming+0xe5  2_reasons  -          120',
      '      0      5  others                      -          -            5',
      '# 1.500 drops 812/s, total 8125, lost 0, not seen here: SYNs refused 9410/s, 94100 in all (see listeners)',
    ]);
  });

  test('a rate that is not known, a text that is not kept', () => {
    const texts = Array.from({ length: 16 }, (_, i) => `R${i}`);
    const all = { total: 1, interval: 1, rate: null };
    const standing = {
      ...{ all, others: { ...all, total: 0 }, left: null, error: 2 },
      groups: [group('here', 1, null, texts)],
    };
    expect(groupLines({ ...SCENE, refused: null, standing }, '1.500')).toEqual([
      'drops/s  total  location  reason       state  at_most',
      '      -      1  here      16+_reasons  -            3',
      '# 1.500 drops -/s, total 1, lost 0, totals too low by at most 2',
    ]);
  });
});

test('stacks: the leaf first', () => {
  expect(stackLines('a+0x1;b+0x2;c\u0007')).toEqual([
    '        c\\x07',
    '        b+0x2',
    '        a+0x1',
  ]);
  expect(stackLines(null)).toEqual([]);
});
