import { expect, test } from 'vitest';
import { MAX_LINE, StreamParser } from '../../src/stream/parser.js';
import { capture, countLine } from '../capture.js';

function parseAll(text: string) {
  const parser = new StreamParser();
  return { parser, lines: text.split('\n').map((line) => parser.parse(line)) };
}

test('reads a header and its counts', () => {
  const { parser, lines } = parseAll(capture(4, 10));
  expect(parser.header).toEqual({
    version: 1,
    kernel: '6.1.0-56-amd64',
    netns: '4026531840',
    boot_id: '0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10',
    clock_offset: Number('1790000000.123456789'),
    filter: { kinds: 'count', interval_ms: '1000' },
  });
  const counts = lines.flatMap((line) => (line.type === 'record' ? [line.record] : []));
  expect(counts.map((count) => count.kind === 'C' && count.half_open)).toEqual([0, 5, 10, 5, 0]);
  expect(lines.some(({ type }) => type === 'problem')).toBe(false);
});

test('reads columns by name, and skips unknown columns and kinds', () => {
  const { lines } = parseAll('# C half_open colour time added\nC 7 red 1.5 9 extra\nQ 1 2 3');
  expect(lines[1]).toEqual({
    type: 'record',
    record: { kind: 'C', time: 1.5, half_open: 7, figures: { half_open: 7, added: 9 } },
  });
  expect(lines[2]).toEqual({ type: 'other', kind: 'Q' });
});

test('falls back to the published columns without a header', () => {
  const { lines } = parseAll(countLine(1, { half_open: -3, lost: 2 }));
  expect(lines[0]).toMatchObject({
    record: { half_open: -3, figures: { half_open: -3, lost: 2 } },
  });
});

test('a header in the middle starts afresh', () => {
  const { parser } = parseAll('# tcpsynq 1\n# kernel a\n# C time half_open\n# tcpsynq 1');
  expect(parser.header).toMatchObject({ version: 1, kernel: null });
  expect(parser.parse('C 1.0 2')).toMatchObject({ type: 'problem', line: 5 });
});

test.each(['L 9.2 A -100 0 0', 'L 9.2 A 1 -1 0', 'L 9.2 A 1 1 -5'])(
  'a loss below 0 is none: %s',
  (line) => {
    expect(parseAll(line).lines).toMatchObject([
      { type: 'problem', reason: expect.stringContaining('from 0 on') },
    ]);
  },
);

test.each(['2', '0', '1.5', '', 'two'])(
  'passes over a stream of format version "%s"',
  (version) => {
    const { lines } = parseAll(
      `# tcpsynq ${version}\n# clock_offset 5\n${countLine(1, {})}\njunk\n# tcpsynq 1\n${countLine(1, {})}`,
    );
    expect(lines).toMatchObject([
      { type: 'problem', line: 1, reason: expect.stringContaining('install a newer one') },
      { type: 'comment' },
      { type: 'problem', line: 3, reason: expect.stringContaining('format version') },
      { type: 'problem', line: 4 },
      { type: 'start' },
      { type: 'record' },
    ]);
  },
);

test.each(['99999999999999.5', '4000000000001', '-5', 'x', '', `0.${'0'.repeat(19)}`])(
  'locates a clock offset that is none: "%s"',
  (offset) => {
    const { parser, lines } = parseAll(
      `# tcpsynq 1\n# clock_offset ${offset}\n${countLine(1, {})}`,
    );
    expect(lines).toMatchObject([
      { type: 'start' },
      { type: 'problem', line: 2, reason: expect.stringContaining('clock_offset') },
      { type: 'record' },
    ]);
    expect(parser.header.clock_offset).toBeNull();
  },
);

test('reads a loss', () => {
  expect(new StreamParser().parse('L 2.000000001 A 5 7 100')).toEqual({
    type: 'record',
    record: { kind: 'L', time: 2.000000001, of: 'A', lost: 5, lost_total: 7, produced_total: 100 },
  });
});

test.each([
  ['too few columns', 'C 1.0 2', 'columns'],
  ['no time', countLine(0, {}).replace('0.000000000', 'now'), 'time'],
  ['a comment before it', '# no record\nC x', 'columns'],
  ['no kind', 'hello world', 'not a record'],
  ['NUL characters', '\u0000'.repeat(40), 'not a record'],
  ['too many characters', 'C'.repeat(MAX_LINE + 1), 'longer'],
])('reports the place and the fault of a line that has %s', (_name, text, reason) => {
  const { lines } = parseAll(`${text}\n${countLine(1, {})}`);
  const bad = lines.at(-2);
  expect(bad).toMatchObject({ type: 'problem', line: lines.length - 1 });
  expect(bad?.type === 'problem' && bad.reason).toContain(reason);
  expect(lines.at(-1)).toMatchObject({ type: 'record' });
  expect(lines.filter(({ type }) => type === 'problem')).toHaveLength(1);
});

test('refuses a number that a double would round', () => {
  const parser = new StreamParser();
  parser.parse('# C time half_open lost');
  expect(parser.parse('C 1.0 0 9007199254740993')).toMatchObject({ type: 'problem' });
  expect(parser.parse('C 1.0 0 9007199254740991')).toMatchObject({
    record: { figures: { lost: 9007199254740991 } },
  });
});

test('reads lines that end in CR LF, and blank ones', () => {
  const { lines } = parseAll(`${countLine(1, { half_open: 4 })}\r\n\r\n`);
  expect(lines[0]).toMatchObject({ record: { half_open: 4, figures: { lost: 0 } } });
  expect(lines[1]).toEqual({ type: 'blank' });
});

test('never throws for any line', () => {
  const alphabet = 'CLAR# -+.0123456789efx=\t\u0000é';
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const parser = new StreamParser();
  for (let i = 0; i < 20_000; i += 1) {
    const line = Array.from({ length: random(60) }, () => alphabet[random(alphabet.length)]);
    parser.parse(line.join(''));
  }
  expect(parser.lines).toBe(20_000);
});

test.each([
  ['names', `# C time half_open ${'n'.repeat(65)}`],
  ['columns', `# C time half_open ${'c '.repeat(255)}`],
])('ignores a header with too many columns or too long a name: %s', (_, header) => {
  const { lines } = parseAll(`# tcpsynq 1\n${header}\n${countLine(1, {})}`);
  expect(lines.map(({ type }) => type)).toEqual(['start', 'problem', 'record']);
});
