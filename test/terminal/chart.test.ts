import { describe, expect, test } from 'vitest';
import type { Point } from '../../src/aggregate/session.js';
import { plot, stepFor, timeAxis } from '../../src/terminal/line-chart.js';
import { table } from '../../src/terminal/table.js';
import {
  percent,
  printable,
  rate,
  render,
  seconds,
  whole,
  widthOf,
  wrap,
} from '../../src/terminal/text.js';
import { columnsOf, sparkline } from '../../src/views/watch/series.js';

function points(...values: readonly (readonly [number, number, number?])[]): Point[] {
  return values.map(([time, high, epoch = 1]) => ({ time, high, epoch, figures: {} }));
}

describe('numbers for people', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1 000'],
    [-41233, '-41 233'],
    [1234567, '1 234 567'],
  ])('whole(%j)', (value, text) => {
    expect(whole(value, true)).toBe(text);
    expect(whole(value, false)).toBe(String(value));
  });

  test.each([
    [0, '0'],
    [0.04, '0'],
    [0.4, '0.4'],
    [9.96, '10'],
    [-0.3, '-0.3'],
    [12.6, '13'],
    [9871, '9 871'],
  ])('rate(%j)', (value, text) => {
    expect(rate(value, true)).toBe(text);
  });

  test.each([
    [0, '0 %'],
    [0.001, '<1 %'],
    [0.5, '50 %'],
    [0.999, '>99 %'],
    [1, '100 %'],
  ])('percent(%j)', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  test.each([
    [0.5, '0.5 s'],
    [60, '60 s'],
    [120, '2 min'],
    [3600, '60 min'],
    [9000, '2.5 h'],
  ])('seconds(%j)', (value, text) => {
    expect(seconds(value)).toBe(text);
  });
});

describe('lines', () => {
  const line = ['ab', { text: 'cdé', look: 'bad' as const }, 'f'];

  test('are cut by characters, with and without colour', () => {
    expect(widthOf(line)).toBe(6);
    expect(render(line, 5, false)).toBe('abcdé');
    expect(render(line, 3, true)).toBe('ab\u001b[31mc\u001b[0m');
    expect(render(line, 2, true)).toBe('ab');
  });

  test('text from outside cannot steer the terminal', () => {
    expect(printable('a\u001b[2Jb\u009bc\u202ed')).toBe('a\\x1b[2Jb\\u009bc\\u202ed');
  });
});

test('text is broken between words, and numbers keep their units', () => {
  expect(wrap('completed 95 % of all, in 5 s: most', 12)).toEqual([
    'completed',
    '95 % of all,',
    'in 5 s: most',
  ]);
  expect(wrap('a-word-that-is-longer than that', 6)).toEqual([
    'a-word-that-is-longer',
    'than',
    'that',
  ]);
});

describe('columnsOf', () => {
  test('keeps the highest of each column', () => {
    expect(columnsOf(points([0, 1], [1, 9], [2, 2], [3, 3]), 4, 4, 2)).toEqual([9, 3]);
  });

  test('carries on where a column has no point, within an epoch only', () => {
    expect(columnsOf(points([0, 1], [4, 5]), 5, 5, 5)).toEqual([1, 1, 1, 1, 5]);
    expect(columnsOf(points([0, 1], [4, 5, 2]), 5, 5, 5)).toEqual([1, null, null, null, 5]);
    // A column with two points shows the higher one; the next columns continue the later one.
    expect(columnsOf(points([0, 9], [1, 2], [1.5, 1], [3, 4]), 4, 4, 4)).toEqual([9, 2, 1, 4]);
  });

  test('comes in from before the start', () => {
    expect(columnsOf(points([-5, 7], [4, 5]), 5, 5, 5)).toEqual([7, 7, 7, 7, 5]);
  });

  test('shows nothing before the first point, or without points', () => {
    expect(columnsOf(points([4, 5]), 5, 5, 5)).toEqual([null, null, null, null, 5]);
    expect(columnsOf([], 5, 5, 3)).toEqual([null, null, null]);
    expect(columnsOf(points([4, 5]), 5, 5, 0)).toEqual([]);
  });
});

test('has room for the longest label, wherever it is on the axis', () => {
  const quarters = (value: number) => String(value / 100);
  const chart = plot(
    (room) => Array.from({ length: room }, () => 4310),
    { low: 4100, high: 4390, afloat: true },
    { width: 30, height: 13 },
    quarters,
  );
  expect(chart?.lines.map((line) => line.replace(/ [┤┼].*/, '').trim())).toEqual(
    Array.from({ length: 13 }, (_, i) => quarters(4400 - 25 * i)),
  );
});

test('sparkline goes from nothing to the highest', () => {
  expect(sparkline([0, null, 4, 8])).toBe('▁ ▅█');
  expect(sparkline([0, 0])).toBe('▁▁');
  expect(sparkline([])).toBe('');
  expect(sparkline([-5, 5])).toBe('▁█');
});

describe('plot', () => {
  const draw = (values: readonly (number | null)[], width: number, height: number) => {
    const known = values.filter((value) => value !== null);
    const range = { low: Math.min(0, ...known), high: Math.max(0, ...known) };
    return plot((room) => values.slice(0, room), range, { width, height }, String);
  };

  test('labels are whole and start at 0', () => {
    expect(draw([0, 3, 10, 3, null, 0], 20, 6)?.lines).toEqual([
      '10 ┤ ╭╮',
      ' 8 ┤ ││',
      ' 6 ┤ ││',
      ' 4 ┤╭╯╰─',
      ' 2 ┤│',
      ' 0 ┼╯    ─',
    ]);
  });

  test('draws nothing but the axis for nothing known', () => {
    expect(draw([null, null], 12, 3)?.lines).toEqual(['2 ┤', '1 ┤', '0 ┼']);
  });

  test('has room below zero when it must', () => {
    expect(draw([-2, 2], 12, 5)?.lines.map((line) => line.slice(0, 3).trim())).toEqual([
      '2',
      '1',
      '0',
      '-1',
      '-2',
    ]);
  });

  test('gives up where there is no room', () => {
    expect(draw([1], 20, 1)).toBeNull();
    expect(draw([1], 3, 5)).toBeNull();
  });

  test.each([0, 1, 7, 41_233, 65_536, 9_007_199_254_740_991])(
    'fits whatever the top: %j',
    (top) => {
      for (const width of [26, 40, 80, 200]) {
        for (const height of [2, 3, 10, 50]) {
          const values = Array.from({ length: width }, (_, i) => (i * top) / width);
          const lines = draw(values, width, height)?.lines ?? [];
          expect(lines.length).toBe(height);
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
        }
      }
    },
  );

  test('steps are easy numbers that reach the top', () => {
    expect(stepFor(0, 65_536, 16)).toBe(5000);
    expect(stepFor(0, 3, 10)).toBe(1);
    expect(stepFor(-10, 10, 4)).toBe(5);
  });

  test('the time axis ends at the right edge', () => {
    expect(timeAxis(4, 40, '60 s', '30 s', 'now')).toBe('    -60 s             -30 s          now');
    expect(timeAxis(4, 14, '60 s', '30 s', 'now')).toBe('    -60 s  now');
    expect(timeAxis(4, 8, '60 s', '30 s', 'now')).toBe('    -60 ');
  });
});

test('a table lines up, and leaves out from the end what does not fit', () => {
  const columns = [
    { title: 'name', align: 'left', cells: ['a', 'long one'] },
    { title: 'n', align: 'right', cells: ['1', '1 000'] },
    { title: 'why', align: 'left', cells: ['x', 'y'], extra: true },
    { title: 'last', align: 'left', cells: ['x', 'y'] },
  ] as const;
  expect(table(columns).lines).toEqual([
    'name          n  why  last',
    'a             1  x    x',
    'long one  1 000  y    y',
  ]);
  const narrow = table(columns, 16);
  expect(narrow.lines[2]).toBe('long one  1 000');
  expect(narrow.leftOut).toEqual(['last']);
});

test('a table of 200,000 rows', () => {
  const cells = Array.from({ length: 200_000 }, (_, i) => String(i));
  const { lines } = table([{ title: 'N', align: 'right', cells }]);
  expect(lines).toHaveLength(200_001);
  expect(lines[1]).toBe('     0');
});
